/** {@linkcode Meter}: counts how tasks end, and how long they run. */
import { type Tally, TALLY_BOUNDS } from "../cards.ts";
import type { Report } from "../task_queue.ts";

/** A tally that is being counted. */
type Counting = { -readonly [K in keyof Omit<Tally, "times">]: Tally[K] } & {
  readonly times: number[];
};

/** Names that are told from each other. */
const MAX_NAMES = 100;
/** What stands for all others. */
const OTHERS = "…";

/** Counts for one queue, by name of the task. */
export class Meter {
  readonly #tallies = new Map<string, Counting>();

  /** An attempt that took so many milliseconds is over. One that was given back is none. */
  add(name: string, kind: Report["kind"], took: number): void {
    if (kind === "returned") return;
    const tally = this.#tallies.get(name) ?? this.#begin(name);
    tally[kind]++;
    tally.time += took;
    const at = TALLY_BOUNDS.findIndex((bound) => took <= bound);
    tally.times[at < 0 ? TALLY_BOUNDS.length : at]!++;
  }

  /** What was counted so far, by name. */
  get tallies(): Readonly<Record<string, Tally>> {
    return Object.fromEntries(this.#tallies);
  }

  #begin(name: string): Counting {
    const known = this.#tallies.size < MAX_NAMES ? undefined : this.#tallies.get(OTHERS);
    if (known !== undefined) return known;
    const times = new Array(TALLY_BOUNDS.length + 1).fill(0);
    const tally = { success: 0, failed: 0, retry: 0, lost: 0, time: 0, times };
    this.#tallies.set(this.#tallies.size < MAX_NAMES ? name : OTHERS, tally);
    return tally;
  }
}
