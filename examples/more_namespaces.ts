/** Spaces nest, and a name in one of them is free in all the others. */
import process from "node:process";
import { all, getBroker, getQueue, InlineWorkerPool, TaskSpace } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const foo = new TaskSpace("foo", { join: (arg: number) => `foo-join ${arg}` });
  const bar = new TaskSpace("foo.bar", { kick: (arg: number) => `bar-kick ${arg}` });
  const baz = new TaskSpace("foo.bar.baz", {
    join: (arg: number) => `baz-join ${arg}`,
    kick: (arg: number) => `baz-kick ${arg}`,
  });
  await using broker = getBroker(url);
  broker.expose(foo).expose(bar).expose(baz);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof foo | typeof bar | typeof baz>(url);
  const calls = [
    q.foo.join(1),
    q.foo.bar.kick(2),
    q.foo.bar.baz.join(3),
    q.foo.bar.baz.kick(4),
  ];
  for (const result of await all(calls, { timeout: 30_000 })) console.log(result);
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// foo-join 1
// bar-kick 2
// baz-join 3
// baz-kick 4
