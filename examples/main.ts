/**
 * A producer: has ten tasks run in parallel, and an eleventh on their results. It imports the type
 * of the tasks and none of their code; what runs them is `pool.ts`, here or on another machine.
 *
 *     deno run -A examples/main.ts redis://localhost:6379/0
 */
import process from "node:process";
import { getQueue } from "@worq/worq";
import type { tasks } from "./tasks.ts";

/** Calls the tasks on the queue at `url`, and waits for the sum. */
export async function produce(url: string): Promise<void> {
  await using q = getQueue<typeof tasks>(url);
  const numbers = Array.from({ length: 10 }, (_, i) => q.tasks.num(`${i}`));
  const sum = await q.tasks.add(numbers);
  console.log(`0 + 1 + ... + 9 = ${await sum.result({ timeout: 30_000 })}`);
}

if (import.meta.main) await produce(process.argv[2] ?? "redis://localhost:6379/0");

// Output:
// 0 + 1 + ... + 9 = 45
