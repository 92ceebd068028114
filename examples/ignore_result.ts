/** Nobody wants the result? Say so: the call gives no handle, and the queue keeps nothing. */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool, task } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const received = Promise.withResolvers<number>();
  const tasks = { func: (arg: number) => received.resolve(arg) };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const func = task(q.func, { ignoreResult: true });
  console.log(await func(3));
  console.log(await received.promise);
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// undefined
// 3
