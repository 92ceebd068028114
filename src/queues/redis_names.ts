/** {@linkcode redisQueueNames}: which queues a server has. */
import { openConnection, type RedisQueueOptions } from "./redis.ts";
import { prefixOf } from "./redis_lua.ts";

/** Keys that the server looks at in one step, well within a millisecond. */
const STEP = 1_000;
/** The one key that a queue has from its first task on. */
const META = prefixOf("*") + "meta";
const NAME = /^worq:\{([^{}]+)\}:meta$/;

/** Names of the queues on the server or cluster at `url` that ever had a task, in no order. */
export async function redisQueueNames(url: string, options: RedisQueueOptions): Promise<string[]> {
  const connection = openConnection(url, options);
  // A scan may give a key more than once.
  const names = new Set<string>();
  try {
    await connection.survey(async (send) => {
      let cursor = "0";
      do {
        const page = await send("SCAN", [cursor, "MATCH", META, "COUNT", `${STEP}`]);
        const [next, keys] = page as [string, string[]];
        for (const key of keys) {
          // The ids of tasks are in keys, too.
          const name = NAME.exec(key)?.[1];
          if (name !== undefined) names.add(name);
        }
        cursor = next;
      } while (cursor !== "0");
    });
  } finally {
    await connection.close();
  }
  return [...names];
}
