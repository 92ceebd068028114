/** The loops and clocks of measured processes: the same for everyone. */

/** The milliseconds that `work` takes. */
export async function clocked(work: () => Promise<unknown>): Promise<{ ms: number }> {
  const start = performance.now();
  await work();
  return { ms: performance.now() - start };
}

/** The milliseconds that each of `n` calls takes, one after the other. */
export async function timesOf(n: number, call: (i: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < n; i++) times.push((await clocked(() => call(i))).ms);
  return times;
}

/** Calls with every input, `width` calls at a time. */
export async function inFlight<T>(
  inputs: readonly T[],
  width: number,
  call: (input: T) => Promise<unknown>,
): Promise<void> {
  const left = inputs.values();
  const caller = async () => {
    for (const input of left) await call(input);
  };
  await Promise.all(Array.from({ length: width }, caller));
}

/** Throws for a result that is not as expected. */
export function check(result: number, expected: number): void {
  if (result !== expected) throw new Error(`Wrong result: ${result} instead of ${expected}`);
}
