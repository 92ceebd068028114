/** {@linkcode InlineWorkerPool}: runs tasks on this very event loop. */
import type { Broker } from "../broker.ts";
import { WorkerPool, type WorkerPoolOptions } from "./worker_pool.ts";

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
   * A pool for the tasks of `broker`, which stays open when the pool stops. Throws a `RangeError`
   * for options that cannot be.
   */
  constructor(broker: Broker, options: WorkerPoolOptions = {}) {
    super(
      broker,
      {
        run: (claim, message, signal) => broker.run(claim, message, signal),
        terminate: () => Promise.resolve(),
      },
      options,
    );
  }
}
