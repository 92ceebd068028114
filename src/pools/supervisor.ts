/** {@linkcode Supervisor}: keeps the workers of a pool running, and gives each task to one. */
import { availableParallelism } from "node:os";
import type { CardWorker, PoolCard } from "../cards.ts";
import { WorqError } from "../errors.ts";
import type { Job } from "./consumer.ts";
import type { Start } from "./frames.ts";
import { Pace } from "./pace.ts";
import { Worker, type WorkerLimits } from "./worker.ts";
import type { Launch } from "./worker_handle.ts";
import type { Crew, CrewHost } from "./worker_pool.ts";

/** What a supervisor is told. */
export interface SupervisorOptions extends WorkerLimits {
  /** Workers to keep. */
  readonly workers: number;
  /** Workers that may be lost for good before the process has to end. */
  readonly maxLostWorkers: number;
  /** What its workers are. */
  readonly kind: PoolCard["kind"];
  /** What each worker is told first, but for its title. */
  readonly start: Omit<Start, "title" | "concurrency">;
}

/** The place of one worker. */
interface Slot {
  readonly number: number;
  worker: Worker | undefined;
}

/** Starts that may fail in a row before the pool takes the module for broken. */
const MAX_FAILED_STARTS = 5;
const FIRST_PAUSE = 100;
/** Milliseconds between attempts, by one worker, with a module that seems broken. */
const BROKEN_PAUSE = 30_000;
/** Milliseconds between looks at what only time tells. */
const SWEEP = 25;

/** Keeps `workers` workers, each in its slot: a worker that ends makes room for the next one. */
export class Supervisor implements Crew {
  readonly #launch: Launch;
  readonly #options: SupervisorOptions;
  readonly #pace = new Pace();
  readonly #slots: Slot[];
  /** Every worker that has not ended, also those that left their slot. */
  readonly #workers = new Set<Worker>();
  readonly #ready = Promise.withResolvers<void>();
  #host!: CrewHost;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #sweeper: ReturnType<typeof setTimeout> | undefined;
  #ending = false;
  #failedStarts = 0;
  /** What its workers are. */
  readonly kind: PoolCard["kind"];
  /** Workers that could not be stopped. */
  lost = 0;
  /** Names of the tasks that the worker which got ready last can run. */
  tasks: readonly string[] = [];

  /** A supervisor that starts workers with `launch`. */
  constructor(launch: Launch, options: SupervisorOptions) {
    this.#launch = launch;
    this.#options = options;
    this.kind = options.kind;
    this.#slots = Array.from(
      { length: options.workers },
      (_, i) => ({ number: i + 1, worker: undefined }),
    );
    this.#ready.promise.catch(() => {}); // who waits for it hears of it
  }

  /** Resolves with the first worker that is ready; rejects when none gets there. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /**
   * Starts as many workers as there are cores beside the one that this process keeps busy while it
   * connects. One more would only make all of them late.
   */
  prepare(host: CrewHost): void {
    this.#host = host;
    this.#fillSlots(Math.max(1, availableParallelism() - 1));
  }

  /** Starts the others; when some failed already, that is up to the next one that gets ready. */
  start(): void {
    if (this.#failedStarts === 0) this.#fillSlots();
  }

  /** Tasks that the workers can have. */
  capacity(): number {
    const now = performance.now();
    let sum = 0;
    for (const worker of this.#workers) sum += worker.capacity(now);
    return sum;
  }

  /** Whether every worker has half of what it can have ahead. */
  get busy(): boolean {
    const now = performance.now();
    return this.#slots.every(({ worker }) => worker?.isBusy(now) ?? true);
  }

  /** Its workers, each as its card has it. */
  get workers(): CardWorker[] {
    return Array.from(this.#workers, ({ card }) => card);
  }

  /** Gives a task to the worker that has the fewest; back, when none has room any more. */
  run(job: Job): void {
    const now = performance.now();
    let best: Worker | undefined;
    for (const { worker } of this.#slots) {
      if (worker?.hasRoom(now) && (best === undefined || worker.isFreerThan(best))) best = worker;
    }
    if (best === undefined) {
      const { id, fence } = job.claim;
      return job.done({ id, fence, kind: "returned", text: "", keep: 0 });
    }
    best.run(job, now);
    if (best.needsSweep) this.#watch();
  }

  /** Ends all workers. */
  async end(): Promise<void> {
    this.#ending = true;
    clearTimeout(this.#retry);
    for (const worker of this.#workers) worker.stop();
    await Promise.all([...this.#workers].map((worker) => worker.over));
    clearTimeout(this.#sweeper);
    this.#ready.reject(new WorqError("Cannot get ready: the pool was stopped"));
  }

  /** Has a new worker in each slot, as soon as the one in it has finished what it has. */
  restart(): void {
    clearTimeout(this.#retry);
    this.#failedStarts = 0;
    for (const slot of this.#slots) {
      const { worker } = slot;
      if (worker?.wasReady) worker.retire(true);
      else {
        slot.worker = undefined;
        worker?.kill("was replaced before it was ready");
        this.#fill(slot);
      }
    }
  }

  #fill(slot: Slot): void {
    if (this.#ending) return;
    const { start, ...options } = this.#options;
    const title = `${this.#host.id}:${slot.number}`;
    const failedBefore = this.#failedStarts;
    const worker: Worker = new Worker(
      title,
      this.#launch,
      { ...start, title, concurrency: options.concurrency },
      options,
      this.#pace,
      {
        ready: () => this.#becameReady(worker),
        changed: () => this.#host.changed(),
        watch: () => this.#watch(),
        retired: () => this.#retired(slot, worker),
        makeWay: (must) => this.#makeWay(slot, worker, must),
        ended: () => this.#ended(slot, worker, failedBefore),
      },
    );
    slot.worker = worker;
    this.#workers.add(worker);
  }

  #becameReady({ title, pid, tasks, schedules }: Worker): void {
    this.#host.logger.debug("worker ready", { worker: title, pid });
    this.tasks = tasks;
    this.#host.schedules(schedules);
    this.#ready.resolve();
    this.#host.changed();
    this.#fillSlots();
  }

  /** Has a worker in each of the first `count` slots. */
  #fillSlots(count?: number): void {
    for (const slot of this.#slots.slice(0, count)) if (slot.worker === undefined) this.#fill(slot);
  }

  /** The next worker starts while this one says goodbye. */
  #retired(slot: Slot, worker: Worker): void {
    const { title, pid, finished } = worker;
    this.#host.logger.debug("worker retires", { worker: title, pid, finished });
    this.#failedStarts = 0;
    if (slot.worker === worker) this.#replace(slot);
  }

  /**
   * The next worker starts beside one that is to retire, and whose tasks wait for others, maybe for
   * such that this worker would have run. Not for ever more of them: false when there are too many.
   */
  #makeWay(slot: Slot, worker: Worker, must: boolean): boolean {
    if (slot.worker !== worker) return true;
    const inSlots = this.#slots.filter(({ worker }) => worker !== undefined).length;
    if (!must && this.#workers.size - inSlots >= this.#options.workers) return false;
    this.#replace(slot);
    return true;
  }

  #replace(slot: Slot): void {
    slot.worker = undefined;
    this.#fill(slot);
  }

  #ended(slot: Slot, worker: Worker, failedBefore: number): void {
    const { title, pid, finished, lost, wasReady, unfit } = worker;
    const { how, stillRuns = false } = worker.ending!;
    const expected = this.#ending || slot.worker !== worker;
    this.#workers.delete(worker);
    this.#host.logger[expected ? "debug" : "warn"](
      "worker ended",
      { worker: title, pid, how, finished, lost },
    );
    if (finished > 0) this.#failedStarts = 0;
    if (stillRuns) this.#countLost();
    if (expected) return;
    slot.worker = undefined;
    if (!wasReady || finished + lost === 0) this.#startFailed(failedBefore, unfit ?? how);
    else this.#fill(slot);
    this.#host.changed();
  }

  /** Tries again after ever longer pauses, with one worker, until one gets ready. */
  #startFailed(failedBefore: number, reason: string): void {
    // Those that started together count once.
    if (failedBefore < this.#failedStarts) return;
    const failed = ++this.#failedStarts;
    if (failed === MAX_FAILED_STARTS) this.#tellBroken(reason);
    const pause = failed < MAX_FAILED_STARTS ? FIRST_PAUSE * 2 ** (failed - 1) : BROKEN_PAUSE;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      const empty = this.#slots.find(({ worker }) => worker === undefined);
      if (empty !== undefined) this.#fill(empty);
    }, pause);
  }

  #tellBroken(reason: string): void {
    const { start } = this.#options;
    const error = new WorqError(
      `Cannot start workers of pool ${this.#host.id} with ${start.module}: ${reason}; ` +
        `failed ${MAX_FAILED_STARTS} times in a row, next try in ${BROKEN_PAUSE / 1000} s`,
      { cause: new Error(reason) },
    );
    this.#ready.reject(error);
    this.#host.tell(error);
  }

  #countLost(): void {
    const lost = ++this.lost;
    const { maxLostWorkers: most } = this.#options;
    const fields = { lost, most };
    this.#host.logger.error("a busy thread cannot be stopped, and goes on using a core", fields);
    if (lost <= most) return;
    this.#host.giveUp(
      new WorqError(
        `Pool ${this.#host.id} has lost ${lost} threads that cannot be stopped: what it has goes ` +
          "back to its queues, and the process ends. Processes can be stopped: ProcessWorkerPool",
      ),
    );
  }

  #watch(): void {
    this.#sweeper ??= setTimeout(() => this.#sweep(), SWEEP);
  }

  #sweep(): void {
    const now = performance.now();
    for (const worker of this.#workers) worker.sweep(now);
    const more = [...this.#workers].some(({ needsSweep }) => needsSweep);
    this.#sweeper = more ? setTimeout(() => this.#sweep(), SWEEP) : undefined;
  }
}
