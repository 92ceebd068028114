/** The process that works: the tasks of every side, and when it begins with them. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Figures, Payload } from "../protocol.ts";
import { serve } from "../serve.ts";

/**
 * What the run can ask for: to take tasks, or also how long it takes to begin with so many; how many
 * it has begun.
 */
export type WorkerOperation = "work" | "drain" | "count";

/** Calls of the task that does nothing, and what waits for some of them. */
let calls = 0;
let watch: { readonly first: number; readonly last: number; done(ms: number): void } | undefined;
let start = 0;

/** Does nothing, for some time if it is told to: its result is a small integer. */
export function noop({ i, wait }: Payload): number | Promise<number> {
  calls++;
  if (calls === watch?.first) start = performance.now();
  if (calls === watch?.last) watch.done(performance.now() - start);
  return wait === undefined ? i : sleep(wait, i);
}

/** The fan-in. */
export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Answers questions until the standard input ends. `begin` has tasks taken from then on. */
export async function serveWorker(begin: () => unknown): Promise<void> {
  await serve<WorkerOperation>(async ({ op, n, skip = 0 }) => {
    if (op === "count") return { calls };
    const { promise, resolve: done } = Promise.withResolvers<number>();
    if (op === "drain") watch = { first: skip + 1, last: skip + n, done };
    await begin();
    const figures: Figures = op === "drain" ? { ms: await promise } : {};
    return figures;
  });
}
