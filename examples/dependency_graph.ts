/**
 * A whole graph of tasks is handed over at once, and the workers find their own way through it.
 *
 *     left 1   right 1    left 2   right 2    left 3   right 3
 *          \   /               \   /               \   /
 *         catch 1             catch 2             catch 3
 *               \________________|________________/
 *                                |
 *                             combine
 */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool, TaskSpace } from "@worq/worq";

type Caught = readonly [num: number, sides: readonly string[]];

export async function main(url: string): Promise<void> {
  const tasks = new TaskSpace("", {
    left: (num: number) => `left ${num}`,
    right: (num: number) => `right ${num}`,
    catch: (left: string, right: string, num: number): Caught => [num, [left, right]],
    combine: (items: Caught[]) => new Map(items),
  });
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const caught = [1, 2, 3].map((num) => q.catch(q.left(num), q.right(num), num));
  const combined = await q.combine(caught);
  for (const [num, sides] of await combined.result({ timeout: 30_000 })) {
    console.log(`${num}: ${sides.join(", ")}`);
  }
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// 1: left 1, right 1
// 2: left 2, right 2
// 3: left 3, right 3
