/** {@linkcode ThreadWorkerPool}: runs tasks in threads of this process. */
import type { Broker } from "../broker.ts";
import { isDeno } from "../runtime.ts";
import { checkCount } from "../wait.ts";
import { ModuleWorkerPool, type ModuleWorkerPoolOptions } from "./module_pool.ts";
import { SHELF_SIZE } from "./shelf.ts";
import { workerEntries } from "./worker_entries.ts";
import type { Launch, WorkerEvents, WorkerHandle } from "./worker_handle.ts";

/** What a `ThreadWorkerPool` can be told. */
export interface ThreadWorkerPoolOptions extends ModuleWorkerPoolOptions {
  /**
   * Threads that may be lost before this process hands back what it has and ends, with exit code
   * 70: on Deno, nothing can stop a thread in the middle of a computation, so that one which is
   * over its `taskTimeout` goes on using a core. @default {the number of workers}
   */
  maxLostWorkers?: number;
}

/** Milliseconds after which a thread that was told to end counts as one that cannot be stopped. */
const LAST_BREATH = 500;

/**
 * Runs tasks in threads (Web Workers), `workers` of them. They start faster than processes and take
 * less memory. What a thread does to itself, the pool notices at once, as a `ProcessWorkerPool`
 * does; but threads share one process, and on Deno:
 *
 * - a thread in the middle of a computation cannot be stopped. When its task is over its
 *   `taskTimeout`, the thread counts as lost: the task fails, another thread takes its place, and
 *   after `maxLostWorkers` of them the process hands back what it has and ends;
 * - a thread that runs out of memory takes the whole process with it. The tasks of the pool run
 *   elsewhere when their leases end.
 *
 * For tasks that may do such things, use a `ProcessWorkerPool`.
 *
 * @example
 * ```ts
 * import { getBroker, getQueue, ThreadWorkerPool } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 * import type { tasks } from "../../examples/tasks.ts";
 *
 * await using broker = getBroker("memory://");
 * const module = "examples/tasks.ts"; // exports init(url), which returns a broker
 * await using _pool = new ThreadWorkerPool(broker, { module, workers: 2 }).start();
 *
 * await using q = getQueue<typeof tasks>("memory://");
 * const sum = await q.tasks.add([q.tasks.num("1"), q.tasks.num("2")]);
 * strictEqual(await sum.result({ timeout: 30_000 }), 3);
 * ```
 */
export class ThreadWorkerPool extends ModuleWorkerPool {
  /**
   * A pool for the tasks of one broker or several. With several, it takes from the first queue as
   * long as that has tasks, then from the next. The brokers stay open when the pool stops, and need
   * not know any tasks: the workers' own do.
   *
   * Throws a `TypeError` or `RangeError` for options that cannot be.
   */
  constructor(broker: Broker | readonly Broker[], options: ThreadWorkerPoolOptions) {
    if (typeof Worker !== "function") {
      throw new TypeError(
        "Cannot make pool: this runtime has no Web Workers; use a ProcessWorkerPool",
      );
    }
    const { maxLostWorkers } = options;
    if (maxLostWorkers !== undefined) checkCount("make pool", "maxLostWorkers", maxLostWorkers);
    super(broker, options, {
      kind: "threads",
      launch,
      canKill: !isDeno,
      ...(maxLostWorkers === undefined ? {} : { maxLostWorkers }),
    });
  }
}

const launch: Launch = (_title, events) => new ThreadHandle(events);

interface LockManager {
  request(name: string, options: { signal: AbortSignal }, got: () => void): Promise<void>;
}

class ThreadHandle implements WorkerHandle {
  readonly #worker: Worker;
  readonly #events: WorkerEvents;
  readonly #shelf = new SharedArrayBuffer(SHELF_SIZE);
  readonly #lock = `worq-${crypto.randomUUID()}`;
  readonly #waiting = new AbortController();
  #watched = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #how: string | undefined;
  #ended = false;

  constructor(events: WorkerEvents) {
    this.#events = events;
    this.#worker = new Worker(workerEntries.thread, { type: "module", name: this.#lock });
    this.post(["shelf", this.#shelf]);
    this.#worker.addEventListener("message", ({ data }) => {
      this.#awaitEnd();
      events.frames(data);
    });
    this.#worker.addEventListener("messageerror", () => events.frames("what cannot be read"));
    this.#worker.addEventListener("error", (event) => {
      // Otherwise this process would die of it.
      event.preventDefault();
      this.#how ??= `had an error: ${event.message} (${event.filename}:${event.lineno})`;
      this.kill();
    });
    // Where threads tell that they end, which is not everywhere.
    this.#worker.addEventListener("close", (event) => {
      this.#end(`exited with code ${(event as CloseEvent).code}`);
    });
  }

  post(frame: Parameters<WorkerHandle["post"]>[0]): void {
    this.#worker.postMessage(frame);
  }

  shelf(): Uint8Array {
    return new Uint8Array(this.#shelf);
  }

  kill(): void {
    if (this.#ended || this.#timer !== undefined) return;
    this.#worker.terminate();
    this.#timer = setTimeout(
      () => this.#end("cannot be stopped, and was given up", true),
      LAST_BREATH,
    );
    this.#awaitEnd();
  }

  /** The thread holds the lock from when it is up to its end, where there are locks. */
  #awaitEnd(): void {
    const { locks } = navigator as { locks?: LockManager };
    if (this.#watched || locks === undefined) return;
    this.#watched = true;
    locks.request(this.#lock, { signal: this.#waiting.signal }, () => {
      this.#worker.terminate();
      this.#end("ended without a word");
    }).catch(() => {}); // it is not waited for any more
  }

  #end(how: string, stillRuns = false): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#waiting.abort();
    this.#events.ended({ how: this.#how ?? how, stillRuns });
  }
}
