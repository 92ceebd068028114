/** {@linkcode InlineWorkerPool}: runs tasks on this very event loop. */
import type { Broker } from "../broker.ts";
import type { Place, Waiting } from "../current_task.ts";
import { checkCount } from "../wait.ts";
import type { Job } from "./consumer.ts";
import { type Crew, type CrewHost, WorkerPool, type WorkerPoolOptions } from "./worker_pool.ts";

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
 * A task that waits for the result of another one lends its place meanwhile, see the option
 * `waiting`.
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
    super(broker, new InlineCrew(concurrency, rest.waiting), rest);
  }
}

/** Runs tasks on this event loop. */
export class InlineCrew implements Crew {
  readonly kind = "inline";
  readonly #concurrency: number;
  readonly #own: Broker | undefined;
  readonly #place: Place;
  /** Tasks that wait for others. */
  #lent = 0;
  #host: CrewHost | undefined;

  /** With a broker of its own, which it closes in the end, that one's tasks run for all queues. */
  constructor(concurrency: number, waiting: Waiting = "lend", own?: Broker) {
    this.#concurrency = concurrency;
    this.#own = own;
    this.#place = {
      waiting,
      lend: () => {
        this.#lent++;
        this.#host?.changed();
      },
      takeBack: () => {
        this.#lent--;
      },
      note: (claim, note) => this.#host?.note(claim, note),
    };
  }

  /** Is ready at once. */
  prepare(host: CrewHost): void {
    this.#host = host;
    if (this.#own !== undefined) host.schedules([...this.#own.declared]);
  }

  /** Tasks that it can have: a task that waits makes room for another one. */
  capacity(): number {
    return this.#concurrency + this.#lent;
  }

  /** Runs a task. */
  run(job: Job): void {
    const { broker, claim, message, abort } = job;
    void (this.#own ?? broker).run(claim, message, abort, broker.name, this.#place)
      .then((report) => job.done(report));
  }

  /** Waits for nothing: what still runs was handed back. */
  async end(): Promise<void> {
    await this.#own?.[Symbol.asyncDispose]();
  }
}
