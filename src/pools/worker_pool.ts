/**
 * {@linkcode WorkerPool}: takes tasks from a queue, has them run, and reports.
 *
 * It alone talks to the queue. What is behind the {@linkcode WorkerHandle} makes the kind of pool.
 */
import process from "node:process";
import { setImmediate } from "node:timers";
import type { Broker } from "../broker.ts";
import { QueueUnavailable, TaskFailure } from "../errors.ts";
import { decodeMessage, DEFAULT_POLICY, type Message } from "../message.ts";
import { encodeFailure, failureOf } from "../outcome.ts";
import {
  type Claim,
  type ExchangeAnswer,
  leaseOf,
  type Renewal,
  type Report,
} from "../task_queue.ts";
import { checkCount, checkMilliseconds, waitUntil } from "../wait.ts";

/** What every pool can be told. */
export interface WorkerPoolOptions {
  /** Tasks that run at the same time. @default {10} */
  concurrency?: number;
  /** Name that tells this pool from others, in records and logs. @default {"pool"} */
  name?: string;
  /** Milliseconds that running tasks get to finish in `stop()`. @default {10_000} */
  grace?: number;
  /**
   * Hears of what nobody else would: a server that cannot be reached (the pool goes on trying), and
   * failures of tasks whose result is ignored. @default {process.emitWarning}
   */
  onError?: (error: Error) => void;
}

/** How `stop` is to end a pool. */
export interface StopOptions {
  /** Milliseconds that running tasks get to finish; the pool's `grace` when omitted. */
  grace?: number;
}

/** What runs the tasks of a pool. */
export interface WorkerHandle {
  /** Runs a task and reports; never rejects. The signal asks it to end early. */
  run(claim: Claim, message: Message, signal: AbortSignal): Promise<Report>;
  /** Ends it, with whatever it is doing. */
  terminate(): Promise<void>;
}

interface Run {
  readonly claim: Claim;
  readonly message: Message;
  readonly abort: AbortController;
  /** When the next sign of life is due. */
  beat: number;
}

// Also the longest that a lost wake-up can cost.
const POLL = 5_000;
// More of either would make one step of the queue too long.
const MAX_CLAIMS = 100;
const MAX_REPORTS = 100;
const MAX_REPORT_TEXT = 4_000_000;
// Tasks that never wait for anything would keep timers and sockets from ever being served.
const MAX_TURN = 10;
// How long a pool that ends waits for its last exchange.
const FAREWELL = 5_000;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/** Runs the tasks of one broker's queue. */
export class WorkerPool implements AsyncDisposable {
  readonly #broker: Broker;
  readonly #worker: WorkerHandle;
  readonly #id: string;
  readonly #concurrency: number;
  readonly #grace: number;
  readonly #onError: (error: Error) => void;
  readonly #running = new Map<string, Run>();
  /** What is to be told to the queue; kept until the queue has it. */
  #reports: Report[] = [];
  #exchanges = 0;
  #news = Promise.withResolvers<void>();
  #serving: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #quiet = false;
  #leaving = false;
  #unlisten = () => {};
  #turnStart = 0;
  #whenIdle = () => {};

  /** A pool that has `worker` run the tasks of `broker`. */
  constructor(broker: Broker, worker: WorkerHandle, options: WorkerPoolOptions = {}) {
    const { concurrency = 10, name = "pool", grace = 10_000, onError = warn } = options;
    checkCount("make pool", "concurrency", concurrency);
    checkMilliseconds("make pool", "grace", grace);
    this.#broker = broker;
    this.#worker = worker;
    this.#id = `${name}-${crypto.randomUUID().slice(0, 8)}`;
    this.#concurrency = concurrency;
    this.#grace = grace;
    this.#onError = onError;
  }

  /** Begins to take tasks. Throws an `Error` when it was started before. */
  start(): this {
    if (this.#serving !== undefined || this.#stopping !== undefined) {
      throw new Error(`Cannot start pool ${this.#id}: it was started before`);
    }
    this.#unlisten = this.#broker.taskQueue.listen({
      wake: () => this.#news.resolve(),
      restored: () => this.#showAllAlive(),
    });
    this.#serving = this.#serve();
    return this;
  }

  /**
   * Takes no more tasks, lets the running ones finish within `grace`, hands the others back to the
   * queue (no attempt counted), and ends. May be called at any time, more than once.
   */
  stop(options: StopOptions = {}): Promise<void> {
    checkMilliseconds("stop pool", "grace", options.grace);
    return this.#stopping ??= this.#shutDown(options.grace ?? this.#grace);
  }

  /** The same as `stop()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #shutDown(grace: number): Promise<void> {
    const ended = Promise.withResolvers<true>();
    // 1. Take nothing new.
    this.#quiet = true;
    this.#whenIdle = () => ended.resolve(true);
    this.#finishedOne();
    // 2. Let running tasks finish.
    await waitUntil(ended.promise, { timeout: grace });
    // 3. Their messages return to the queue…
    const left = [...this.#running.values()];
    for (const { claim, message } of left) this.#giveBack(claim, message);
    this.#running.clear();
    this.#leaving = true;
    this.#news.resolve();
    await this.#farewell();
    this.#unlisten();
    // 4. …before the workers die: twice beats never.
    const reason = new DOMException("The pool stops", "AbortError");
    left.forEach(({ abort }) => abort.abort(reason));
    await this.#worker.terminate();
  }

  /** Has the queue told; a server that is away must not keep the pool from ending. */
  async #farewell(): Promise<void> {
    const told = this.#serving?.then(() => true);
    if (told === undefined || await waitUntil(told, { timeout: FAREWELL })) return;
    this.#tell(
      new QueueUnavailable(
        `Pool ${this.#id} stops without an answer from its queue: what it had runs elsewhere ` +
          "when its leases end",
      ),
    );
  }

  /** After the server was away: leases may be about to end, or be gone. */
  #showAllAlive(): void {
    for (const run of this.#running.values()) run.beat = 0;
    this.#news.resolve();
  }

  #finishedOne(): void {
    if (this.#running.size === 0) this.#whenIdle();
    this.#news.resolve();
  }

  /** One exchange after the other, until the last one has told that the pool leaves. */
  async #serve(): Promise<void> {
    let pause = 0;
    for (let last = false; !last;) {
      const leaving = this.#leaving;
      try {
        const { claims, superseded, more } = await this.#exchange(leaving);
        superseded.forEach((id) => this.#abandon(id));
        claims.forEach((claim) => this.#quiet ? this.#giveBack(claim) : this.#begin(claim));
        pause = 0;
        last = leaving && !more && this.#reports.length === 0;
        const hungry = claims.length >= MAX_CLAIMS && this.#running.size < this.#concurrency;
        if (!last && !more && !hungry) await this.#nextNews();
      } catch (error) {
        const { message } = error as Error;
        const next = this.#leaving
          ? "stops, and what it had runs elsewhere when its leases end"
          : "goes on trying";
        this.#tell(
          new QueueUnavailable(`${message}; pool ${this.#id} ${next}`, { cause: error }),
        );
        if (this.#leaving) return;
        pause = Math.min(LONGEST_PAUSE, 2 * pause || FIRST_PAUSE);
        this.#news = Promise.withResolvers();
        await waitUntil(this.#news.promise, { timeout: pause });
      }
    }
  }

  async #exchange(leaving: boolean): Promise<ExchangeAnswer> {
    const reports = this.#nextReports();
    const renewals = this.#dueRenewals();
    const free = this.#quiet ? 0 : this.#concurrency - this.#running.size;
    this.#news = Promise.withResolvers();
    const answer = await this.#broker.taskQueue.exchange({
      pool: this.#id,
      number: this.#exchanges,
      reports,
      renewals: renewals.map(toRenewal),
      want: Math.min(free, MAX_CLAIMS),
      lease: leaseOf(DEFAULT_POLICY.heartbeatInterval),
      leaving,
    });
    // Only now: what the queue did not take is told again, under the same number.
    this.#exchanges++;
    this.#reports.splice(0, reports.length);
    const now = performance.now();
    for (const run of renewals) run.beat = now + run.message.heartbeatInterval;
    return answer;
  }

  #nextReports(): Report[] {
    let room = MAX_REPORT_TEXT;
    const end = this.#reports.findIndex((report, i) =>
      i === MAX_REPORTS || (i > 0 && (room -= report.text.length) < 0)
    );
    return end < 0 ? [...this.#reports] : this.#reports.slice(0, end);
  }

  #dueRenewals(): Run[] {
    const now = performance.now();
    return [...this.#running.values()].filter(({ beat }) => beat <= now);
  }

  /** Until there is something to tell or to fetch. */
  async #nextNews(): Promise<void> {
    const now = performance.now();
    if (this.#reports.length === 0 && !this.#leaving) {
      let beat = now + POLL;
      for (const run of this.#running.values()) beat = Math.min(beat, run.beat);
      await waitUntil(this.#news.promise, { timeout: Math.max(0, beat - now) });
    }
    if (performance.now() - this.#turnStart < MAX_TURN) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnStart = performance.now();
  }

  #begin(claim: Claim): void {
    try {
      if (claim.message === undefined) throw new SyntaxError("the stored message is missing");
      const message = decodeMessage(claim.message);
      // A lease starts with the default interval, whatever the task asks for.
      const first = Math.min(message.heartbeatInterval, DEFAULT_POLICY.heartbeatInterval);
      const beat = performance.now() + first;
      const run = { claim, message, abort: new AbortController(), beat };
      this.#running.set(claim.id, run);
      this.#run(run).then(
        (report) => this.#end(run, report),
        (error) => this.#end(run, this.#unfit(claim, error)),
      );
    } catch (error) {
      this.#reports.push(this.#unfit(claim, error));
    }
  }

  /** A task that could not even be tried. */
  #unfit({ id, fence }: Claim, error: unknown): Report {
    const subject = { task: "?", queue: this.#broker.name, id };
    const text = encodeFailure(subject, `cannot run: ${(error as Error).message}`);
    return { id, fence, kind: "failed", text, keep: DEFAULT_POLICY.resultTimeout };
  }

  /** Lets another pool have a task, unless it has begun and must not run twice. */
  #giveBack({ id, fence }: Claim, begun?: Message): void {
    this.#reports.push(
      begun?.redeliveries === 0
        ? { id, fence, kind: "lost", text: "its pool stopped before it was done", keep: 0 }
        : { id, fence, kind: "returned", text: "", keep: 0 },
    );
  }

  #tell(error: Error): void {
    try {
      this.#onError(error);
    } catch (thrown) {
      // What the user's own handler does must not end the pool.
      warn(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  }

  async #run({ claim, message, abort: { signal } }: Run): Promise<Report> {
    const { id, fence, inputs } = claim;
    const missing = message.needs - inputs.length;
    if (missing <= 0) return await this.#worker.run(claim, message, signal);
    try {
      const rest = await this.#broker.taskQueue.inputs(id, inputs.length, missing);
      return await this.#worker.run({ ...claim, inputs: [...inputs, ...rest] }, message, signal);
    } catch (error) {
      // The queue could not be asked: not the task's fault.
      this.#tell(error as Error);
      return { id, fence, kind: "returned", text: "", keep: 0 };
    }
  }

  #end(run: Run, report: Report): void {
    // Otherwise it was handed back, or is another pool's by now.
    if (this.#running.get(run.claim.id) !== run) return;
    this.#running.delete(run.claim.id);
    this.#reports.push(report);
    if (report.kind === "failed" && run.message.ignoreResult) this.#tellFailure(run, report);
    this.#finishedOne();
  }

  #tellFailure({ claim: { id }, message }: Run, { text }: Report): void {
    const subject = { task: message.name, queue: this.#broker.name, id };
    this.#tell(failureOf({ status: "failed", text }, subject));
  }

  #abandon(id: string): void {
    const run = this.#running.get(id);
    this.#running.delete(id);
    const { name } = this.#broker;
    run?.abort.abort(
      new TaskFailure(run.message.name, name, id, "was given to another worker or removed"),
    );
    this.#finishedOne();
  }
}

function toRenewal({ claim: { id, fence }, message }: Run): Renewal {
  return { id, fence, lease: leaseOf(message.heartbeatInterval) };
}

function warn(error: Error): void {
  // A plain text keeps the stack of a server that is away out of the log.
  process.emitWarning(error.message, { type: error.name });
}
