/**
 * A handle is an argument like any other. The task that takes it starts when the value is there,
 * and gets the value, never the handle; the caller does not have to wait in between.
 */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const tasks = {
    func: (arg: number) => arg,
    sum: (values: number[]) => values.reduce((a, b) => a + b, 0),
  };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const sum = await q.sum([q.func(1), q.func(2), q.func(3)]);
  console.log(await sum.result({ timeout: 30_000 }));
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// 6
