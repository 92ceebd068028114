/** Who waits for which task, in this process: one question and one subscription for all. */
import { Batch } from "./batch.ts";
import type { Outcome, TaskQueue } from "./task_queue.ts";
import { type WaitOptions, waitUntil } from "./wait.ts";

// What a lost message costs at most. News come by push; this is the net below.
const RECHECK = 5_000;

interface Waiter {
  readonly arrival: PromiseWithResolvers<Outcome>;
  users: number;
}

/** Waits for outcomes on one queue. */
export class Waiters {
  readonly #queue: TaskQueue;
  readonly #waiters = new Map<string, Waiter>();
  readonly #ask: Batch<string, Outcome | undefined>;
  readonly #unlisten: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(queue: TaskQueue) {
    this.#queue = queue;
    this.#ask = new Batch((ids) => this.#queue.wait(ids));
    this.#unlisten = queue.listen({
      outcome: (id, outcome) => this.#arrive(id, outcome),
      restored: () => this.#recheck(),
    });
  }

  /** The outcome of a task, or undefined when the time is up first. */
  async outcome(id: string, options: WaitOptions): Promise<Outcome | undefined> {
    options.signal?.throwIfAborted();
    if (options.timeout === 0) return await this.#ask.add(id);
    const waiter = this.#join(id);
    try {
      return await waitUntil(waiter.arrival.promise, options);
    } finally {
      if (--waiter.users === 0 && this.#waiters.get(id) === waiter) this.#remove(id);
    }
  }

  /** Ends every wait with `reason`. */
  close(reason: Error): void {
    this.#unlisten();
    for (const [id, waiter] of this.#waiters) {
      waiter.arrival.reject(reason);
      this.#remove(id);
    }
  }

  #join(id: string): Waiter {
    const known = this.#waiters.get(id);
    if (known !== undefined) {
      known.users++;
      return known;
    }
    const waiter = { arrival: Promise.withResolvers<Outcome>(), users: 1 };
    // Who gave up before it failed must not bring down the process.
    waiter.arrival.promise.catch(() => {});
    this.#waiters.set(id, waiter);
    this.#timer ??= setInterval(() => this.#recheck(), RECHECK);
    this.#check(id);
    return waiter;
  }

  #remove(id: string): void {
    this.#waiters.delete(id);
    if (this.#waiters.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #recheck(): void {
    for (const id of this.#waiters.keys()) this.#check(id);
  }

  /** Asks for the outcome; without an answer yet, the queue will tell. */
  #check(id: string): void {
    this.#ask.add(id).then(
      (outcome) => outcome !== undefined && this.#arrive(id, outcome),
      (error) => this.#settle(id, (waiter) => waiter.arrival.reject(error)),
    );
  }

  #arrive(id: string, outcome: Outcome | undefined): void {
    if (outcome === undefined) {
      if (this.#waiters.has(id)) this.#check(id);
    } else {
      this.#settle(id, (waiter) => waiter.arrival.resolve(outcome));
    }
  }

  #settle(id: string, end: (waiter: Waiter) => void): void {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return;
    this.#remove(id);
    end(waiter);
  }
}
