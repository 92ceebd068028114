/**
 * Calling a task gives a handle; wait for it, then read the value.
 *
 * Keep this to callers: a task that waits for another one holds its place in the pool, and when all
 * places are held like that, nothing moves any more.
 */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const tasks = { func: (arg: string) => arg };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const deferred = await q.func("arg");
  console.log(await deferred.wait({ timeout: 30_000 }));
  console.log(deferred.value);
  console.log(deferred.toString().replace(deferred.id, "ID"));
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// true
// arg
// <Deferred func [default:ID] success>
