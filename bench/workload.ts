/** What a run is made of. */
import type { Figures } from "./protocol.ts";

/** A figure in a report. */
export interface Column {
  /** Its name among the figures. */
  readonly key: string;
  readonly header: string;
}

/** Somebody who does the work. */
export interface Entry {
  /** As {@linkcode sideOf} names it. */
  readonly side: string;
  /** Measures once, from nothing to the end; `sample` takes what is read on the way. */
  measure(sample: (figures: Figures) => void): Promise<Figures>;
}

/** Entries that do the same work. */
export interface Case {
  /** Tells it from the others of its workload; empty when there is only one. */
  readonly label: string;
  readonly entries: readonly Entry[];
}

/** One table of the report. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** What tells its cases apart. */
  readonly caseHeader?: string;
  readonly columns: readonly Column[];
  /** What is read on the way, for a workload that does so. */
  readonly samples?: readonly Column[];
  readonly cases: readonly Case[];
  /** Takes so long that it is measured only when it is named, and in one round. */
  readonly apart?: boolean;
  /** Must be there to measure it, besides the packages. */
  prepare?(): void;
}

/** How much is measured. */
export interface Size {
  /** The number of tasks that all others are derived from. */
  readonly tasks: number;
  /** Tasks of the workload that takes long. */
  readonly long: number;
}

/** A part of `tasks`, but not next to nothing. */
export function share({ tasks }: Pick<Size, "tasks">, part: number): number {
  return Math.max(10, Math.round(tasks * part));
}
