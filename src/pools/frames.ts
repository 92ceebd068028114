/**
 * What a pool and its workers say to each other.
 *
 * Frames are arrays of plain data, so that they survive JSON as well as structured cloning. What
 * tasks take and give is in them as text that the codec made. Workers send lists of frames.
 */
import type { Waiting } from "../current_task.ts";
import type { Outcome } from "../task_queue.ts";

/** How a worker is to begin. */
export interface Start {
  /** What messages of the worker's own begin with. */
  readonly title: string;
  /** URL of the user's module. */
  readonly module: string;
  /** Name of its export that makes a broker. */
  readonly export: string;
  /** Arguments for it, encoded. */
  readonly args: string;
  /** URL of the queue. */
  readonly url: string;
  /** Tasks that run at the same time. */
  readonly concurrency: number;
  /** What happens when a task waits for another one. */
  readonly waiting: Waiting;
}

/** A task is over. The time that it took, in milliseconds; bytes of memory, or 0. */
export type Done = readonly [
  kind: "done",
  serial: number,
  ok: boolean,
  text: string,
  took: number,
  memory: number,
];

/**
 * A task for a worker: its number in this worker, the time (milliseconds since 1970) after which it
 * must not begin any more or 0, then queue, id, fence, message, inputs and failures so far.
 */
export type Order = readonly [
  serial: number,
  until: number,
  queue: string,
  id: string,
  fence: number,
  message: string,
  inputs: readonly Outcome[],
  failures: number,
];

/** What a pool tells a worker. */
export type ToWorker =
  /** There is a shelf: in this memory, or in the file that the process began with. */
  | readonly ["shelf", memory?: SharedArrayBuffer]
  | readonly ["start", Start]
  | readonly ["run", readonly Order[]]
  /** Ask a task to end early. */
  | readonly ["abort", serial: number, reason: string]
  /** There will be no more tasks. */
  | readonly ["end"];

/** What a worker tells its pool. */
export type FromWorker =
  /** A thread runs, and can be told to start; a process keeps what it is told until it runs. */
  | readonly ["up"]
  /** The module is there: it can have tasks, of these names, and declares these schedules. */
  | readonly ["ready", names: string, schedules: string]
  /** It cannot have tasks, and why. */
  | readonly ["unfit", reason: string]
  | Done
  /** A task failed and is to run again: after so many milliseconds. The time that it took. */
  | readonly ["retry", serial: number, delay: number, text: string, took: number]
  /** A task says something: how far it is, or a line. */
  | readonly ["note", serial: number, notes: string]
  /** A task did not begin in time. */
  | readonly ["back", serial: number]
  /** A task waits for others: the worker goes on with the next one. */
  | readonly ["lent", serial: number]
  /** It waits no longer. */
  | readonly ["taken", serial: number]
  /** It was asked to end by someone else: it finishes what it has. */
  | readonly ["leaving"]
  /** It ends now, and why. */
  | readonly ["bye", reason: string];

const SHAPES: Record<FromWorker[0], readonly string[]> = {
  up: [],
  ready: ["string", "string"],
  unfit: ["string"],
  done: ["number", "boolean", "string", "number", "number"],
  retry: ["number", "number", "string", "number"],
  note: ["number", "string"],
  back: ["number"],
  lent: ["number"],
  taken: ["number"],
  leaving: [],
  bye: ["string"],
};

/** Whether what came from a worker is a frame, rather than something a task sent in its place. */
export function isFrame(data: unknown): data is FromWorker {
  if (!Array.isArray(data) || !Object.hasOwn(SHAPES, data[0])) return false;
  const shape = SHAPES[data[0] as FromWorker[0]];
  return data.length === shape.length + 1 && shape.every((type, i) => typeof data[i + 1] === type);
}
