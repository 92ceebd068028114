/** One backend holds any number of queues, told apart by name, each with workers of its own. */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const fooTasks = { func: (arg: number) => `foo ${arg}` };
  await using fooBroker = getBroker(url, "foo");
  fooBroker.expose(fooTasks);
  await using _fooPool = new InlineWorkerPool(fooBroker).start();

  const barTasks = { func: (arg: number) => `bar ${arg}` };
  await using barBroker = getBroker(url, "bar");
  barBroker.expose(barTasks);
  await using _barPool = new InlineWorkerPool(barBroker).start();

  // What follows calls tasks; usually that is another process.
  await using foo = getQueue<typeof fooTasks>(url, { name: "foo" });
  await using bar = getQueue<typeof barTasks>(url, { name: "bar" });
  const [fromFoo, fromBar] = [await foo.func(1), await bar.func(2)];
  console.log(await fromFoo.result({ timeout: 30_000 }));
  console.log(await fromBar.result({ timeout: 30_000 }));
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// foo 1
// bar 2
