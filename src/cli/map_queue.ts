/** {@linkcode leaveNothing}: what one `worq map` has put on a server goes with it. */
import type { Broker } from "../../mod.ts";
import { openConnection } from "../queues/redis.ts";
import { prefixOf } from "../queues/redis_lua.ts";

/** Cancels the tasks with these ids and, when nobody else uses the queue, removes it. */
export async function leaveNothing(
  { taskQueue, name, url }: Broker,
  ids: readonly string[],
  isOwn: boolean,
): Promise<void> {
  if (ids.length > 0) await taskQueue.cancel(ids.map((id) => ({ id })));
  if (!isOwn || url.startsWith("memory:")) return;
  const connection = openConnection(url, {});
  try {
    // Results end by themselves; the counter of the queue would not. As safe to repeat as a read.
    await connection.read("DEL", `${prefixOf(name)}meta`);
  } finally {
    await connection.close();
  }
}
