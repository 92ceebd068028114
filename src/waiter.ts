/** {@linkcode Waiter}: one who waits for the outcome of one task. There are as many as results are awaited. */
import type { Need, Outcome } from "./task_queue.ts";

/** Hears once how a task ended, or why nobody can know. Those who wait for the same are a ring. */
export abstract class Waiter {
  /** For whom it waits. */
  readonly task: Need;
  #after: Waiter = this;
  #before: Waiter = this;

  /** One who waits for `task`. */
  constructor(task: Need) {
    this.task = task;
  }

  /** Whether nobody else is in its ring. */
  get isAlone(): boolean {
    return this.#after === this;
  }

  /** The one that came after it; the first one for the last. */
  get after(): Waiter {
    return this.#after;
  }

  /** Puts one that is alone at the end of the ring that begins with this one. */
  join(last: Waiter): void {
    last.#before = this.#before;
    last.#after = this;
    this.#before.#after = last;
    this.#before = last;
  }

  /** Leaves its ring. */
  leave(): void {
    this.#before.#after = this.#after;
    this.#after.#before = this.#before;
    this.#after = this.#before = this;
  }

  /** All in its ring, from this one on. */
  get ring(): Waiter[] {
    const all: Waiter[] = [this];
    for (let one = this.#after; one !== this; one = one.#after) all.push(one);
    return all;
  }

  /** The task is over. */
  abstract arrive(outcome: Outcome): void;

  /** The outcome cannot be had. */
  abstract fail(error: unknown): void;
}

/** One who waits with a promise. */
export class Single extends Waiter {
  readonly #arrival = Promise.withResolvers<Outcome>();

  /** Resolves with the outcome. */
  get promise(): Promise<Outcome> {
    return this.#arrival.promise;
  }

  /** Resolves it. */
  arrive(outcome: Outcome): void {
    this.#arrival.resolve(outcome);
  }

  /** Rejects it. */
  fail(error: unknown): void {
    this.#arrival.reject(error);
  }
}

/** Waits for many tasks: one promise for all, since each that is not made counts. */
export class Group {
  readonly members: readonly Waiter[];
  readonly #over = Promise.withResolvers<void>();
  readonly #arrived: (index: number, outcome: Outcome) => boolean;
  #left: number;

  /** Calls `arrived` with the outcome of each task, until it gives false. */
  constructor(
    tasks: readonly Need[],
    arrived: (index: number, outcome: Outcome) => boolean,
  ) {
    this.#left = tasks.length;
    this.#arrived = arrived;
    this.members = tasks.map((task, i) => new Member(task, this, i));
    if (this.#left === 0) this.#over.resolve();
  }

  /** Resolves when all have arrived, or one of them has ended it. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** The outcome of one is here. */
  arrive(index: number, outcome: Outcome): void {
    if (!this.#arrived(index, outcome) || --this.#left === 0) this.#over.resolve();
  }

  /** Rejects. */
  fail(error: unknown): void {
    this.#over.reject(error);
  }
}

class Member extends Waiter {
  readonly #group: Group;
  readonly #index: number;

  constructor(task: Need, group: Group, index: number) {
    super(task);
    this.#group = group;
    this.#index = index;
  }

  arrive(outcome: Outcome): void {
    this.#group.arrive(this.#index, outcome);
  }

  fail(error: unknown): void {
    this.#group.fail(error);
  }
}
