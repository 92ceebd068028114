/** {@linkcode Broker}: knows the tasks, and moves them between callers, queue and workers. */
import { type PoolCard, readCards } from "./cards.ts";
import { decode, encodeValue } from "./codec.ts";
import { type Place, Run, runAs } from "./current_task.ts";
import { deadIds, type DeadLetter, type DeadOptions, letterOf } from "./dead.ts";
import { Deferred, failureOf, settle } from "./deferred.ts";
import type { Finding, FsckOptions } from "./fsck.ts";
import { aroundEnqueue, type AroundRun, aroundRun, checkHooks, type Hook } from "./hooks.ts";
import type { Message } from "./message.ts";
import { encodeContinuedFailure, encodeFailure, inputOf, type Subject } from "./outcome.ts";
import { retryDelay } from "./retry.ts";
import { DEFAULT_MAX_PAYLOAD, Producer } from "./producer.ts";
import { type AnyTasks, type Queue, queueOf } from "./queue.ts";
import { checkLimits } from "./limits.ts";
import { checkArguments } from "./schema.ts";
import {
  Declarations,
  declare,
  type Schedule,
  schedulesIn,
  type ScheduleTimes,
} from "./schedule.ts";
import { type Around, checkDefaults, type DefaultTaskOptions, type Target } from "./task.ts";
import type { Claim, Limits, Report, TaskQueue } from "./task_queue.ts";
import { checkCount } from "./wait.ts";
import { type Why, whyOf } from "./why.ts";
import {
  type KnownTask,
  type TaskFunction,
  type TaskRecordOf,
  TaskSpace,
  TaskTable,
} from "./task_space.ts";

/** What a broker can be told. */
export interface BrokerOptions {
  /**
   * Bytes that the encoded arguments of a task, or its result, may have. @default {4_000_000}
   */
  maxPayload?: number;
  /**
   * How many tasks of the queue may run, or start, at the same time, over all pools, and how many
   * that share a `key`. They hold for the pools of this broker; all pools of a queue should have the
   * same. @default {{}} (no limits)
   */
  limits?: Limits;
  /**
   * Code around calls through `queue()`, and around the runs of this broker's tasks; the first is
   * the outermost. Worker threads and processes have the hooks of the broker that their module
   * makes. @default {none}
   */
  hooks?: readonly Hook[];
  /** URL that leads to the queue, for workers elsewhere. @default {the queue's address} */
  url?: string;
}

/** How `expose` treats a name that is taken. */
export interface ExposeOptions {
  /** Replace it; otherwise a taken name is a `TypeError`. @default {false} */
  replace?: boolean;
}

/** What can be exposed: a space, a record of functions by name, or a function that has a name. */
export type Exposable =
  // deno-lint-ignore no-explicit-any -- a space of any tasks
  TaskSpace<string, any, any> | { readonly [name: string]: TaskFunction } | TaskFunction;

/**
 * Connects task functions with a queue. Workers get one from the module's `init`; `getBroker`
 * makes it.
 *
 * @example
 * ```ts
 * import { getBroker } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * await using broker = getBroker("memory://");
 * broker.expose({ double: (x: number) => 2 * x });
 * strictEqual(await broker.size(), 0);
 * ```
 */
export class Broker implements AsyncDisposable {
  /** Schedules that were declared here. */
  readonly declared: Declarations = new Declarations();
  readonly #producer: Producer;
  readonly #maxPayload: number;
  readonly #url: string;
  /** What pools of this broker keep to. */
  readonly limits: Limits | undefined;
  readonly #tasks = new TaskTable();
  readonly #aroundEnqueue: () => Around | undefined;
  readonly #aroundRun: () => AroundRun | undefined;

  /**
   * A broker for `taskQueue`, which it closes when it is closed itself. Throws a `RangeError` for
   * limits that cannot be.
   */
  constructor(taskQueue: TaskQueue, options: BrokerOptions = {}) {
    this.limits = options.limits;
    if (this.limits !== undefined) checkLimits(this.limits);
    const { maxPayload = DEFAULT_MAX_PAYLOAD, url = taskQueue.address, hooks = [] } = options;
    checkHooks(`make broker of queue "${taskQueue.name}"`, hooks);
    this.#aroundEnqueue = aroundEnqueue(hooks);
    this.#aroundRun = aroundRun(hooks);
    this.#url = url;
    this.#maxPayload = maxPayload;
    this.#producer = new Producer(taskQueue, maxPayload);
  }

  /** The queue behind this broker. */
  get taskQueue(): TaskQueue {
    return this.#producer.taskQueue;
  }

  /** Name of the queue. */
  get name(): string {
    return this.taskQueue.name;
  }

  /** URL that the broker was made for, with the password if it has one: not for logs. */
  get url(): string {
    return this.#url;
  }

  /**
   * Makes tasks known to the workers of this broker: a space, functions by name, or one function
   * under its own name, which goes to the root. Throws a `TypeError` for a name that is taken (then
   * nothing is exposed) or may not be a task.
   */
  expose(tasks: Exposable, options: ExposeOptions = {}): this {
    this.#tasks.add(spaceOf(tasks).entries(), options.replace ?? false);
    return this;
  }

  /** Full names of the tasks that were exposed. */
  get tasks(): string[] {
    return this.#tasks.names();
  }

  /**
   * The queue of this broker, for calling tasks over the same connection: closing it closes
   * nothing. Takes default options for its tasks. Calls of tasks that were exposed with a schema are
   * checked by it. Throws a `TypeError` or `RangeError` for options
   * that cannot be.
   */
  queue<S = AnyTasks, const Path extends string = "">(
    options: DefaultTaskOptions & { target?: Path } = {},
  ): Queue<S, Path> {
    const { target = "", ...defaults } = options;
    checkDefaults(defaults);
    const of = {
      producer: this.#producer,
      name: target,
      options: defaults,
      around: this.#aroundEnqueue,
      schemaOf: (name: string) => this.#tasks.get(name)?.definition.args,
    };
    return queueOf(of, () => Promise.resolve()) as Queue<S, Path>;
  }

  /** Number of tasks that wait for a worker. Those that wait for their arguments do not count. */
  size(): Promise<number> {
    return this.#producer.size();
  }

  /**
   * Removes every task that no worker has taken, also those that wait for their arguments, and
   * returns how many. Who waits for one of them gets `TaskExpired` at once.
   */
  clear(): Promise<number> {
    return this.taskQueue.clear();
  }

  /**
   * Tasks that failed for good: after their last retry, or when too many of their workers were
   * lost. Those that would be kept longest come first. Throws a `RangeError` for options that cannot
   * be.
   */
  async dead(options: DeadOptions = {}): Promise<DeadLetter[]> {
    const { from = 0, limit = 100 } = options;
    checkCount("list dead tasks", "limit", limit);
    checkCount("list dead tasks", "from", from + 1);
    const tasks = await this.taskQueue.dead(from, limit);
    return tasks.map((task) => letterOf(task, this.name));
  }

  /**
   * Enqueues dead tasks again, under their ids and as if they were new; all of them when no ids are
   * given. What they took as arguments has been kept for them. Returns how many: a task is left
   * where it is when another one has its id by now, or when a task still takes its failure.
   */
  async redrive(ids?: readonly string[]): Promise<number> {
    const answers = await this.taskQueue.redrive(ids ?? await deadIds(this.taskQueue));
    return answers.filter((answer) => answer === "redriven").length;
  }

  /** Drops dead tasks, all of them when no ids are given; returns how many there were. */
  async discard(ids?: readonly string[]): Promise<number> {
    return await this.taskQueue.discard(ids ?? await deadIds(this.taskQueue));
  }

  /**
   * What is wrong with the queue: nothing, unless somebody changed its keys by hand, the server lost
   * some of what it had confirmed, or worq has a fault. It looks while pools and callers work, and
   * reports nothing that is only under way. With `repair` it sets right what can be: a task whose
   * message is there will run, one that cannot run ends as expired, and who waits is told. Throws a
   * `RangeError` for a limit that cannot be.
   *
   * @example
   * ```ts
   * import { getBroker } from "@worq/worq";
   * import { deepStrictEqual } from "node:assert/strict";
   *
   * await using broker = getBroker("memory://fsck");
   * deepStrictEqual(await broker.fsck(), []);
   * ```
   */
  async fsck(options: FsckOptions = {}): Promise<Finding[]> {
    const { repair = false, limit = 1_000 } = options;
    checkCount("check the queue", "limit", limit);
    return await this.taskQueue.fsck({ repair, limit });
  }

  /**
   * The pools that serve the queue, with what each does: it tells that every two seconds, and is gone
   * when it has told nothing for six.
   *
   * @example
   * ```ts
   * import { getBroker, InlineWorkerPool } from "@worq/worq";
   * import { deepStrictEqual } from "node:assert/strict";
   *
   * await using broker = getBroker("memory://pools");
   * deepStrictEqual(await broker.pools(), []);
   * await using _pool = new InlineWorkerPool(broker, { name: "mail" }).start();
   * const [pool] = await broker.pools();
   * deepStrictEqual([pool?.kind, pool?.queues, pool?.running], ["inline", ["default"], 0]);
   * ```
   */
  async pools(): Promise<PoolCard[]> {
    return readCards(await this.taskQueue.cards());
  }

  /**
   * Why a task has not run: what keeps it, in one sentence. Asks the queue, and for what a task waits
   * for, that too.
   *
   * @example
   * ```ts
   * import { getBroker } from "@worq/worq";
   * import { deepStrictEqual, strictEqual } from "node:assert/strict";
   *
   * await using broker = getBroker("memory://why");
   * const { id } = await broker.queue().mail("ann@example.com");
   * const { cause, text } = await broker.why(id);
   * strictEqual(cause, "no pool");
   * strictEqual(text, 'waits because no pool serves queue "default"');
   * await broker.clear();
   * ```
   */
  async why(id: string): Promise<Why> {
    return await whyOf(this.taskQueue, { id });
  }

  /**
   * From now on no pool gets tasks of this queue, here or elsewhere, until `resume()`. All else goes
   * on: calls are stored, and tasks that run end.
   */
  pause(): Promise<void> {
    return this.taskQueue.pause();
  }

  /** Pools get tasks of this queue again. */
  resume(): Promise<void> {
    return this.taskQueue.resume();
  }

  /**
   * Declares a schedule: each pool of this broker, and each one whose workers get it from their
   * `init`, sees to it that the next tick is in the queue. One tick is one task, however many pools
   * there are, and the server's clock says when it runs. It has an id such as
   * `schedule:nightly:2027-01-31T02:00:00.000Z`.
   *
   * Ticks that come while there is no pool are made up for by one, as soon as there is a pool again.
   * When the declaration changes, the tick that was to come is replaced; when it is gone from the
   * code, that one still comes, unless `unschedule()` ends it.
   *
   * Throws a `TypeError` or `RangeError` for a name that is taken here, for times that cannot be, and
   * for arguments that cannot be stored. A handle to a result is none of them.
   *
   * @example
   * ```ts
   * import { getBroker, InlineWorkerPool, task, TaskSpace } from "@worq/worq";
   *
   * const reports = new TaskSpace("reports", { build: (kind: string) => console.log(kind) });
   * await using broker = getBroker("memory://schedule").expose(reports);
   * const { build } = broker.queue<typeof reports>().reports;
   * broker.schedule("nightly", { cron: "0 3 * * *", timeZone: "Europe/Berlin" }, build, "all");
   * broker.schedule("often", { every: 60_000, overlap: "skip" }, task(build, { retries: 2 }), "new");
   *
   * await using _pool = new InlineWorkerPool(broker).start();
   * ```
   */
  schedule<P extends readonly unknown[], R>(
    name: string,
    times: ScheduleTimes,
    target: Target<P, R>,
    ...args: P
  ): this;
  /** Declares a schedule of a task whose result is ignored. */
  schedule<P extends readonly unknown[]>(
    name: string,
    times: ScheduleTimes,
    target: (...args: P) => Promise<void>,
    ...args: P
  ): this;
  schedule(name: string, times: ScheduleTimes, target: unknown, ...args: unknown[]): this {
    this.declared.add(declare(name, times, target, args, this.taskQueue, this.#maxPayload));
    return this;
  }

  /** Schedules of the queue, whoever declared them, by name. */
  async schedules(): Promise<Schedule[]> {
    return schedulesIn(await this.taskQueue.schedule([]));
  }

  /**
   * Ends a schedule: there will be no tick that is not due yet. Returns whether the queue had it. A
   * pool whose code declares it makes it anew, so take it from the code first.
   */
  async unschedule(name: string): Promise<boolean> {
    this.declared.delete(name);
    for (let had = false;; had = true) {
      const { schedules } = await this.taskQueue.schedule([]);
      const seen = schedules.find((record) => record.name === name);
      if (seen === undefined) return had;
      await this.taskQueue.schedule([{ name, seen }]);
    }
  }

  /**
   * Runs a claimed task, all of whose inputs are there. Never throws: a failure is a report. A task
   * of another queue than this broker's says which. The signal is asked for when the task does; the
   * place is what it lends while it waits for others.
   */
  run(
    claim: Claim,
    message: Message,
    abort: { readonly signal: AbortSignal },
    queue: string = this.name,
    place?: Place,
  ): Promise<Report> {
    const run = new Run(claim, message, queue, abort, place);
    // Not an async function: each promise, and each step to wait for, that a run does without counts.
    try {
      const result = this.#perform(run);
      return isThenable(result)
        ? Promise.resolve(result).then(
          (result) => this.#succeed(run, result),
          (error) => this.#fail(run, error),
        )
        : Promise.resolve(this.#succeed(run, result));
    } catch (error) {
      return Promise.resolve(this.#fail(run, error));
    }
  }

  /** What the task gives, or a promise of it. */
  #perform(run: Run): unknown {
    const { claim: { inputs }, message: { name, args: text } } = run;
    const task = this.#tasks.get(name);
    if (task === undefined) throw NO_TASK;
    const args = decode(text, inputs.length === 0 ? inputs : inputs.map(inputOf)) as unknown[];
    const around = this.#aroundRun();
    if (around === undefined) return runAs(run, () => perform(name, task, args));
    const shown = Object.assign(run.task, { args });
    return runAs(run, () => around(shown, (args) => perform(name, task, args)));
  }

  #succeed(run: Run, result: unknown): Report | Promise<Report> {
    if (result instanceof Deferred) return this.#continue(run, result);
    const { claim: { id, fence }, message: { name, ignoreResult, resultTimeout: keep } } = run;
    try {
      const text = ignoreResult
        ? ""
        : encodeValue(`return from ${name}`, "result", result, this.#maxPayload);
      run.end();
      return { id, fence, kind: "success", text, keep, name };
    } catch (error) {
      return this.#fail(run, error);
    }
  }

  /** The task ends as the one behind the handle does that it returned. */
  async #continue(run: Run, next: Deferred<unknown>): Promise<Report> {
    const { claim: { id, fence }, message: { name, ignoreResult, resultTimeout: keep } } = run;
    try {
      const subject = { task: name, queue: run.queue, id };
      const ending = await continued(run, next, subject, !ignoreResult);
      run.end();
      return { id, fence, keep, name, ...ending };
    } catch (error) {
      return this.#fail(run, error);
    }
  }

  #fail(run: Run, thrown: unknown): Report {
    run.end();
    const { claim: { id, fence, failures }, message } = run;
    const { name, resultTimeout: keep } = message;
    const subject = { task: name, queue: run.queue, id };
    if (thrown === NO_TASK) return { id, fence, keep, ...failed(subject, "no such task") };
    const definition = this.#tasks.get(name)?.definition;
    const delayOf = (thrown: unknown) => retryDelay(message, failures, thrown, definition);
    return { id, fence, keep, ...endingOf(subject, thrown, delayOf) };
  }

  /** Ends the connection. Who still waits gets `QueueUnavailable`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#producer[Symbol.asyncDispose]();
  }
}

/** Thrown where a task is unknown. */
const NO_TASK = Symbol("no such task");

function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (value instanceof Promise) return true;
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return typeof (value as Partial<PromiseLike<unknown>>).then === "function";
}

function spaceOf(tasks: Exposable): TaskSpace<string, TaskRecordOf> {
  if (tasks instanceof TaskSpace) return tasks;
  if (typeof tasks === "function") {
    if (tasks.name === "") {
      throw new TypeError(
        "Cannot expose a function without a name: expose a record, as in { add: (a, b) => a + b }",
      );
    }
    // A bound method is called "bound update".
    return new TaskSpace("", { [tasks.name.replace(/^bound /, "")]: tasks });
  }
  if (typeof tasks !== "object" || tasks === null) {
    throw new TypeError(
      `Cannot expose ${String(tasks)}: expected a TaskSpace, a record of functions or a function`,
    );
  }
  return new TaskSpace("", tasks);
}

/** How a task ends that returned a handle: as the task behind it does. */
async function continued(run: Run, next: Deferred<unknown>, subject: Subject, keeps: boolean) {
  const outcome = (await run.lendWhile({}, (options) => settle(next, options)))!;
  if (outcome.status === "success") {
    return { kind: "success", text: keeps ? outcome.text : "" } as const;
  }
  const text = encodeContinuedFailure(subject, outcome, failureOf(next));
  return { kind: "failed", text } as const;
}

function endingOf(
  subject: Subject,
  thrown: unknown,
  delayOf: (thrown: unknown) => number | undefined,
): Pick<Report, "kind" | "text" | "delay"> {
  try {
    const delay = delayOf(thrown);
    if (delay !== undefined) return { ...failed(subject, thrown), kind: "retry", delay };
    return failed(subject, thrown);
  } catch (problem) {
    return failed(subject, problem);
  }
}

function failed(subject: Subject, thrown: unknown) {
  try {
    return { kind: "failed", text: encodeFailure(subject, thrown) } as const;
  } catch {
    const text = encodeFailure(subject, "its error cannot be described");
    return { kind: "failed", text } as const;
  }
}

/** Arguments that do not fit fail a task before it begins: trying again would not help. */
function perform(name: string, { run, definition }: KnownTask, args: readonly unknown[]): unknown {
  if (definition.args === undefined) return run(...args);
  const checked = checkArguments(name, definition.args, args);
  return checked instanceof Promise ? checked.then((args) => run(...args)) : run(...checked);
}
