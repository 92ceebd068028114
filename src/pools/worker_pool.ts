/**
 * {@linkcode WorkerPool}: starts, stops and feeds what runs the tasks of some queues.
 *
 * Its consumers alone talk to the queues. What is behind the {@linkcode Crew} makes the kind of
 * pool.
 */
import process from "node:process";
import config from "../../deno.json" with { type: "json" };
import type { Broker } from "../broker.ts";
import type { CardWorker, PoolCard } from "../cards.ts";
import type { Waiting } from "../current_task.ts";
import { QueueUnavailable } from "../errors.ts";
import { type Logger, stderrLogger } from "../logger.ts";
import type { Note } from "../notes.ts";
import { runtimeText } from "../runtime.ts";
import type { Declaration } from "../schedule.ts";
import type { Claim } from "../task_queue.ts";
import { checkMilliseconds, waitUntil } from "../wait.ts";
import { Announcer } from "./announcer.ts";
import { Consumer, type Job } from "./consumer.ts";
import { hostName } from "./host_name.ts";
import { Ticker } from "./ticker.ts";
import { Turns } from "./turns.ts";

/** What every pool can be told. */
export interface WorkerPoolOptions {
  /** Name that tells this pool from others, in records and logs. @default {"pool"} */
  name?: string;
  /**
   * With several queues: how they share the pool while more than one of them has tasks, a whole
   * number for each, in their order. With `[3, 1]` the first one begins three tasks for each of the
   * second. @default {strict order: a queue has its turn when those before it have no task}
   */
  weights?: readonly number[];
  /** Milliseconds that running tasks get to finish in `stop()`. @default {10_000} */
  grace?: number;
  /**
   * What happens when a task waits for the result of another one. `"lend"` lets another task run in
   * its place meanwhile, so that a pool of one computes what is recursive. Once the wait is over, the
   * task goes on at once: for a moment more tasks run than there are places. Any number of tasks may
   * wait, each with its memory. `"refuse"` throws a `WorqError` into the task. Returning a `Deferred`
   * is no wait of the task, and free in any pool. @default {"lend"}
   */
  waiting?: Waiting;
  /**
   * Hears of what nobody else would: a server that cannot be reached (the pool goes on trying),
   * failures of tasks whose result is ignored, a module that does not load. Told to the `logger`
   * as warnings when omitted.
   */
  onError?: (error: Error) => void;
  /** Gets a line for each event. @default {stderrLogger()} */
  logger?: Logger;
}

/** How `stop` is to end a pool. */
export interface StopOptions {
  /** Milliseconds that running tasks get to finish; the pool's `grace` when omitted. */
  grace?: number;
}

/** What a crew can tell its pool. */
export interface CrewHost {
  /** Id of the pool. */
  readonly id: string;
  /** Where events go. */
  readonly logger: Logger;
  /** The capacity may have changed. */
  changed(): void;
  /** The tasks' own module declares these schedules, in place of those before. */
  schedules(declared: readonly Declaration[]): void;
  /** The task of this claim says something. */
  note(claim: Claim, note: Note): void;
  /** Something went wrong that no task's outcome tells. */
  tell(error: Error): void;
  /** Nothing can go on here: the pool hands back what it has, and the process ends. */
  giveUp(error: Error): void;
}

/** What runs the tasks of a pool. */
export interface Crew {
  /** Where they run. */
  readonly kind?: PoolCard["kind"];
  /** Its threads or processes. */
  readonly workers?: readonly CardWorker[];
  /** Begins to get ready, with as much of it as the machine has time for while the pool connects. */
  prepare(host: CrewHost): void;
  /** Gets ready as a whole. */
  start?(): void;
  /** Tasks that it can have at the same time, now, with those that it has. */
  capacity(): number;
  /** Whether all workers have enough to do for a while. */
  readonly busy?: boolean;
  /** Runs a task, and tells it when it is done. Its `abort` asks it to end early. */
  run(job: Job): void;
  /** Ends it, with whatever it is doing. */
  end(): Promise<void>;
  /** Workers that could not be stopped. */
  readonly lost?: number;
}

/** Tasks of a queue that a card has. */
const CARD_TASKS = 100;
// How long a pool that ends waits for its last exchange.
const FAREWELL = 5_000;
/** Exit code of a process that cannot go on: EX_SOFTWARE of sysexits.h. */
const EXIT_BROKEN = 70;

/** Pools of this process that take tasks. */
const active = new Set<WorkerPool>();

/** Runs the tasks of one or more queues. */
export class WorkerPool implements AsyncDisposable {
  /** Name of the pool, and some random characters that make it unique. */
  readonly id: string;
  /** Where it tells what happens. */
  readonly logger: Logger;
  readonly #brokers: readonly Broker[];
  readonly #consumers: readonly Consumer[];
  readonly #turns: Turns<Consumer>;
  readonly #tickers: readonly Ticker[];
  readonly #announcer: Announcer;
  #started = 0;
  /** Schedules of the workers' module. */
  #adopted: readonly Declaration[] = [];
  readonly #crew: Crew;
  readonly #grace: number;
  readonly #onError: (error: Error) => void;
  #reserved = 0;
  #prepared = false;
  #serving: Promise<unknown> | undefined;
  #stopping: Promise<void> | undefined;
  readonly #hurry = Promise.withResolvers<void>();

  /**
   * A pool that has `crew` run the tasks of `brokers`. With several, it takes from the first one
   * as long as that has any, then from the second, and so on; or by `weights`.
   */
  constructor(
    brokers: Broker | readonly Broker[],
    crew: Crew,
    options: WorkerPoolOptions = {},
  ) {
    const { name = "pool", grace = 10_000, logger = stderrLogger() } = options;
    checkMilliseconds("make pool", "grace", grace);
    checkWaiting(options.waiting);
    const id = `${name}-${crypto.randomUUID().slice(0, 8)}`;
    const { onError = (error) => logger.error(error.message, { pool: id }) } = options;
    this.id = id;
    this.#crew = crew;
    this.#grace = grace;
    this.logger = logger;
    this.#onError = onError;
    const host = {
      id,
      remote: crew.busy !== undefined,
      get busy() {
        return crew.busy ?? false;
      },
      room: (consumer: Consumer) => this.#room(consumer),
      reserve: (consumer: Consumer, most: number) => this.#reserve(consumer, most),
      release: (count: number) => this.#release(count),
      run: (job: Job, consumer: Consumer) => {
        this.#turns.began(consumer);
        this.#crew.run(job);
      },
      changed: () => this.#changed(),
      tell: (error: Error) => this.#tell(error),
    };
    this.#brokers = listOf(brokers);
    this.#consumers = this.#brokers.map((broker) => new Consumer(broker, host));
    this.#tickers = this.#brokers.map((broker) =>
      new Ticker(broker, () => this.#adopted, (error) => this.#tell(error))
    );
    this.#turns = new Turns(this.#consumers, options.weights);
    this.#announcer = new Announcer(
      id,
      this.#brokers.map(({ taskQueue }) => taskQueue),
      (i) => JSON.stringify(this.#cardFor(this.#brokers[i]!, this.#consumers[i]!)),
    );
  }

  /**
   * Has workers get ready, and takes no tasks yet: for a program that has something else to do before
   * it calls `start()`, which prepares what is not prepared. As long as none is ready, these are as
   * many as there are cores beside the one that this process needs itself. Throws an `Error` when it was
   * stopped.
   */
  prepare(): this {
    if (this.#stopping !== undefined) {
      throw new Error(`Cannot start pool ${this.id}: it was stopped`);
    }
    if (this.#prepared) return this;
    this.#prepared = true;
    this.#log("debug", "pool starts", { queues: this.#consumers.map(({ queue }) => queue) });
    active.add(this);
    this.#started = Date.now();
    this.#crew.prepare({
      id: this.id,
      logger: this.logger,
      changed: () => this.#changed(),
      schedules: (declared) => this.#adopt(declared),
      note: (claim, note) => this.#consumers.some((consumer) => consumer.note(claim, note)),
      tell: (error) => this.#tell(error),
      giveUp: (error) => void this.#giveUp(error),
    });
    return this;
  }

  /** Begins to take tasks. Throws an `Error` when it was started before. */
  start(): this {
    if (this.#serving !== undefined || this.#stopping !== undefined) {
      throw new Error(`Cannot start pool ${this.id}: it was started before`);
    }
    this.prepare();
    this.#serving = Promise.all([
      ...this.#consumers.map((consumer) => consumer.serve()),
      ...this.#tickers.map((ticker) => ticker.run()),
      this.#announcer.run(),
    ]);
    this.#crew.start?.();
    return this;
  }

  /**
   * Takes no more tasks, lets the running ones finish within `grace`, hands the others back to
   * their queue (no attempt counted), and ends. May be called at any time, more than once; a later
   * call can shorten the grace. Throws a `RangeError` for a grace that cannot be.
   */
  stop(options: StopOptions = {}): Promise<void> {
    const { grace } = options;
    checkMilliseconds("stop pool", "grace", grace);
    if (this.#stopping === undefined) {
      this.#stopping = this.#shutDown(grace ?? this.#grace);
    } else if (grace !== undefined) {
      void waitUntil(this.#stopping, { timeout: grace }).then(() => this.#hurry.resolve());
    }
    return this.#stopping;
  }

  /** What it tells each of its queues, by their names: see `Broker.pools()`. */
  get cards(): Map<string, PoolCard> {
    return new Map(this.#brokers.map((broker, i) => [
      broker.name,
      this.#cardFor(broker, this.#consumers[i]!),
    ]));
  }

  /** Threads that could not be stopped and go on using a core; see `ThreadWorkerPool`. */
  get lostWorkers(): number {
    return this.#crew.lost ?? 0;
  }

  /** The same as `stop()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #shutDown(grace: number): Promise<void> {
    this.#log("debug", "pool stops", { running: this.#running, grace });
    // 1. Take nothing new.
    this.#tickers.forEach((ticker) => ticker.stop());
    const idle = Promise.all(this.#consumers.map((consumer) => consumer.quiet()));
    // 2. Let running tasks finish.
    await waitUntil(Promise.race([idle, this.#hurry.promise]), { timeout: grace });
    // 3. Their messages return to the queue…
    const handedBack = this.#running;
    const aborts = this.#consumers.map((consumer) => consumer.leave());
    this.#announcer.stop();
    await this.#farewell();
    // 4. …before the workers die: twice beats never.
    const reason = new DOMException("The pool stops", "AbortError");
    aborts.forEach((abort) => abort(reason));
    await this.#crew.end();
    active.delete(this);
    this.#log("debug", "pool stopped", { handedBack });
  }

  /** Has the queues told; a server that is away must not keep the pool from ending. */
  async #farewell(): Promise<void> {
    const told = this.#serving?.then(() => true);
    if (told === undefined || await waitUntil(told, { timeout: FAREWELL })) return;
    this.#tell(
      new QueueUnavailable(
        `Pool ${this.id} stops without an answer from its queue: what it had runs elsewhere ` +
          "when its leases end",
      ),
    );
  }

  /** What it tells the queue of one of its brokers. */
  #cardFor({ limits }: Broker, consumer: Consumer): PoolCard {
    return {
      id: this.id,
      kind: this.#crew.kind ?? "other",
      host: hostName(),
      pid: process.pid,
      runtime: runtimeText,
      version: config.version,
      started: this.#started,
      written: Date.now(),
      queues: this.#brokers.map(({ name }) => name),
      places: this.#crew.capacity(),
      running: this.#running,
      stopping: this.#stopping !== undefined,
      ...(limits === undefined ? {} : { limits }),
      tasks: consumer.tasks(CARD_TASKS),
      workers: this.#crew.workers ?? [],
      memory: process.memoryUsage().rss,
      tallies: consumer.tallies,
    };
  }

  get #running(): number {
    return this.#consumers.reduce((sum, { running }) => sum + running, 0);
  }

  /** None while a queue that comes first may have tasks. */
  #room(consumer: Consumer): number {
    if (!this.#turns.isNext(consumer)) return 0;
    return Math.max(0, this.#crew.capacity() - this.#running - this.#reserved);
  }

  #reserve(consumer: Consumer, most: number): number {
    const count = Math.min(most, this.#room(consumer));
    this.#reserved += count;
    return count;
  }

  #release(count: number): void {
    this.#reserved -= count;
    if (count > 0 && this.#consumers.length > 1) this.#changed();
  }

  #changed(): void {
    for (const consumer of this.#consumers) consumer.nudge();
  }

  #adopt(declared: readonly Declaration[]): void {
    const { length } = this.#adopted;
    this.#adopted = declared;
    this.#tickers.forEach((ticker) => ticker.nudge());
    if (length > 0) return; // all workers say the same
    const foreign = declared.filter(({ queue }) =>
      !this.#brokers.some(({ name }) => name === queue)
    );
    for (const { name, queue } of foreign) {
      this.#log("warn", "does not serve the queue of a schedule", { schedule: name, queue });
    }
  }

  async #giveUp(error: Error): Promise<void> {
    this.logger.error(error.message, { pool: this.id });
    await Promise.all([...active].map((pool) => pool.stop({ grace: 0 })));
    process.exit(EXIT_BROKEN);
  }

  #tell(error: Error): void {
    try {
      this.#onError(error);
    } catch (thrown) {
      // What the user's own handler does must not end the pool.
      this.#log("error", `onError failed: ${thrown instanceof Error ? thrown.message : thrown}`);
    }
  }

  #log(level: keyof Logger, event: string, fields: Record<string, unknown> = {}): void {
    this.logger[level](event, { pool: this.id, ...fields });
  }
}

function checkWaiting(waiting: unknown): void {
  if (waiting === undefined || waiting === "lend" || waiting === "refuse") return;
  throw new TypeError(
    `Cannot make pool: waiting must be "lend" or "refuse", received ${String(waiting)}`,
  );
}

function listOf<T>(one: T | readonly T[]): readonly T[] {
  return Array.isArray(one) ? one : [one as T];
}
