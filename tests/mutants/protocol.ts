/**
 * What the run and a process that tries mutants say to each other: one JSON text a line, on the
 * process's standard input and output. A mutant is told by its number in `allMutants()`;
 * any other number is the scripts as they are.
 */

/** The tests that a mutant is given to, in this order. */
export const STAGES = ["suite", "redis", "model", "orders"] as const;

/** One of them. */
export type Stage = typeof STAGES[number];

/** What became of a mutant. */
export interface Verdict {
  /** Undefined when it survived. */
  readonly caught?: Catch;
  /** The process ends now, since what the mutant began may go on in it for ever. */
  readonly last: boolean;
}

/** How it was noticed. */
export interface Catch {
  readonly by: Stage;
  /** Name of the test. */
  readonly test: string;
  readonly error: string;
  /** It was not over in time. */
  readonly hangs: boolean;
}

/** First line of a process: it takes mutants. */
export const READY = "ready";
