/** {@linkcode testQueue}: for tests of users, a queue whose time stands still. */
import { AssertionError } from "node:assert";
import { inspect, isDeepStrictEqual } from "node:util";
import { Abort } from "../abort.ts";
import type { Broker } from "../broker.ts";
import { decode, encodeArguments, type Handle, refOf } from "../codec.ts";
import { type ConnectOptions, getBroker } from "../connect.ts";
import type { Place } from "../current_task.ts";
import type { TaskFailure } from "../errors.ts";
import { decodeMessage, DEFAULT_POLICY } from "../message.ts";
import { encodeFailure, failureOf } from "../outcome.ts";
import type { Queue } from "../queue.ts";
import { Scheduler } from "../scheduler.ts";
import { MAX_PAUSE } from "../retry.ts";
import {
  type Claim,
  leaseOf,
  type Report,
  type TaskQueue,
  type TaskRecord,
} from "../task_queue.ts";
import type { TaskRecordOf, TaskSpace } from "../task_space.ts";
import { checkCount, checkMilliseconds } from "../wait.ts";

/** What a `TestQueue` can be told. */
export interface TestQueueOptions<S = unknown> extends Omit<ConnectOptions, "clock"> {
  /** Tasks to run: a space, functions by name, or several of those. */
  tasks?: S | readonly S[];
  /** Gets the broker first of all, for what else is to be said to it. */
  init?: (broker: Broker) => unknown;
  /** Name of the queue. @default {"default" in memory, a new one on a server} */
  name?: string;
  /** When it begins: a `Date`, or milliseconds since 1970. @default {now} */
  now?: Date | number;
  /**
   * Tasks that run at the same time. One more runs for each that waits for the result of another.
   * @default {1}
   */
  concurrency?: number;
}

/** Tasks as a `TestQueue` takes them. */
// deno-lint-ignore no-explicit-any -- a space of any tasks
export type TestTasks = TaskSpace<string, any, any> | TaskRecordOf;

/** A task that has not run yet, or is to run again. */
export interface WaitingTask {
  /** Id of the task. */
  readonly id: string;
  /** Full name of the task, such as `shop.pay`. */
  readonly name: string;
  /** Its arguments; in place of a result that it takes is a `{ resultOf: id }`. */
  readonly args: readonly unknown[];
  /** `enqueued` when it can run, `pending` when it waits for a result or for its time. */
  readonly status: "enqueued" | "pending";
  /** 0 to 255. */
  readonly priority: number;
  /** When it runs, if it waits for that. */
  readonly runAt: Date | undefined;
  /** How many of its attempts failed. */
  readonly failures: number;
}

/** What else a waiting task must be like. */
export interface ExpectedTask {
  /** Its id. */
  id?: string;
  /** 0 to 255. */
  priority?: number;
  /** When it runs: a `Date`, or milliseconds since 1970. */
  runAt?: Date | number;
  /** When it runs: milliseconds from now. */
  delay?: number;
  /** How many such tasks there are; 0 for none. @default {one or more} */
  count?: number;
}

/** Which arguments: these, or those that a function likes. */
export type ExpectedArguments =
  | readonly unknown[]
  // deno-lint-ignore no-explicit-any -- arguments of any task
  | ((...args: any[]) => boolean);

/**
 * A queue, with a pool that is driven by hand, on a clock that stands still. Tasks run here when
 * `drain()` or `advance()` says so, as they do in a pool: with retries, definitions and
 * `currentTask()`. A pool's own `taskTimeout` and signs of life are not there.
 *
 * The time is that of the queue alone: `Date.now()` and timers in tasks are real. On a server the
 * results of tasks are kept for their real time, too.
 */
export class TestQueue<S = unknown> implements AsyncDisposable {
  /** The broker, which knows the tasks. */
  readonly broker: Broker;
  /** The queue, for calls. */
  readonly q: Queue<S>;
  /** URL of the queue; one of its own in memory. */
  readonly url: string;
  /** What tasks threw, in order, also when they ran again. */
  readonly failures: TaskFailure[] = [];
  readonly #queue: TaskQueue;
  readonly #scheduler: Scheduler;
  readonly #concurrency: number;
  /** Calls that were made here, by id, in order. */
  readonly #calls = new Set<string>();
  readonly #running = new Set<Claim>();
  #now: number;
  #reports: Report[] = [];
  #exchanges = 0;
  #driven = false;
  /** Room for the tasks that others wait for. */
  #lent = 0;
  /** What each task lends while it waits for others: then one more may run. */
  readonly #place: Place = {
    waiting: "lend",
    lend: () => {
      this.#lent++;
      this.#news.resolve();
    },
    takeBack: () => this.#lent--,
  };
  #news = Promise.withResolvers<void>();

  /** Use {@linkcode testQueue}. */
  constructor(url: string, options: Omit<TestQueueOptions, "tasks" | "init"> = {}) {
    const { name = "default", now = Date.now(), concurrency = 1, ...connect } = options;
    const time = now instanceof Date ? now.getTime() : now;
    checkMilliseconds("make test queue", "now", time);
    checkCount("make test queue", "concurrency", concurrency);
    this.#now = time;
    this.#concurrency = concurrency;
    this.url = url;
    this.broker = getBroker(url, name, { ...connect, clock: this.clock });
    this.q = this.broker.queue() as Queue<S>;
    this.#queue = this.broker.taskQueue;
    this.#scheduler = new Scheduler(this.#queue, () => this.broker.declared);
    this.#watch(this.#queue);
  }

  /** The queue's time. For other handles of it, as `getQueue(kit.url, { clock: kit.clock })`. */
  readonly clock = (): number => this.#now;

  /** The queue's time. */
  get now(): Date {
    return new Date(this.#now);
  }

  /** Name of the queue. */
  get name(): string {
    return this.broker.name;
  }

  /**
   * Runs what can run now, in order, and what that makes possible, until all that is left waits for
   * its time. Returns how many attempts there were.
   *
   * Throws an `Error` while another `drain()` or `advance()` is under way, also from inside a task.
   */
  drain(): Promise<number> {
    return this.#drive(async () => (await this.#drain()).ran);
  }

  /**
   * Lets time pass: runs what can run now, and then what becomes due, each at its very time: delayed
   * tasks, retries, ticks of schedules. Returns how many attempts there were. Throws a `RangeError` unless
   * `milliseconds` are 0 to a hundred years, and an `Error` as `drain()` does.
   */
  async advance(milliseconds: number): Promise<number> {
    checkMilliseconds("advance", "milliseconds", milliseconds);
    if (milliseconds > MAX_PAUSE) {
      throw new RangeError(`Cannot advance: milliseconds must be at most ${MAX_PAUSE}`);
    }
    return await this.#drive(async () => {
      const end = this.#now + Math.ceil(milliseconds);
      let { ran, next } = await this.#drain();
      while (this.#now < end) {
        this.#now = Math.min(end, this.#now + Math.max(1, next));
        const more = await this.#drain();
        ran += more.ran;
        next = more.next;
      }
      return ran;
    });
  }

  /** Calls whose tasks have not run yet, or are to run again, in the order of the calls. */
  async waiting(): Promise<WaitingTask[]> {
    const records = await Promise.all([...this.#calls].map((id) => this.#queue.inspect(id)));
    return records.flatMap((record) => {
      const { status, message } = record ?? {};
      if (message === undefined) return [];
      return status === "enqueued" || status === "pending" ? [waitingOf(record!, status)] : [];
    });
  }

  /**
   * Throws an `AssertionError`, with a list of what waits, unless a waiting task has this name, these
   * arguments and these options. `Deferred`s among the arguments stand for the results that it takes.
   * Returns the tasks that it found.
   *
   * It knows of the calls made through `q` and `broker` of this kit.
   */
  async assertEnqueued(
    name: string,
    args?: ExpectedArguments,
    options: ExpectedTask = {},
  ): Promise<WaitingTask[]> {
    const tasks = await this.waiting();
    const wanted = Array.isArray(args) ? await asStored(name, args) : undefined;
    const found = tasks.filter((task) =>
      task.name === name &&
      (wanted === undefined || isDeepStrictEqual(task.args, wanted)) &&
      (typeof args !== "function" || args(...task.args)) &&
      this.#fits(task, options)
    );
    const { count } = options;
    if (count === undefined ? found.length > 0 : found.length === count) return found;
    const what = `${name}${callText(wanted, args)}${optionsText(options)}`;
    const amount = count === undefined ? "a waiting task" : `${count} waiting tasks`;
    throw new AssertionError({
      message: `Expected ${amount} ${what}, found ${found.length}; ` +
        (tasks.length === 0 ? "nothing waits" : `what waits:\n${this.#listOf(tasks)}`),
      actual: tasks,
      expected: { name, args: wanted ?? args, ...options },
      operator: "assertEnqueued",
    });
  }

  /** Removes what waits and what is dead, and closes the broker. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { name } of await this.broker.schedules()) await this.broker.unschedule(name);
    await this.broker.clear();
    await this.broker.discard();
    if (this.#exchanges > 0) await this.#exchange(0, true);
    // In memory, outcomes would keep the queue for ever.
    this.#now += 1e14;
    await this.#queue.stats();
    await this.broker[Symbol.asyncDispose]();
  }

  /** Hears of calls. */
  #watch(queue: TaskQueue): void {
    const { enqueue, schedule } = queue;
    queue.schedule = (changes) => {
      for (const { tick } of changes) if (tick) this.#calls.add(tick.task.id);
      return schedule.call(queue, changes);
    };
    queue.enqueue = (tasks) => {
      for (const { id } of tasks) this.#calls.add(id);
      return enqueue.call(queue, tasks);
    };
  }

  async #drive(body: () => Promise<number>): Promise<number> {
    if (this.#driven) {
      throw new Error("Cannot drive the queue: drain() or advance() is under way; await it first");
    }
    this.#driven = true;
    try {
      return await body();
    } finally {
      this.#driven = false;
    }
  }

  /** Runs what can run; tells when time brings more. */
  async #drain(): Promise<{ ran: number; next: number }> {
    for (let ran = 0;;) {
      this.#news = Promise.withResolvers();
      const room = Math.max(0, this.#concurrency + this.#lent - this.#running.size);
      const { claims, more, next } = await this.#exchange(room);
      ran += claims.length;
      claims.forEach((claim) => this.#begin(claim));
      if (claims.length > 0 || more) continue;
      if (this.#running.size > 0) await this.#news.promise;
      else if (this.#reports.length === 0) return { ran, next: await this.#next(next) };
    }
  }

  /** When time brings more, schedules included. */
  async #next(next: number | undefined): Promise<number> {
    const look = await this.#scheduler.look();
    return Math.min(next ?? Infinity, look.next ?? Infinity);
  }

  async #exchange(want: number, leaving = false) {
    const reports = [...this.#reports];
    const answer = await this.#queue.exchange({
      pool: "test",
      number: this.#exchanges++,
      reports,
      renewals: [],
      want,
      lease: leaseOf(DEFAULT_POLICY.heartbeatInterval),
      leaving,
    });
    this.#reports.splice(0, reports.length);
    return answer;
  }

  #begin(claim: Claim): void {
    this.#running.add(claim);
    this.#run(claim).then((report) => {
      this.#running.delete(claim);
      this.#reports.push(report);
      this.#news.resolve();
    });
  }

  async #run(claim: Claim): Promise<Report> {
    const { id, fence, inputs } = claim;
    const subject = { task: "?", queue: this.name, id };
    try {
      const message = decodeMessage(claim.message ?? "");
      subject.task = message.name;
      const missing = message.needs - inputs.length;
      const rest = missing > 0 ? await this.#queue.inputs(id, inputs.length, missing) : [];
      const whole = { ...claim, inputs: [...inputs, ...rest] };
      const report = await this.broker.run(whole, message, new Abort(), this.name, this.#place);
      if (report.kind !== "success") {
        this.failures.push(failureOf({ status: "failed", text: report.text }, subject));
      }
      return report;
    } catch (error) {
      const text = encodeFailure(subject, error);
      return { id, fence, kind: "failed", text, keep: DEFAULT_POLICY.resultTimeout };
    }
  }

  #fits(task: WaitingTask, { id, priority, runAt, delay }: ExpectedTask): boolean {
    const due = task.runAt?.getTime();
    return (id === undefined || task.id === id) &&
      (priority === undefined || task.priority === priority) &&
      (runAt === undefined || due === (runAt instanceof Date ? runAt.getTime() : runAt)) &&
      (delay === undefined || (due ?? this.#now) - this.#now === delay);
  }

  #listOf(tasks: readonly WaitingTask[]): string {
    return tasks.map((task) => {
      const { name, args, status, runAt, priority } = task;
      const due = runAt === undefined
        ? ""
        : `, due in ${runAt.getTime() - this.#now} ms (${runAt.toISOString()})`;
      const urgent = priority === 0 ? "" : `, priority ${priority}`;
      return `  ${name}(${args.map(short).join(", ")})  ${status}${due}${urgent}`;
    }).join("\n");
  }
}

/**
 * A queue for a test, in memory unless `url` names a server, on a clock that stands still until
 * `advance()` moves it. So delays and retries are tested without waiting.
 *
 * Rejects with a `TypeError` or `RangeError` for a URL, tasks or options that cannot be, and with
 * `QueueUnavailable` when the server cannot be reached.
 *
 * @example
 * ```ts
 * import { task } from "@worq/worq";
 * import { testQueue } from "@worq/worq/testing";
 * import { deepStrictEqual, strictEqual } from "node:assert/strict";
 *
 * const sent: string[] = [];
 * await using kit = await testQueue({ tasks: { mail: (to: string) => void sent.push(to) } });
 *
 * await kit.q.mail("ann");
 * await task(kit.q.mail, { delay: 3_600_000 })("bob");
 * await kit.assertEnqueued("mail", ["bob"], { delay: 3_600_000 });
 *
 * strictEqual(await kit.drain(), 1);
 * deepStrictEqual(sent, ["ann"]);
 * strictEqual(await kit.advance(3_600_000), 1);
 * deepStrictEqual(sent, ["ann", "bob"]);
 * ```
 */
export function testQueue<const S extends TestTasks>(
  options?: TestQueueOptions<S>,
): Promise<TestQueue<S>>;
/** A queue for a test, at this URL. */
export function testQueue<const S extends TestTasks>(
  url: string,
  options?: TestQueueOptions<S>,
): Promise<TestQueue<S>>;
export async function testQueue<const S extends TestTasks>(
  first: string | TestQueueOptions<S> = {},
  second: TestQueueOptions<S> = {},
): Promise<TestQueue<S>> {
  const fresh = `test-${crypto.randomUUID()}`;
  const url = typeof first === "string" ? first : `memory://${fresh}`;
  const { tasks = [], init, ...options } = typeof first === "string" ? second : first;
  const name = url.startsWith("memory:") ? "default" : fresh;
  const kit = new TestQueue<S>(url, { name, ...options });
  try {
    for (const one of [tasks].flat() as S[]) kit.broker.expose(one);
    await init?.(kit.broker);
    await kit.broker.size(); // a server that is not there is told at once
    return kit;
  } catch (error) {
    await kit.broker[Symbol.asyncDispose]();
    throw error;
  }
}

function waitingOf(record: TaskRecord, status: WaitingTask["status"]): WaitingTask {
  const { id, message, needs, due, failures } = record;
  const { name, args, priority } = decodeMessage(message!);
  return {
    id,
    name,
    args: decode(args, needs.map(({ id }) => ({ resultOf: id }))) as unknown[],
    status,
    priority,
    runAt: due === undefined ? undefined : new Date(due),
    failures,
  };
}

/** Arguments as they come out of a queue. */
async function asStored(name: string, args: readonly unknown[]): Promise<unknown[]> {
  const { text, handles } = encodeArguments(`expect ${name}`, args, Infinity);
  const inputs = await Promise.all(
    handles.map(async (handle) => ({ resultOf: await idOf(handle) })),
  );
  return decode(text, inputs) as unknown[];
}

async function idOf(handle: Handle): Promise<string | undefined> {
  return (refOf(handle) ?? refOf(await handle))?.id;
}

function callText(wanted: readonly unknown[] | undefined, args: unknown): string {
  if (wanted !== undefined) return `(${wanted.map(short).join(", ")})`;
  return typeof args === "function" ? " that the function likes" : "";
}

function optionsText({ count: _, ...options }: ExpectedTask): string {
  return Object.keys(options).length === 0 ? "" : ` with ${short(options)}`;
}

/** A value in one line. */
function short(value: unknown): string {
  return inspect(value, { breakLength: Infinity, depth: 4, maxStringLength: 200 });
}
