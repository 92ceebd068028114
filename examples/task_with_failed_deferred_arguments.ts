/**
 * When an argument fails, the task that takes it fails too, without running. With `onError: "pass"`
 * it runs, and finds a `TaskFailure` where the value would have been.
 */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool, task, TaskFailure } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const tasks = {
    func(arg: number) {
      if (arg === 0) throw new Error("zero fail!");
      return arg;
    },
    collect: (items: (number | TaskFailure)[]) => items,
  };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const collect = task(q.collect, { onError: "pass" });
  const collected = await collect([q.func(1), q.func(0), q.func(2)]);
  for (const item of await collected.result({ timeout: 30_000 })) {
    console.log(item instanceof TaskFailure ? item.message.replace(item.taskId, "ID") : item);
  }
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// 1
// func [default:ID] Error: zero fail!
// 2
