/** {@linkcode WorkerHandle}: what makes the difference between a thread and a process. */
import type { ToWorker } from "./frames.ts";

/** The only thing that differs between pools: a thread or a process with a way to it. */
export interface WorkerHandle {
  /** Whether frames that are sent before it is up are kept for it; otherwise it says that it is up. */
  readonly keepsFrames?: boolean;
  /** Sends a frame. */
  post(frame: ToWorker): void;
  /** All bytes of the worker's shelf; undefined when it has none. */
  shelf(): Uint8Array | undefined;
  /** Ends it at once, whatever it is doing. */
  kill(): void;
}

/** What a handle tells. */
export interface WorkerEvents {
  /** Process id; told when there is one. */
  pid(pid: number): void;
  /** Something came from the worker: a list of frames, unless a task sent it. */
  frames(data: unknown): void;
  /** It has ended, by whatever cause: `exited with code 1`. Told once, and last. */
  ended(how: Ending): void;
}

/** How a worker ended. */
export interface Ending {
  /** As the rest of a sentence about the worker. */
  readonly how: string;
  /** It could not be stopped: its thread goes on until the process ends. */
  readonly stillRuns?: boolean;
}

/** Starts a thread or process. */
export type Launch = (title: string, events: WorkerEvents) => WorkerHandle;
