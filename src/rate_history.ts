/** {@linkcode RateHistory}: rates of queues and pools, for those who look again and again. */
import type { PoolCard } from "./cards.ts";
import { type Rates, ratesOf } from "./rates.ts";

/** A queue, with the cards of its pools. */
export interface QueueCards {
  readonly name: string;
  readonly pools: readonly PoolCard[];
}

/** Pools tell every two seconds: rates are taken from cards so many milliseconds apart, at least. */
const SPAN = 4_000;

/** Cards of a few seconds ago, to take rates from. */
export class RateHistory {
  readonly #looks = new Map<
    string,
    { readonly at: number; readonly cards: readonly PoolCard[] }[]
  >();

  /** The rates of a queue, whose pools have these cards now. */
  queueRates(queue: string, cards: readonly PoolCard[]): Rates {
    const looks = this.#looks.get(queue) ?? [];
    this.#looks.set(queue, looks);
    const now = Date.now();
    looks.push({ at: now, cards });
    while (looks.length > 2 && now - looks[1]!.at >= SPAN) looks.shift();
    return ratesOf(this.#before(queue), cards);
  }

  /** What a pool does for all of its queues, after the rates of each of these were taken. */
  poolRates(id: string, queues: readonly QueueCards[]): Rates {
    const own = (cards: readonly PoolCard[]) => cards.filter((card) => card.id === id);
    const all = queues.map(({ name, pools }) => ratesOf(own(this.#before(name)), own(pools)));
    const sum = (of: (rates: Rates) => number) => all.reduce((total, one) => total + of(one), 0);
    const most = (of: (rates: Rates) => number | undefined) => {
      const values = all.flatMap((one) => of(one) ?? []);
      return values.length === 0 ? undefined : Math.max(...values);
    };
    return {
      ...{ done: sum(({ done }) => done), failed: sum(({ failed }) => failed) },
      ...{ p50: most(({ p50 }) => p50), p99: most(({ p99 }) => p99) },
    };
  }

  #before(queue: string): readonly PoolCard[] {
    return this.#looks.get(queue)?.[0]?.cards ?? [];
  }
}
