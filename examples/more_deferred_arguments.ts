/** A task that takes handles gives one itself, so calls nest as deep as the work does. */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const tasks = {
    func: (arg: number) => arg,
    sum: (values: number[]) => values.reduce((a, b) => a + b, 0),
    add: (a: number, b: number) => a + b,
  };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const sum123 = q.sum([q.func(1), q.func(2), q.func(3)]);
  const sum1234 = await q.add(sum123, q.func(4));
  console.log(await sum1234.result({ timeout: 30_000 }));
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// 10
