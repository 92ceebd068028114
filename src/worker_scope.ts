/** What a thread or process knows about the pool that it works for. */

/** The pool that this thread or process works for. */
export interface WorkerScope {
  /** URL of the pool's first queue. */
  readonly url: string;
}

// Not a variable of this module: the user's module may bring a copy of its own.
const KEY = Symbol.for("worq.worker");
const place = globalThis as { [KEY]?: WorkerScope };

/** From now on this is a worker. */
export function enterWorkerScope(scope: WorkerScope): void {
  place[KEY] = scope;
}

/** Undefined outside of workers. */
export function workerScope(): WorkerScope | undefined {
  return place[KEY];
}
