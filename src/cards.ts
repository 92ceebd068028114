/** {@linkcode PoolCard}: what a pool tells of itself, for those who look. */
import type { Limits } from "./task_queue.ts";

/** A task that a pool has. */
export interface CardTask {
  /** Id of the task. */
  readonly id: string;
  /** Full name, such as `shop.pay`. */
  readonly name: string;
  /** Milliseconds since 1970 by the pool's clock: since when the pool has it. */
  readonly since: number;
}

/** A thread or process of a pool. */
export interface CardWorker {
  /** Name, as logs have it. */
  readonly name: string;
  /** Of the process; undefined for a thread. */
  readonly pid?: number;
  /** `retiring`: it takes no more tasks, and ends after those that it has. */
  readonly state: "starting" | "ready" | "retiring" | "ending";
  /** Ids of the tasks that it has, also those that have yet to begin; 100 at most. */
  readonly tasks: readonly string[];
  /** Tasks that it finished. */
  readonly finished: number;
  /** Bytes of memory that its process uses, as last told; undefined when it was not. */
  readonly memory?: number;
}

/** How often tasks ended how, and how long they ran. */
export interface Tally {
  /** Attempts that brought a value. */
  readonly success: number;
  /** Tasks that failed for good. */
  readonly failed: number;
  /** Attempts that failed, and after which the task is to run again. */
  readonly retry: number;
  /** Attempts whose worker was lost. */
  readonly lost: number;
  /** Milliseconds of all attempts together. */
  readonly time: number;
  /** How many attempts took at most as long as each of {@linkcode TALLY_BOUNDS}, and no less than the one before it; the last number is of those that took longer. */
  readonly times: readonly number[];
}

/** Milliseconds by which the times of a {@linkcode Tally} are counted. */
export const TALLY_BOUNDS: readonly number[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000],
  ...[10_000, 30_000, 60_000, 300_000, 1_800_000],
];

/** What a pool tells every two seconds to each of its queues. */
export interface PoolCard {
  /** Id of the pool, as in records and logs. */
  readonly id: string;
  /** Where its tasks run. */
  readonly kind: "inline" | "threads" | "processes" | "other";
  /** Name of the machine; empty where the pool may not know it (`--allow-sys=hostname` of Deno). */
  readonly host: string;
  /** Of the process that the pool is in. */
  readonly pid: number;
  /** Such as `deno 2.9.6`. */
  readonly runtime: string;
  /** Of worq. */
  readonly version: string;
  /** Milliseconds since 1970 by the pool's clock: when it was started. */
  readonly started: number;
  /** When it told this, likewise. */
  readonly written: number;
  /** Names of its queues, in their order. */
  readonly queues: readonly string[];
  /** Tasks that it can have now, of all its queues, with those that it has. */
  readonly places: number;
  /** Tasks that it has, of all its queues. */
  readonly running: number;
  /** Whether it stops, and takes no more tasks. */
  readonly stopping: boolean;
  /** Limits that it keeps to in this queue. */
  readonly limits?: Limits;
  /** Tasks of this queue that it has, the first 100. */
  readonly tasks: readonly CardTask[];
  /** Its threads or processes; none for a pool that runs tasks on its own event loop. */
  readonly workers: readonly CardWorker[];
  /** Bytes of memory that its own process uses. */
  readonly memory: number;
  /** What became of tasks of this queue since it started, by name; of names after the first 100 together under `…`. */
  readonly tallies: Readonly<Record<string, Tally>>;
}

/** The cards behind these texts, by id. What cannot be read is of another version, and left out. */
export function readCards(texts: readonly string[]): PoolCard[] {
  return texts.flatMap((text): PoolCard[] => {
    try {
      const card: unknown = JSON.parse(text);
      return isCard(card) ? [card] : [];
    } catch {
      return [];
    }
  }).sort((a, b) => a.id < b.id ? -1 : 1);
}

function isCard(card: unknown): card is PoolCard {
  const { id, queues, tasks, workers, tallies } = Object(card) as Partial<PoolCard>;
  return typeof id === "string" && typeof tallies === "object" &&
    [queues, tasks, workers].every(Array.isArray);
}
