/** What the rounds gave. */
import type { Figures } from "./protocol.ts";
import { median } from "./statistics.ts";

/** What one measurement in one round gave: figures, or why there are none. */
export interface Row {
  readonly workload: string;
  readonly case: string;
  readonly side: string;
  readonly round: number;
  readonly figures?: Figures;
  /** What was read on the way, in that order. */
  readonly samples?: readonly Figures[];
  readonly error?: string;
}

/** Names a figure. */
export interface Figure {
  readonly workload: string;
  readonly case: string;
  readonly side: string;
  readonly key: string;
}

/** One figure, by round; without the rounds that do not have it. */
export function byRound(rows: readonly Row[], pick: Figure): Map<number, number> {
  const values = new Map<number, number>();
  for (const row of rows) {
    if (row.workload !== pick.workload || row.case !== pick.case || row.side !== pick.side) {
      continue;
    }
    const value = row.figures?.[pick.key];
    if (value !== undefined && Number.isFinite(value)) values.set(row.round, value);
  }
  return values;
}

/** One figure in all rounds that have it. */
export function valuesOf(rows: readonly Row[], pick: Figure): number[] {
  return [...byRound(rows, pick).values()];
}

/** The median of one figure; NaN when no round has it. */
export function medianOf(rows: readonly Row[], pick: Figure): number {
  return median(valuesOf(rows, pick));
}

/** Ratios of two figures, each taken inside a round. */
export function ratiosOf(rows: readonly Row[], pick: Figure, to: Figure): number[] {
  const theirs = byRound(rows, to);
  return [...byRound(rows, pick)]
    .filter(([round]) => theirs.has(round))
    .map(([round, value]) => value / theirs.get(round)!)
    .filter(Number.isFinite);
}
