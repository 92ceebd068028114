/** A space groups tasks under a path, much as folders group modules. */
import process from "node:process";
import { all, getBroker, getQueue, InlineWorkerPool, TaskSpace } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const tasks = new TaskSpace("module.path", {
    foo: () => "foo",
    bar: (arg: number) => `bar ${arg}`,
  });
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const { path } = q.module;
  const results = await all([path.foo(), path.bar(1)], { timeout: 30_000 });
  results.forEach((result) => console.log(result));
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// foo
// bar 1
