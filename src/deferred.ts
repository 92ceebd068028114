/** {@linkcode Deferred}: a result that does not exist yet. */
import { kRef, type TaskRef } from "./codec.ts";
import { currentRun, type CurrentTask } from "./current_task.ts";
import { TaskExpired, type TaskFailure, TaskPending, WorqError } from "./errors.ts";
import { failureOf as failureFrom, type Subject, valueOf } from "./outcome.ts";
import type { Producer } from "./producer.ts";
import type { TaskStatus } from "./status.ts";
import { GONE, type Outcome } from "./task_queue.ts";
import { follow, type Said } from "./follow.ts";
import { type KeptNotes, lineOf, type LogLine, type Progress, progressOf } from "./notes.ts";
import { checkMilliseconds, type WaitOptions } from "./wait.ts";
import { Waiter } from "./waiter.ts";
import { type Why, whyOf } from "./why.ts";

/** Milliseconds between looks at what a task says. */
const FOLLOW = 300;

/** The outcome of the task behind a handle; undefined when the time is up first. */
export let settle: (
  deferred: Deferred<unknown>,
  options: WaitOptions,
) => Promise<Outcome | undefined>;
/**
 * The results of tasks of one queue, with one wait for all; undefined when each is to be waited for by
 * itself. Throws what the first one that fails throws.
 */
export let resultsOf: (
  deferreds: readonly Deferred<unknown>[],
  options: WaitOptions,
) => Promise<unknown[]> | undefined;
/** The value behind a handle, whose outcome is here. Throws why there is none. */
let take: <T>(deferred: Deferred<T>, outcome: Outcome) => T;
/** Why that task has no result, once its outcome is known to be none. */
export let failureOf: (deferred: Deferred<unknown>) => TaskFailure;

/**
 * Handle to the future result of one task. Pass it to other tasks, in place of the value or
 * anywhere inside an argument; or wait for it, as often as you like, until the result's time
 * (`resultTimeout`) is over.
 *
 * It is not a promise, and not what some libraries call a deferred: `await` on it gives the handle
 * itself, so handles survive async functions and collections. `result()` gives the value.
 *
 * @example
 * ```ts
 * import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * const init = () => getBroker("memory://").expose({
 *   num: (text: string) => Number(text),
 *   add: (a: number, b: number) => a + b,
 * });
 * await using broker = init();
 * await using _pool = new InlineWorkerPool(broker).start();
 * await using q = getQueue<{
 *   num(text: string): number;
 *   add(a: number, b: number): number;
 * }>("memory://");
 *
 * const sum = await q.add(q.num("40"), 2);
 * strictEqual(await sum.result({ timeout: 5_000 }), 42);
 * ```
 */
export class Deferred<T> {
  static {
    // The broker's, and nobody else's: so it is no method.
    settle = async (deferred, options) => deferred.#settle(await deferred.#ask(options));
    resultsOf = (deferreds, options) => {
      const [first] = deferreds;
      const isSimple = options.timeout !== 0 && currentRun() === undefined;
      if (first === undefined || !isSimple) return undefined;
      const areAlike = deferreds.every((one) => one.#producer === first.#producer);
      return areAlike ? Deferred.#collect(first.#producer, deferreds, options) : undefined;
    };
    take = (deferred, outcome) => deferred.#take(outcome, {});
    failureOf = (deferred) => deferred.#failure(deferred.#outcome!);
    // What the codec finds when a handle is an argument; not for anybody else.
    Object.defineProperty(this.prototype, kRef, {
      get(this: Deferred<unknown>): TaskRef | undefined {
        return #ref in this ? this.#ref : undefined;
      },
    });
  }

  readonly #producer: Producer;
  readonly #ref: TaskRef;
  #status: TaskStatus;
  #outcome: Outcome | undefined;
  #value: { readonly value: T } | undefined;

  /** Made by calling a task on a queue. */
  constructor(producer: Producer, ref: TaskRef, status: TaskStatus) {
    this.#producer = producer;
    this.#ref = ref;
    this.#status = status;
  }

  /** Id of the task. */
  get id(): string {
    return this.#ref.id;
  }

  /** Full name of the task, such as `shop.pay`. */
  get name(): string {
    return this.#ref.taskName;
  }

  /**
   * The result, once `wait()` or `result()` has seen it: the same object each time.
   *
   * Throws `TaskFailure` when the task failed, `TaskExpired` when there will be no result, and
   * `TaskPending` when nobody has waited for it, or not long enough.
   */
  get value(): T {
    if (this.#outcome === undefined) {
      throw new TaskPending(
        `Cannot read the value of ${this.name} [${this.#producer.name}:${this.id}]: ` +
          `its last known status is ${this.#status}; wait for it first`,
      );
    }
    if (this.#outcome.status !== "success") throw this.#failure(this.#outcome);
    this.#value ??= { value: valueOf(this.#outcome) as T };
    return this.#value.value;
  }

  /** Asks the queue where the task stands. `expired` also when the queue does not know it (any more). */
  async status(): Promise<TaskStatus> {
    if (this.#outcome !== undefined) return this.#status;
    return this.#status = await this.#producer.status(this.#ref);
  }

  /**
   * Why the task has not run, or why it ended as it did: what keeps it, in one sentence. See
   * {@linkcode Why}.
   *
   * @example
   * ```ts
   * import { getBroker, task } from "@worq/worq";
   * import { match, strictEqual } from "node:assert/strict";
   *
   * await using broker = getBroker("memory://deferred-why");
   * const mail = await task(broker.queue().mail, { delay: 60_000 })("ann@example.com");
   * const { cause, text } = await mail.why();
   * strictEqual(cause, "time");
   * match(text, /^is to run in \d+ s$/);
   * await mail.cancel();
   * ```
   */
  async why(): Promise<Why> {
    return await whyOf(this.#producer.taskQueue, this.#ref);
  }

  /**
   * How far the task is, as it said last with `currentTask().progress()`; undefined when it said
   * nothing, or nothing for longer than its outcome is kept.
   */
  async progress(): Promise<Progress | undefined> {
    return progressOf((await this.#notes()).progress);
  }

  /** Lines that the task logged with `currentTask().log()`: the last 1,000, kept likewise. */
  async log(): Promise<LogLine[]> {
    return (await this.#notes()).lines.map(lineOf);
  }

  /**
   * What the task said so far, and then what it says, within a second, until it is over. Ends
   * at once when the queue does not know it (any more).
   *
   * @example
   * ```ts
   * import { currentTask, getBroker, InlineWorkerPool } from "@worq/worq";
   * import { deepStrictEqual } from "node:assert/strict";
   *
   * async function convert(pages: number) {
   *   for (let page = 1; page <= pages; page++) currentTask().progress(page / pages);
   *   currentTask().log("all pages");
   * }
   * await using broker = getBroker("memory://follow").expose({ convert });
   * await using _pool = new InlineWorkerPool(broker).start();
   *
   * const converted = await broker.queue<{ convert: typeof convert }>().convert(3);
   * await converted.wait();
   * const said: string[] = [];
   * for await (const one of converted.follow()) said.push(one.kind);
   * deepStrictEqual(said.sort(), ["line", "progress"]);
   * ```
   */
  follow(): AsyncIterableIterator<Said> {
    const wait = () => this.wait({ timeout: FOLLOW });
    return follow(this.#producer.taskQueue, this.id, wait);
  }

  async #notes(): Promise<KeptNotes> {
    return await this.#producer.taskQueue.notes(this.id, 0);
  }

  /**
   * Ends the task, wherever it is, and gives whether it is cancelled, by this call or an earlier
   * one; false when it was over before. One that waits will not run. One that runs has its
   * `currentTask().signal` aborted with the next sign of life that its pool gives, and its result is
   * dropped; unless it ends within a second, its worker process is killed. Who waits for it gets
   * `TaskExpired` at once, and so do the tasks that take its result.
   *
   * Throws `QueueUnavailable` when the server cannot be reached.
   */
  async cancel(): Promise<boolean> {
    return await this.#producer.cancel(this.#ref);
  }

  /**
   * Whether the task is over: success, failed or expired. False when the time is up first.
   *
   * Without a `timeout` it waits until the task is over. Throws a `RangeError` for a timeout that is
   * negative or no number, the signal's reason, and `QueueUnavailable` when the server is gone for
   * longer than the queue's `retryFor`.
   *
   * Inside a task, another task runs in its place meanwhile. The wait then also ends with the reason
   * of `currentTask().signal`; and in a pool that refuses it (`waiting: "refuse"`) it throws a
   * `WorqError`, unless the outcome is known here already or `timeout` is 0.
   */
  async wait(options: WaitOptions = {}): Promise<boolean> {
    return this.#settle(await this.#wait(options)) !== undefined;
  }

  /**
   * Waits, then gives the value or throws why there is none: what `wait` and `value` throw, and a
   * `DOMException` named `TimeoutError` when the time is up first.
   */
  result(options: WaitOptions = {}): Promise<T> {
    const { timeout, signal } = options;
    const isSimple = timeout === undefined && signal === undefined && this.#outcome === undefined;
    if (!isSimple || currentRun() !== undefined) return this.#resultUntil(options);
    // Most results are waited for so, and at a time as many as there are tasks: no more than this is
    // kept for each.
    return new Promise((resolve) => this.#producer.await(new Result(this.#ref, this, resolve)));
  }

  async #resultUntil(options: WaitOptions): Promise<T> {
    return this.#take(await this.#wait(options), options);
  }

  #take(outcome: Outcome | undefined, options: WaitOptions): T {
    if (this.#settle(outcome) !== undefined) return this.value;
    throw this.#late(options);
  }

  /** `<Deferred name [queue:id] status>`, with the status last seen; asks nobody. */
  toString(): string {
    return `<Deferred ${this.name} [${this.#producer.name}:${this.id}] ${this.#status}>`;
  }

  /** What `console.log` shows on Deno. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** What `console.log` shows on Node and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  static async #collect(
    producer: Producer,
    deferreds: readonly Deferred<unknown>[],
    options: WaitOptions,
  ): Promise<unknown[]> {
    checkMilliseconds(`wait for ${deferreds[0]!.name}`, "timeout", options.timeout);
    const open = deferreds.filter((one) => one.#outcome === undefined);
    const hasFailed = (one: Deferred<unknown>) =>
      one.#outcome !== undefined && one.#outcome.status !== "success";
    let failed = deferreds.find(hasFailed);
    if (failed === undefined) {
      await producer.outcomes(open.map((one) => one.#ref), options, (index, outcome) => {
        open[index]!.#settle(outcome);
        if (hasFailed(open[index]!)) failed ??= open[index]!;
        return failed === undefined;
      });
    }
    if (failed !== undefined) return [failed.value]; // which throws
    const late = open.find((one) => one.#outcome === undefined);
    if (late !== undefined) throw late.#late(options);
    return deferreds.map((one) => one.value);
  }

  #late({ timeout }: WaitOptions): DOMException {
    return new DOMException(
      `Cannot get the result of ${this.name} [${this.#producer.name}:${this.id}]: ` +
        `none after ${timeout} ms, its last known status is ${this.#status}`,
      "TimeoutError",
    );
  }

  /** Waits as the one who asks may: a task lends its place. */
  #wait(options: WaitOptions): Outcome | Promise<Outcome | undefined> {
    checkMilliseconds(`wait for ${this.name}`, "timeout", options.timeout);
    options.signal?.throwIfAborted();
    const run = options.timeout === 0 || this.#outcome !== undefined ? undefined : currentRun();
    if (run === undefined || run.isOver) return this.#ask(options);
    if (run.place?.waiting === "refuse") this.#refuse(run.task);
    return run.lendWhile(options, (more) => Promise.resolve(this.#ask(more)));
  }

  #ask(options: WaitOptions): Outcome | Promise<Outcome | undefined> {
    return this.#outcome ?? this.#producer.outcome(this.#ref, options);
  }

  /** Has an outcome known here; undefined when the time was up first. */
  #settle(outcome: Outcome | undefined): Outcome | undefined {
    if (outcome === undefined) return undefined;
    this.#outcome = outcome;
    this.#status = outcome.status;
    return outcome;
  }

  #refuse({ name, queue, id }: CurrentTask): never {
    throw new WorqError(
      `Cannot wait for ${this.name} [${this.#producer.name}:${this.id}] inside ${name} ` +
        `[${queue}:${id}]: its pool refuses that (waiting: "refuse"); return the Deferred, and the ` +
        "task continues as it, or pass it to a task as an argument",
    );
  }

  #failure(outcome: Outcome): TaskFailure {
    const subject: Subject = { task: this.name, queue: this.#producer.name, id: this.id };
    const failure = failureFrom(outcome, subject);
    // The queue itself does not know the name of a task that it has forgotten.
    return outcome.status === "expired" && failure.errorText === GONE
      ? new TaskExpired(subject.task, subject.queue, subject.id, GONE)
      : failure;
  }
}

/** Who waits for the value behind a handle. */
class Result<T> extends Waiter {
  readonly #deferred: Deferred<T>;
  readonly #resolve: (value: T | Promise<T>) => void;

  constructor(task: TaskRef, deferred: Deferred<T>, resolve: (value: T | Promise<T>) => void) {
    super(task);
    this.#deferred = deferred;
    this.#resolve = resolve;
  }

  arrive(outcome: Outcome): void {
    try {
      this.#resolve(take(this.#deferred, outcome));
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    this.#resolve(Promise.reject(error));
  }
}
