/** {@linkcode Ticker}: makes the ticks of a queue's schedules as long as a pool runs. */
import type { Broker } from "../broker.ts";
import { QueueUnavailable } from "../errors.ts";
import type { Declaration, Declarations } from "../schedule.ts";
import { Scheduler } from "../scheduler.ts";
import type { TaskQueue } from "../task_queue.ts";
import { waitUntil } from "../wait.ts";

/** Milliseconds between looks: what somebody removed, or a server forgot, is made again. */
const LOOK = 60_000;
/** Milliseconds until the next look, when a tick ended during this one. */
const SOON = 50;
/** Milliseconds until the next attempt, while the server is away. */
const PAUSE = 5_000;

/** Looks after the schedules of one queue, when their ticks are due and when something happens. */
export class Ticker {
  readonly #queue: TaskQueue;
  readonly #declared: Declarations;
  readonly #scheduler: Scheduler;
  readonly #tell: (error: Error) => void;
  #held: ReadonlySet<string> = new Set();
  #news = Promise.withResolvers<void>();
  #stopped = false;

  /** A ticker for the schedules that a broker declares, and others for its queue. */
  constructor(
    broker: Broker,
    others: () => readonly Declaration[],
    tell: (error: Error) => void,
  ) {
    const { name, taskQueue, declared } = broker;
    this.#queue = taskQueue;
    this.#declared = declared;
    // What the broker says comes last, and so counts.
    const all = () => [...others().filter(({ queue }) => queue === name), ...declared];
    this.#scheduler = new Scheduler(taskQueue, all);
    this.#tell = tell;
  }

  /** Makes ticks until it is stopped. */
  async run(): Promise<void> {
    const forget = this.#declared.listen(() => this.nudge());
    const unlisten = this.#queue.listen({
      outcome: (id) => this.#held.has(id) && this.nudge(),
      restored: () => this.nudge(),
    });
    try {
      while (!this.#stopped) {
        this.#news = Promise.withResolvers();
        const pause = await this.#look();
        if (!this.#stopped) {
          await waitUntil(this.#news.promise, pause === undefined ? {} : { timeout: pause });
        }
      }
    } finally {
      unlisten();
      forget();
    }
  }

  /** Something was declared, or is over. */
  nudge(): void {
    this.#news.resolve();
  }

  /** Makes no more ticks. */
  stop(): void {
    this.#stopped = true;
    this.nudge();
  }

  /** Milliseconds until the next look; undefined when there is nothing to look at. */
  async #look(): Promise<number | undefined> {
    try {
      const { next, held } = await this.#scheduler.look();
      this.#held = new Set(held.map(({ id }) => id));
      if (held.length > 0) {
        const outcomes = await this.#queue.wait(held);
        if (outcomes.some((outcome) => outcome !== undefined)) return SOON;
      }
      return next === undefined ? undefined : Math.min(LOOK, Math.ceil(next));
    } catch (error) {
      // Of a server that is away, the pool tells already.
      if (!this.#stopped && !(error instanceof QueueUnavailable)) this.#tell(error as Error);
      return PAUSE;
    }
  }
}
