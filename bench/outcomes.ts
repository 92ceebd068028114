/** What the rounds gave. */
import type { Figures } from "./protocol.ts";

/** What one measurement in one round gave. */
export interface Outcome {
  readonly round: number;
  readonly outcome: Figures | Error;
}

/** A figure in a report. */
export interface Column {
  /** Its name among the figures. */
  readonly key: string;
  readonly header: string;
}

/** What `measure` gives, be it an error; but throws when `signal` stops everything. */
export async function attempt(
  signal: AbortSignal,
  measure: () => Promise<Figures>,
): Promise<Figures | Error> {
  signal.throwIfAborted();
  try {
    return await measure();
  } catch (error) {
    signal.throwIfAborted();
    return error as Error;
  }
}

/** `list` in the order of a round: in each, another one goes first. */
export function inTurn<T>(list: readonly T[], round: number): T[] {
  return list.map((_, i) => list[(i + round - 1) % list.length]!);
}

/** One figure, by round; without the rounds that do not have it. */
export function byRound(outcomes: readonly Outcome[], key: string): Map<number, number> {
  const values = new Map<number, number>();
  for (const { round, outcome } of outcomes) {
    if (outcome instanceof Error) continue;
    const value = outcome[key];
    if (value !== undefined && Number.isFinite(value)) values.set(round, value);
  }
  return values;
}

/** Ratios of figures, each taken inside a round. */
export function ratiosOf(
  ours: ReadonlyMap<number, number>,
  theirs: ReadonlyMap<number, number>,
): number[] {
  return [...ours]
    .filter(([round]) => theirs.has(round))
    .map(([round, value]) => value / theirs.get(round)!);
}
