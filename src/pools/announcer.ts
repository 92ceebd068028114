/** {@linkcode Announcer}: has a pool tell each of its queues what it does. */
import { waitUntil } from "../wait.ts";
import type { TaskQueue } from "../task_queue.ts";

/** Milliseconds between two cards of a pool with a few queues. */
const INTERVAL = 2_000;
/** Queues that it tells in such a time. */
const QUEUES = 20;
/** Intervals for which a card is kept: two may get lost. */
const KEPT = 3;

/**
 * Tells every two seconds; with very many queues less often, so that it is never more than ten calls a
 * second. What gets lost is told again by the next card, so nothing is tried twice.
 */
export class Announcer {
  readonly #pool: string;
  readonly #queues: readonly TaskQueue[];
  readonly #cardFor: (index: number) => string;
  readonly #stopped = Promise.withResolvers<void>();
  #isStopped = false;

  /** Tells `queues` what `cardFor` gives for each. */
  constructor(pool: string, queues: readonly TaskQueue[], cardFor: (index: number) => string) {
    this.#pool = pool;
    this.#queues = queues;
    this.#cardFor = cardFor;
  }

  /** Tells until it is stopped. */
  async run(): Promise<void> {
    const interval = INTERVAL * Math.ceil(this.#queues.length / QUEUES);
    while (!this.#isStopped) {
      await this.#tellAll((index) => this.#cardFor(index), KEPT * interval);
      await waitUntil(this.#stopped.promise, { timeout: interval });
    }
    await this.#tellAll(() => "", 0);
  }

  /** Tells at last that the pool is gone. */
  stop(): void {
    this.#isStopped = true;
    this.#stopped.resolve();
  }

  async #tellAll(cardFor: (index: number) => string, keep: number): Promise<void> {
    // Of a server that is away, the pool tells already.
    await Promise.allSettled(
      this.#queues.map(async (queue, i) => await queue.announce(this.#pool, cardFor(i), keep)),
    );
  }
}
