/** What so many tasks a day need, by what one of them costs. */

/** What a task costs. */
export interface TaskCost {
  /** Seconds of a core: of Redis, of the process that calls, and of the pool without the task itself. */
  readonly redis: number;
  readonly producer: number;
  readonly pool: number;
  /** Bytes between Redis and all others. */
  readonly network: number;
}

/** Bytes in the memory of Redis. */
export interface Held {
  /** Of a task that waits. */
  readonly waiting: number;
  /** Of a result that is kept. */
  readonly kept: number;
}

/** What can be short. */
export type Resource = "redis" | "memory" | "network" | "pools" | "producers";

/** What is needed at the peak. */
export interface Plan {
  /** Tasks in a second: on the average, and at the peak. */
  readonly mean: number;
  readonly peak: number;
  /** Bytes of memory: of tasks that wait, together with results. */
  readonly memory: number;
  /** Bytes in a second. */
  readonly network: number;
  /** How many of each are needed: cores, or the memory and the link of one server of Redis. */
  readonly needs: Readonly<Record<Resource, number>>;
  /** Servers of Redis, with all that they need. */
  readonly servers: number;
  /** Of what there must be more than one, that of which there must be most first. */
  readonly scarce: readonly Resource[];
}

/** What plans are made with. Times are seconds, sizes bytes. */
export const ASSUMED = {
  /** The peak, as a multiple of the mean. */
  peak: 5,
  /** The part of a core, of memory and of a link that is to be used at the peak. */
  use: 0.7,
  /** How long pools may be away at the peak: all tasks of this time wait. */
  backlog: 600,
  /** Of one server of Redis, which runs commands on one core. */
  memory: 16e9,
  link: 125e6,
} as const;

/** Seconds. */
export const DAY = 86_400;

/** What it takes when results are kept for `keep` seconds, and the peak lasts as long. */
export function planFor(perDay: number, keep: number, cost: TaskCost, held: Held): Plan {
  const mean = perDay / DAY;
  const peak = mean * ASSUMED.peak;
  const memory = peak * (ASSUMED.backlog * held.waiting + keep * held.kept);
  const network = peak * cost.network;
  const needs = {
    redis: peak * cost.redis / ASSUMED.use,
    memory: memory / ASSUMED.memory / ASSUMED.use,
    network: network / ASSUMED.link / ASSUMED.use,
    pools: peak * cost.pool / ASSUMED.use,
    producers: peak * cost.producer / ASSUMED.use,
  };
  const servers = Math.ceil(most(needs.redis, needs.memory, needs.network));
  return { mean, peak, memory, network, needs, servers, scarce: scarceIn(needs) };
}

/** Tasks in a second that one core carries, of what costs it so many seconds. */
export function carriedBy(seconds: number): number {
  return ASSUMED.use / seconds;
}

/** Tasks of so many seconds that run at the same time when `perSecond` of them come. */
export function placesFor(perSecond: number, seconds: number): number {
  return perSecond * seconds / ASSUMED.use;
}

function scarceIn(needs: Readonly<Record<Resource, number>>): Resource[] {
  return (Object.keys(needs) as Resource[])
    .filter((resource) => needs[resource] > 1)
    .sort((a, b) => needs[b] - needs[a]);
}

/** Of those that are known. */
function most(...values: number[]): number {
  return Math.max(0, ...values.filter(Number.isFinite));
}
