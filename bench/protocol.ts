/**
 * What a run and a measured process say to each other: one JSON text a line, questions on the
 * process's standard input, answers on its standard output.
 */

/** A question. */
export interface Ask<Op extends string> {
  readonly op: Op;
  /** Number of tasks. */
  readonly n: number;
  /** How often, for a fan-in. 1 when omitted. */
  readonly times?: number;
  /** Tasks before those that are measured, for a drain. 0 when omitted. */
  readonly skip?: number;
  /** What the arguments are like, as `redis/payloads.ts` lists it; 100 bytes of JSON when omitted. */
  readonly kind?: string;
  /** Milliseconds that each task waits for nothing; it is over at once when omitted. */
  readonly wait?: number;
}

/** Figures by name; times are milliseconds. */
export type Figures = Readonly<Record<string, number>>;

/** An answer: figures, or why there are none. */
export type Answer = { readonly figures: Figures } | { readonly error: string };

/** First line of a process: it takes questions, or tasks. */
export const READY = "ready";
/** Starts the line of an answer; whatever else a process prints is not one. */
export const ANSWER = "answer ";

/** Argument of a task. */
export interface Payload {
  /** The result of the task. */
  readonly i: number;
  /** All the rest. */
  readonly pad: unknown;
  /** Milliseconds until the task is over. */
  readonly wait?: number;
}

const BYTES = 100;
const FRAME = JSON.stringify({ i: 0, pad: "" }).length - 1;

/** The argument of task number `i`, whose result is `i`: 100 bytes of JSON. */
export function payload(i: number): Payload {
  return { i, pad: "x".repeat(BYTES - FRAME - `${i}`.length) };
}

/** The arguments of `n` tasks. */
export function payloads(n: number): Payload[] {
  return Array.from({ length: n }, (_, i) => payload(i));
}
