/** A worker exposes a function; whoever knows the queue's URL can have it run. */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const received = Promise.withResolvers<string>();
  const tasks = { func: (arg: string) => received.resolve(arg) };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  await q.func("arg");
  console.log(await received.promise);
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// arg
