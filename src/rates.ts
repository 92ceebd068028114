/** {@linkcode ratesOf}: how much pools did between two of their cards. */
import { type PoolCard, type Tally, TALLY_BOUNDS } from "./cards.ts";

/** What happened in a second, and how long it took. */
export interface Rates {
  /** Attempts that ended in a second, whatever came of them. */
  readonly done: number;
  /** Those of them that failed, or whose worker was lost. */
  readonly failed: number;
  /** Milliseconds that half of the attempts took at most; undefined when there were none. */
  readonly p50: number | undefined;
  /** Milliseconds that 99 of 100 attempts took at most. */
  readonly p99: number | undefined;
}

/** What pools did from one look at their cards to the next one; a new pool, since it started. */
export function ratesOf(before: readonly PoolCard[], after: readonly PoolCard[]): Rates {
  let [done, failed] = [0, 0];
  const times = new Array<number>(TALLY_BOUNDS.length + 1).fill(0);
  for (const card of after) {
    const old = before.find(({ id, started }) => id === card.id && started === card.started);
    const seconds = (card.written - (old?.written ?? card.started)) / 1_000;
    if (seconds <= 0) continue;
    for (const [name, tally] of Object.entries(card.tallies)) {
      const was = old?.tallies[name];
      done += (attempts(tally) - attempts(was)) / seconds;
      failed += (failures(tally) - failures(was)) / seconds;
      tally.times.forEach((count, i) => times[i]! += count - (was?.times[i] ?? 0));
    }
  }
  return { done, failed, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

/** The time that a part of the attempts took at most, as near as the bounds tell. */
export function quantile(times: readonly number[], part: number): number | undefined {
  const all = times.reduce((a, b) => a + b, 0);
  if (all === 0) return undefined;
  let left = part * all;
  for (const [i, count] of times.entries()) {
    if (count > 0 && left <= count) {
      const low = TALLY_BOUNDS[i - 1] ?? 0;
      const high = TALLY_BOUNDS[i] ?? low;
      return low + (high - low) * left / count;
    }
    left -= count;
  }
  return TALLY_BOUNDS.at(-1);
}

function attempts(tally: Tally | undefined): number {
  return tally === undefined ? 0 : tally.success + failures(tally);
}

function failures(tally: Tally | undefined): number {
  return tally === undefined ? 0 : tally.failed + tally.retry + tally.lost;
}
