/** When which fault happens. */
import type { Random } from "./random.ts";

/** A fault and its time, in milliseconds from the start. */
export interface Appointment<Kind> {
  readonly at: number;
  readonly kind: Kind;
}

/**
 * A Poisson process for each kind, with the mean pause between two that `means` says, and each kind
 * at least once. The first and the last tenth are left alone, so that there is something to
 * disturb, and an end to see.
 */
export function timetable<Kind extends string>(
  random: Random,
  length: number,
  means: Readonly<Record<Kind, number>>,
): Appointment<Kind>[] {
  const [first, last] = [0.1 * length, 0.9 * length];
  const all: Appointment<Kind>[] = [];
  for (const [kind, mean] of Object.entries(means) as [Kind, number][]) {
    const own = random.fork();
    const before = all.length;
    for (let at = first + own.pause(mean); at < last; at += own.pause(mean)) all.push({ at, kind });
    if (all.length === before) all.push({ at: own.between(first, last), kind });
  }
  return all.sort((a, b) => a.at - b.at);
}
