/** Has faults happen. */
import type { Random } from "./random.ts";
import type { Disturbance } from "./recovery.ts";
import { timetable } from "./timetable.ts";

/** Something that goes wrong. */
export interface Fault {
  /** Milliseconds between two of them, on average. */
  readonly mean: number;
  /** Whether calls do not get through meanwhile, or late. */
  readonly disturbs?: boolean;
  /** Has it happen; resolves when it is over. */
  act(random: Random): Promise<unknown> | void;
}

/** Faults by name. */
export type Faults = Readonly<Record<string, Fault>>;

/** What has happened. */
export interface Happened {
  /** How often which fault did. */
  readonly counts: Readonly<Record<string, number>>;
  readonly disturbances: readonly Disturbance[];
}

/** Has each fault happen at its times, or when the one before it is over; tells of each. */
export async function happen(
  faults: Faults,
  length: number,
  random: Random,
  tell: (text: string) => void,
): Promise<Happened> {
  const means = Object.entries(faults).map(([kind, { mean }]) => [kind, mean] as const);
  const start = Date.now();
  const counts: Record<string, number> = {};
  const disturbances: Disturbance[] = [];
  for (const { at, kind } of timetable(random, length, Object.fromEntries(means))) {
    await sleep(start + at - Date.now());
    const { act, disturbs } = faults[kind]!;
    const from = Date.now();
    await act(random);
    const to = Date.now();
    tell(`${((from - start) / 1_000).toFixed(1)} s: ${kind} (${to - from} ms)`);
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (disturbs) disturbances.push({ from, to });
  }
  await sleep(start + length - Date.now());
  return { counts, disturbances };
}

/** Resolves after some milliseconds; at once for fewer than none. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
