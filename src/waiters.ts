/** Who waits for which task, in this process: one question and one subscription for all. */
import { Batch } from "./batch.ts";
import { isAfter, lastId } from "./ids.ts";
import { Roster } from "./roster.ts";
import type { Need, Outcome, TaskQueue } from "./task_queue.ts";
import { type WaitOptions, waitUntil } from "./wait.ts";
import { Group, Single, type Waiter } from "./waiter.ts";

// What a lost message costs at most. News come by push; this is the net below.
const RECHECK = 5_000;
/** Outcomes that may be here before their calls are answered, and characters of each. */
const MAX_EARLY = 1_000;
const MAX_EARLY_TEXT = 4_000;

/** Waits for outcomes on one queue. */
export class Waiters {
  readonly #queue: TaskQueue;
  /** By id, or by origin where the id was chosen: the id may be another call's by now. */
  readonly #waiters = new Roster<string, Waiter>();
  /** Tasks that are waited for and whose id was chosen, by that. */
  readonly #chosen = new Map<string, Set<Need>>();
  readonly #ask: Batch<Need, Outcome | undefined>;
  /** Whom to ask for at the end of this tick. */
  #asking: Need[] = [];
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

  /** Has `waiter` hear of the outcome of its task. It may hear of it at once. */
  add(waiter: Waiter): void {
    const { id, origin } = waiter.task;
    const known = this.#waiters.get(origin ?? id);
    const early = known === undefined ? this.#early.get(id) : undefined;
    if (early !== undefined) return waiter.arrive(early);
    if (known !== undefined) return known.join(waiter);
    this.#waiters.set(origin ?? id, waiter);
    this.#await(waiter.task);
  }

  /** The outcome of a task, or undefined when the time is up first. */
  async outcome(task: Need, options: WaitOptions): Promise<Outcome | undefined> {
    options.signal?.throwIfAborted();
    if (options.timeout === 0) return await this.#ask.add(task);
    const waiter = new Single(task);
    this.add(waiter);
    try {
      return await waitUntil(waiter.promise, options);
    } finally {
      this.#leave(waiter);
    }
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
    const group = new Group(tasks, arrived);
    for (const waiter of group.members) this.add(waiter);
    try {
      await waitUntil(group.over, options);
    } finally {
      for (const waiter of group.members) this.#leave(waiter);
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
    for (const first of this.#waiters.values()) this.#fail(first, reason);
  }

  /** From now on somebody waits for the task. */
  #await(task: Need): void {
    const { id, origin } = task;
    if (origin !== undefined) {
      const others = this.#chosen.get(id) ?? new Set();
      this.#chosen.set(id, others.add(task));
    }
    this.#timer ??= setInterval(() => this.#recheck(), RECHECK);
    if (!this.#isToBeTold(task)) this.#check(task);
  }

  /** Whether the queue is still to tell of a task, without being asked. */
  #isToBeTold({ id, origin }: Need): boolean {
    return origin === undefined && id.startsWith(this.#queue.client) &&
      isAfter(id, this.#missed);
  }

  /** Nobody is to hear of it. Does nothing for one who has heard. */
  #leave(waiter: Waiter): void {
    const { id, origin } = waiter.task;
    if (this.#waiters.get(origin ?? id) === waiter) {
      if (waiter.isAlone) this.#remove(waiter.task);
      else this.#waiters.set(origin ?? id, waiter.after);
    }
    waiter.leave();
  }

  /** Nobody waits for the task any more. */
  #remove({ id, origin }: Need): void {
    this.#waiters.delete(origin ?? id);
    if (origin !== undefined) {
      const others = this.#chosen.get(id);
      for (const other of others ?? []) if (other.origin === origin) others!.delete(other);
      if (others?.size === 0) this.#chosen.delete(id);
    }
    if (this.#waiters.size === 0) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #recheck(): void {
    for (const { task } of this.#waiters.values()) this.#check(task);
  }

  /** Asks for the outcome; without an answer yet, the queue will tell. */
  #check(task: Need): void {
    if (this.#asking.push(task) === 1) queueMicrotask(() => this.#askForAll());
  }

  async #askForAll(): Promise<void> {
    const asked = this.#asking;
    this.#asking = [];
    try {
      const outcomes = await this.#queue.wait(asked);
      asked.forEach((task, i) => {
        const first = this.#firstFor(task);
        if (first !== undefined && outcomes[i] !== undefined) this.#arrive(first, outcomes[i]);
      });
    } catch (error) {
      asked.forEach((task) => this.#fail(this.#firstFor(task), error));
    }
  }

  #hear(id: string, outcome: Outcome | undefined): void {
    const waiter = this.#waiters.get(id);
    // Too big to be pushed, it is to be asked for.
    if (waiter !== undefined && outcome === undefined) this.#check(waiter.task);
    else if (waiter !== undefined) this.#arrive(waiter, outcome!);
    if (id.startsWith(this.#queue.client)) this.#noteOwn(id, outcome);
    // When the id was chosen, the news may be of another call with it.
    if (this.#chosen.size > 0) this.#chosen.get(id)?.forEach((task) => this.#check(task));
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

  #firstFor({ id, origin }: Need): Waiter | undefined {
    return this.#waiters.get(origin ?? id);
  }

  /** All hear of it who wait for the same as `first`, the first of them. */
  #arrive(first: Waiter, outcome: Outcome): void {
    this.#remove(first.task);
    // Which is what most are, and needs no list.
    if (first.isAlone) first.arrive(outcome);
    else first.ring.forEach((waiter) => waiter.arrive(outcome));
  }

  #fail(first: Waiter | undefined, error: unknown): void {
    if (first === undefined) return;
    this.#remove(first.task);
    first.ring.forEach((waiter) => waiter.fail(error));
  }
}
