/** Who waits for which task, in this process: one question and one subscription for all. */
import { Batch } from "./batch.ts";
import { idsMade, numberOf } from "./ids.ts";
import type { Need, Outcome, TaskQueue } from "./task_queue.ts";
import { type WaitOptions, waitUntil } from "./wait.ts";

// What a lost message costs at most. News come by push; this is the net below.
const RECHECK = 5_000;
/** Outcomes that may be here before their calls are answered, and characters of each. */
const MAX_EARLY = 1_000;
const MAX_EARLY_TEXT = 4_000;

interface Waiter {
  readonly task: Need;
  readonly arrival: PromiseWithResolvers<Outcome>;
  users: number;
}

/** Waits for outcomes on one queue. */
export class Waiters {
  readonly #queue: TaskQueue;
  /** By id, or by origin where the id was chosen: the id may be another call's by now. */
  readonly #waiters = new Map<string, Waiter>();
  /** Those whose id was chosen, by that. */
  readonly #chosen = new Map<string, Set<Waiter>>();
  readonly #ask: Batch<Need, Outcome | undefined>;
  /** Whom to ask for at the end of this tick. */
  #asking: Waiter[] = [];
  /** Calls of this client with a lower number may be over without anybody here having noticed. */
  #unnoticed: number = idsMade();
  /** Calls of this handle with these numbers have no answer yet. */
  #answered = 0;
  #called = 0;
  /** Outcomes of such: nobody could wait for them so far. */
  readonly #early = new Map<string, Outcome>();
  #forgetting: ReturnType<typeof setTimeout> | undefined;
  readonly #unlisten: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(queue: TaskQueue) {
    this.#queue = queue;
    this.#ask = new Batch((tasks) => this.#queue.wait(tasks));
    this.#unlisten = queue.listen({
      outcome: (id, outcome) => this.#hear(id, outcome),
      restored: () => {
        this.#unnoticed = idsMade();
        this.#recheck();
      },
    });
  }

  /** The outcome of a task, or undefined when the time is up first. */
  outcome(task: Need, options: WaitOptions): Promise<Outcome | undefined> {
    const { timeout, signal } = options;
    if (timeout !== undefined || signal !== undefined) return this.#outcomeUntil(task, options);
    return this.#join(task).arrival.promise;
  }

  async #outcomeUntil(task: Need, options: WaitOptions): Promise<Outcome | undefined> {
    options.signal?.throwIfAborted();
    if (options.timeout === 0) return await this.#ask.add(task);
    const waiter = this.#join(task);
    try {
      return await waitUntil(waiter.arrival.promise, options);
    } finally {
      if (--waiter.users === 0) this.#remove(waiter);
    }
  }

  /** A call is sent. */
  called({ id, origin }: Need): void {
    if (origin === undefined) this.#called = numberOf(id) + 1;
  }

  /** A call has its answer: whoever waits for its outcome does so now, or asks the queue. */
  answered({ id, origin }: Need): void {
    if (origin === undefined) this.#answered = Math.max(this.#answered, numberOf(id) + 1);
    if (this.#early.size > 0) this.#forgetting ??= setTimeout(() => this.#forgetEarly(), 0);
  }

  /** Ends every wait with `reason`. */
  close(reason: Error): void {
    this.#unlisten();
    clearTimeout(this.#forgetting);
    for (const waiter of this.#waiters.values()) this.#fail(waiter, reason);
  }

  #join(task: Need): Waiter {
    const { id, origin } = task;
    const known = this.#waiters.get(origin ?? id);
    if (known !== undefined) {
      known.users++;
      return known;
    }
    const waiter = { task, arrival: Promise.withResolvers<Outcome>(), users: 1 };
    const early = this.#early.get(id);
    if (early !== undefined) {
      waiter.arrival.resolve(early);
      return waiter;
    }
    this.#waiters.set(origin ?? id, waiter);
    if (origin !== undefined) {
      const others = this.#chosen.get(id) ?? new Set();
      this.#chosen.set(id, others.add(waiter));
    }
    this.#timer ??= setInterval(() => this.#recheck(), RECHECK);
    if (!this.#isToBeTold(task)) this.#check(waiter);
    return waiter;
  }

  /** Whether the queue is still to tell of a task, without being asked. */
  #isToBeTold({ id, origin }: Need): boolean {
    return origin === undefined && id.startsWith(this.#queue.client) &&
      numberOf(id) >= this.#unnoticed;
  }

  #remove(waiter: Waiter): void {
    const { id, origin } = waiter.task;
    // It may have been, and somebody else waits for the same.
    if (this.#waiters.get(origin ?? id) !== waiter) return;
    this.#waiters.delete(origin ?? id);
    if (origin !== undefined) {
      const others = this.#chosen.get(id);
      others?.delete(waiter);
      if (others?.size === 0) this.#chosen.delete(id);
    }
    if (this.#waiters.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #recheck(): void {
    for (const waiter of this.#waiters.values()) this.#check(waiter);
  }

  /** Asks for the outcome; without an answer yet, the queue will tell. */
  #check(waiter: Waiter): void {
    if (this.#asking.push(waiter) === 1) queueMicrotask(() => this.#askForAll());
  }

  async #askForAll(): Promise<void> {
    const asked = this.#asking;
    this.#asking = [];
    try {
      const outcomes = await this.#queue.wait(asked.map(({ task }) => task));
      asked.forEach((waiter, i) => {
        if (outcomes[i] !== undefined) this.#arrive(waiter, outcomes[i]);
      });
    } catch (error) {
      asked.forEach((waiter) => this.#fail(waiter, error));
    }
  }

  #hear(id: string, outcome: Outcome | undefined): void {
    const waiter = this.#waiters.get(id);
    // Too big to be pushed, it is to be asked for.
    if (waiter !== undefined && outcome === undefined) this.#check(waiter);
    else if (waiter !== undefined) this.#arrive(waiter, outcome!);
    if (id.startsWith(this.#queue.client)) this.#noteOwn(id, outcome);
    // When the id was chosen, the news may be of another call with it.
    if (this.#chosen.size > 0) this.#chosen.get(id)?.forEach((waiter) => this.#check(waiter));
  }

  #noteOwn(id: string, outcome: Outcome | undefined): void {
    const number = numberOf(id);
    const isEarly = number >= this.#answered && number < this.#called;
    const hasRoom = isEarly && this.#early.size < MAX_EARLY;
    if (hasRoom && outcome !== undefined && outcome.text.length <= MAX_EARLY_TEXT) {
      this.#early.set(id, outcome);
    } else {
      // Whoever waits for it from now on has missed this.
      this.#unnoticed = Math.max(this.#unnoticed, number + 1);
    }
  }

  #forgetEarly(): void {
    this.#forgetting = undefined;
    for (const id of this.#early.keys()) {
      if (numberOf(id) >= this.#answered) continue;
      this.#early.delete(id);
      this.#unnoticed = Math.max(this.#unnoticed, numberOf(id) + 1);
    }
  }

  #arrive(waiter: Waiter, outcome: Outcome): void {
    this.#remove(waiter);
    waiter.arrival.resolve(outcome);
  }

  #fail(waiter: Waiter, error: unknown): void {
    this.#remove(waiter);
    waiter.arrival.reject(error);
  }
}
