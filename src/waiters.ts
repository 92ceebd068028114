/** Who waits for which task, in this process: one question and one subscription for all. */
import { Batch } from "./batch.ts";
import type { Need, Outcome, TaskQueue } from "./task_queue.ts";
import { type WaitOptions, waitUntil } from "./wait.ts";

// What a lost message costs at most. News come by push; this is the net below.
const RECHECK = 5_000;

interface Waiter {
  readonly task: Need;
  readonly arrival: PromiseWithResolvers<Outcome>;
  users: number;
}

/** Waits for outcomes on one queue. */
export class Waiters {
  readonly #queue: TaskQueue;
  /** By id; several when the id was chosen again while someone still waits for an earlier call. */
  readonly #waiters = new Map<string, Waiter[]>();
  readonly #ask: Batch<Need, Outcome | undefined>;
  readonly #unlisten: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(queue: TaskQueue) {
    this.#queue = queue;
    this.#ask = new Batch((tasks) => this.#queue.wait(tasks));
    this.#unlisten = queue.listen({
      outcome: (id, outcome) => this.#hear(id, outcome),
      restored: () => this.#recheck(),
    });
  }

  /** The outcome of a task, or undefined when the time is up first. */
  async outcome(task: Need, options: WaitOptions): Promise<Outcome | undefined> {
    options.signal?.throwIfAborted();
    if (options.timeout === 0) return await this.#ask.add(task);
    const waiter = this.#join(task);
    try {
      return await waitUntil(waiter.arrival.promise, options);
    } finally {
      if (--waiter.users === 0) this.#remove(waiter);
    }
  }

  /** Ends every wait with `reason`. */
  close(reason: Error): void {
    this.#unlisten();
    for (const waiter of this.#all()) {
      this.#remove(waiter);
      waiter.arrival.reject(reason);
    }
  }

  #all(): Waiter[] {
    return [...this.#waiters.values()].flat();
  }

  #join(task: Need): Waiter {
    const others = this.#waiters.get(task.id) ?? [];
    const known = others.find((waiter) => waiter.task.origin === task.origin);
    if (known !== undefined) {
      known.users++;
      return known;
    }
    const waiter = { task, arrival: Promise.withResolvers<Outcome>(), users: 1 };
    // Who gave up before it failed must not bring down the process.
    waiter.arrival.promise.catch(() => {});
    this.#waiters.set(task.id, [...others, waiter]);
    this.#timer ??= setInterval(() => this.#recheck(), RECHECK);
    this.#check(waiter);
    return waiter;
  }

  #remove(waiter: Waiter): void {
    const { id } = waiter.task;
    const others = this.#waiters.get(id)?.filter((other) => other !== waiter) ?? [];
    if (others.length > 0) this.#waiters.set(id, others);
    else this.#waiters.delete(id);
    if (this.#waiters.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #recheck(): void {
    this.#all().forEach((waiter) => this.#check(waiter));
  }

  /** Asks for the outcome; without an answer yet, the queue will tell. */
  #check(waiter: Waiter): void {
    this.#ask.add(waiter.task).then(
      (outcome) => outcome !== undefined && this.#arrive(waiter, outcome),
      (error) => {
        this.#remove(waiter);
        waiter.arrival.reject(error);
      },
    );
  }

  #hear(id: string, outcome: Outcome | undefined): void {
    for (const waiter of this.#waiters.get(id) ?? []) {
      // Without an outcome it was too big to be pushed; and when the id was chosen, the news may be
      // of another call with it.
      if (outcome === undefined || waiter.task.origin !== undefined) this.#check(waiter);
      else this.#arrive(waiter, outcome);
    }
  }

  #arrive(waiter: Waiter, outcome: Outcome): void {
    this.#remove(waiter);
    waiter.arrival.resolve(outcome);
  }
}
