/** Who waits for which task, in this process: one question and one subscription for all. */
import { Batch } from "./batch.ts";
import { isAfter, lastId } from "./ids.ts";
import type { Need, Outcome, TaskQueue } from "./task_queue.ts";
import { type WaitOptions, waitUntil } from "./wait.ts";

// What a lost message costs at most. News come by push; this is the net below.
const RECHECK = 5_000;
/** Outcomes that may be here before their calls are answered, and characters of each. */
const MAX_EARLY = 1_000;
const MAX_EARLY_TEXT = 4_000;

/** Those who wait for one task. */
class Waiter {
  users = 1;
  /** Its outcome may come twice: told, and as an answer. */
  #isOver = false;
  #arrival: PromiseWithResolvers<Outcome> | undefined;

  /** For member `index` of a group, or for one who asks for its promise. */
  constructor(readonly task: Need, readonly group?: Group, readonly index = 0) {
    if (group === undefined) this.#arrival = Promise.withResolvers();
  }

  get promise(): Promise<Outcome> {
    return (this.#arrival ??= Promise.withResolvers()).promise;
  }

  arrive(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#arrival?.resolve(outcome);
    this.group?.arrive(this.index, outcome);
  }

  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#arrival?.reject(error);
    this.group?.fail(error);
  }
}

/** One who waits for many tasks: one promise for all, since each that is not made counts. */
class Group {
  readonly #over = Promise.withResolvers<void>();
  readonly #arrived: (index: number, outcome: Outcome) => boolean;
  #left: number;

  constructor(count: number, arrived: (index: number, outcome: Outcome) => boolean) {
    this.#left = count;
    this.#arrived = arrived;
    if (count === 0) this.#over.resolve();
  }

  /** Resolves when all have arrived, or one of them has ended it. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  arrive(index: number, outcome: Outcome): void {
    if (!this.#arrived(index, outcome) || --this.#left === 0) this.#over.resolve();
  }

  fail(error: unknown): void {
    this.#over.reject(error);
  }
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
  /** Calls of this client up to this one may be over without anybody here having noticed. */
  #missed: string;
  /** Calls of this handle after the one and up to the other have no answer yet. */
  #answered = "";
  #called = "";
  /** Outcomes of such: nobody could wait for them so far. */
  readonly #early = new Map<string, Outcome>();
  #forgetting: ReturnType<typeof setTimeout> | undefined;
  readonly #unlisten: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(queue: TaskQueue) {
    this.#queue = queue;
    this.#missed = lastId(queue.client);
    this.#ask = new Batch((tasks) => this.#queue.wait(tasks));
    this.#unlisten = queue.listen({
      outcome: (id, outcome) => this.#hear(id, outcome),
      restored: () => {
        this.#missed = lastId(queue.client);
        this.#recheck();
      },
    });
  }

  /** The outcome of a task, or undefined when the time is up first. */
  outcome(task: Need, options: WaitOptions): Promise<Outcome | undefined> {
    const { timeout, signal } = options;
    if (timeout !== undefined || signal !== undefined) return this.#outcomeUntil(task, options);
    return this.#join(task).promise;
  }

  /**
   * Calls `arrived` with the outcome of each task, until all are over, or it gives false, or the time
   * is up.
   */
  async outcomes(
    tasks: readonly Need[],
    options: WaitOptions,
    arrived: (index: number, outcome: Outcome) => boolean,
  ): Promise<void> {
    options.signal?.throwIfAborted();
    const group = new Group(tasks.length, arrived);
    const waiters = tasks.map((task, i) => this.#join(task, group, i));
    try {
      await waitUntil(group.over, options);
    } finally {
      for (const waiter of waiters) this.#leave(waiter);
    }
  }

  async #outcomeUntil(task: Need, options: WaitOptions): Promise<Outcome | undefined> {
    options.signal?.throwIfAborted();
    if (options.timeout === 0) return await this.#ask.add(task);
    const waiter = this.#join(task);
    try {
      return await waitUntil(waiter.promise, options);
    } finally {
      this.#leave(waiter);
    }
  }

  /** A call is sent. */
  called({ id, origin }: Need): void {
    if (origin === undefined) this.#called = id;
  }

  /** A call has its answer: whoever waits for its outcome does so now, or asks the queue. */
  answered({ id, origin }: Need): void {
    if (origin === undefined && isAfter(id, this.#answered)) this.#answered = id;
    if (this.#early.size > 0) this.#forgetting ??= setTimeout(() => this.#forgetEarly(), 0);
  }

  /** Ends every wait with `reason`. */
  close(reason: Error): void {
    this.#unlisten();
    clearTimeout(this.#forgetting);
    for (const waiter of this.#waiters.values()) this.#fail(waiter, reason);
  }

  #join(task: Need, group?: Group, index?: number): Waiter {
    const { id, origin } = task;
    const known = this.#waiters.get(origin ?? id);
    if (known !== undefined) {
      known.users++;
      if (group !== undefined) {
        known.promise.then(
          (outcome) => group.arrive(index!, outcome),
          (error) => group.fail(error),
        );
      }
      return known;
    }
    const waiter = new Waiter(task, group, index);
    const early = this.#early.get(id);
    if (early !== undefined) {
      waiter.arrive(early);
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
      isAfter(id, this.#missed);
  }

  #leave(waiter: Waiter): void {
    if (--waiter.users === 0) this.#remove(waiter);
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
    const isEarly = isAfter(id, this.#answered) && !isAfter(id, this.#called);
    const hasRoom = isEarly && this.#early.size < MAX_EARLY;
    if (hasRoom && outcome !== undefined && outcome.text.length <= MAX_EARLY_TEXT) {
      this.#early.set(id, outcome);
    } else {
      // Whoever waits for it from now on has missed this.
      this.#miss(id);
    }
  }

  #forgetEarly(): void {
    this.#forgetting = undefined;
    for (const id of this.#early.keys()) {
      if (isAfter(id, this.#answered)) continue;
      this.#early.delete(id);
      this.#miss(id);
    }
  }

  #miss(id: string): void {
    if (isAfter(id, this.#missed)) this.#missed = id;
  }

  #arrive(waiter: Waiter, outcome: Outcome): void {
    this.#remove(waiter);
    waiter.arrive(outcome);
  }

  #fail(waiter: Waiter, error: unknown): void {
    this.#remove(waiter);
    waiter.fail(error);
  }
}
