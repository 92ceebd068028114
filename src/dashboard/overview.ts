/** {@linkcode Overview}: all queues and pools at one moment. */
import { type CardTask, type PoolCard, readCards } from "../cards.ts";
import { metricsText } from "../metrics.ts";
import { RateHistory } from "../rate_history.ts";
import type { Rates } from "../rates.ts";
import type { QueueStats } from "../task_queue.ts";
import { waitUntil } from "../wait.ts";
import type { Broker } from "../broker.ts";
import type { Board } from "./board.ts";

/** Rates as JSON has them. */
export interface RatesShown {
  readonly done: number;
  readonly failed: number;
  readonly p50: number | null;
  readonly p99: number | null;
}

/** A queue of an {@linkcode Overview}. */
export interface QueueShown {
  readonly name: string;
  readonly stats: QueueStats;
  readonly rates: RatesShown;
}

/** A pool of an {@linkcode Overview}, with the tasks that it has of all queues that are shown. */
export interface PoolShown extends Omit<PoolCard, "tallies" | "tasks"> {
  readonly tasks: readonly (CardTask & { readonly queue: string })[];
  readonly rates: RatesShown;
}

/** What the page begins with. */
export interface Overview {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly readOnly: boolean;
  /** Where the queues are, without secrets. */
  readonly server: string;
  readonly queues: readonly QueueShown[];
  readonly pools: readonly PoolShown[];
  /** Why something is missing. */
  readonly error?: string;
}

interface Seen {
  readonly name: string;
  readonly stats: QueueStats | undefined;
  readonly pools: readonly PoolCard[];
  readonly error?: string;
}

/** Milliseconds that the server may take. */
const PATIENCE = 5_000;

/** Looks at a board: those who ask at the same time share a look. */
export class Looks {
  readonly #board: Board;
  readonly #readOnly: boolean;
  readonly #history = new RateHistory();
  #look: Promise<readonly Seen[]> | undefined;

  constructor(board: Board, readOnly: boolean) {
    this.#board = board;
    this.#readOnly = readOnly;
  }

  /** All that is there now. It does not fail: what is wrong is told in it. */
  async overview(): Promise<Overview> {
    const head = { readOnly: this.#readOnly, server: this.#board.server };
    try {
      const seen = await this.#seen();
      const listing = this.#board.isListing
        ? "the server is still being searched for queues"
        : undefined;
      const error = seen.find((queue) => queue.error !== undefined)?.error ?? listing;
      const there = seen.filter(({ stats }) => stats !== undefined);
      const queues = there.map(({ name, stats, pools }) => ({
        name,
        stats: stats!,
        rates: ratesShown(this.#history.queueRates(name, pools)),
      }));
      const pools = poolsOf(there).map((pool) => ({
        ...pool,
        rates: ratesShown(this.#history.poolRates(pool.id, there)),
      }));
      return { now: Date.now(), ...head, queues, pools, ...(error !== undefined && { error }) };
    } catch (error) {
      const text = (error as Error).message;
      return { now: Date.now(), ...head, queues: [], pools: [], error: text };
    }
  }

  /** For Prometheus. */
  async metrics(): Promise<string> {
    const seen = await this.#seen();
    return metricsText(seen.map(({ name, stats, pools }) => ({ queue: name, stats, pools })));
  }

  /** Something was changed: whoever asks from now on is to see it. */
  changed(): void {
    this.#look = undefined;
  }

  #seen(): Promise<readonly Seen[]> {
    if (this.#look !== undefined) return this.#look;
    const look: Promise<readonly Seen[]> = inTime(this.#board.brokers())
      .then((brokers) => Promise.all(brokers.map(seenOf)))
      .finally(() => {
        if (this.#look === look) this.#look = undefined;
      });
    return this.#look = look;
  }
}

async function seenOf({ name, taskQueue }: Broker): Promise<Seen> {
  try {
    const [stats, cards] = await inTime(Promise.all([taskQueue.stats(), taskQueue.cards()]));
    return { name, stats, pools: readCards(cards) };
  } catch (error) {
    return { name, stats: undefined, pools: [], error: (error as Error).message };
  }
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  const value = await waitUntil(answer.then((value) => ({ value })), { timeout: PATIENCE });
  if (value === undefined) throw new Error("the server does not answer");
  return value.value;
}

/** Pools tell each of their queues: here each is once. */
function poolsOf(queues: readonly Seen[]): Omit<PoolShown, "rates">[] {
  const pools = new Map<string, Omit<PoolShown, "rates">>();
  for (const { name, pools: cards } of queues) {
    for (const { tallies: _, tasks, ...card } of cards) {
      const before = pools.get(card.id)?.tasks ?? [];
      const own = tasks.map((task) => ({ ...task, queue: name }));
      pools.set(card.id, { ...card, tasks: [...before, ...own] });
    }
  }
  return [...pools.values()].sort((a, b) => a.id < b.id ? -1 : 1);
}

function ratesShown({ done, failed, p50, p99 }: Rates): RatesShown {
  return { done, failed, p50: p50 ?? null, p99: p99 ?? null };
}
