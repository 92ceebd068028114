/** {@linkcode InlineWorkerPool}: runs tasks on this very event loop. */
import type { Broker } from "../broker.ts";
import { checkCount } from "../wait.ts";
import { WorkerPool, type WorkerPoolOptions } from "./worker_pool.ts";

/** What an `InlineWorkerPool` can be told. */
export interface InlineWorkerPoolOptions extends WorkerPoolOptions {
  /** Tasks that run at the same time. @default {10} */
  concurrency?: number;
}

/**
 * Runs tasks in this process and thread, `concurrency` at a time. Closures and bound methods work,
 * and so does everything that waits. A computation without `await` blocks the others, as it does
 * anywhere in JavaScript, and also the pool's signs of life: one that takes longer than three
 * `heartbeatInterval`s counts as lost.
 *
 * A task that ignores its `currentTask().signal` cannot be stopped. When the pool stops, it is
 * handed back to the queue, and what it still returns is dropped.
 *
 * @example
 * ```ts
 * import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * await using broker = getBroker("memory://");
 * broker.expose({ greet: (name: string) => `hello ${name}` });
 * await using _pool = new InlineWorkerPool(broker, { concurrency: 4 }).start();
 *
 * await using q = getQueue<{ greet(name: string): string }>("memory://");
 * const greeting = await q.greet("world");
 * strictEqual(await greeting.result({ timeout: 5_000 }), "hello world");
 * ```
 */
export class InlineWorkerPool extends WorkerPool {
  /**
   * A pool for the tasks of `broker`, which stays open when the pool stops. With several brokers,
   * it takes from the first queue as long as that has tasks, then from the next. Throws a
   * `RangeError` for options that cannot be.
   */
  constructor(broker: Broker | readonly Broker[], options: InlineWorkerPoolOptions = {}) {
    const { concurrency = 10, ...rest } = options;
    checkCount("make pool", "concurrency", concurrency);
    super(
      broker,
      {
        start: () => {},
        capacity: () => concurrency,
        run: ({ broker, claim, message, abort }) => broker.run(claim, message, abort),
        end: () => Promise.resolve(),
      },
      rest,
    );
  }
}
