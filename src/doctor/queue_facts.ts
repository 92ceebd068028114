/** {@linkcode readQueue}: how a queue stands, looked at until it is plain. */
import { type PoolCard, readCards } from "../cards.ts";
import { UNIT } from "../message.ts";
import { openConnection, type RedisQueueOptions, RedisTaskQueue } from "../queues/redis.ts";
import type { RedisConnection } from "../queues/redis_connection.ts";
import { prefixOf } from "../queues/redis_lua.ts";
import type { QueueStats } from "../task_queue.ts";

/** A tick that is over, and was not followed by another one. */
export interface LastTick {
  /** Name of its schedule. */
  readonly name: string;
  /** When it ran. */
  readonly at: Date;
}

/** What is known about a queue. */
export interface QueueFacts {
  /** `queue` and its name. */
  readonly where: string;
  readonly name: string;
  readonly stats: QueueStats;
  /** Whether what is left to do does not get less. */
  readonly isStuck: boolean;
  /** Milliseconds of its server's clock. */
  readonly now: number;
  /** When the last of the leases ends, by that clock; 0 when no task has one. */
  readonly leaseEnds: number;
  /** When the first task is due that waits for its time. */
  readonly firstDue: number;
  /** How many schedules it has. */
  readonly schedules: number;
  /** Ticks after which somebody should have made the next one. */
  readonly lastTicks: readonly LastTick[];
  /** What its pools told of themselves. */
  readonly pools: readonly PoolCard[];
}

/** Milliseconds for which what seems wrong must last, and from look to look. */
const [LASTS, PAUSE] = [1_500, 100];
/** Milliseconds after which somebody should have seen to what was due. */
export const GRACE = 60_000;

/** Looks at a queue: again, as long as something seems to be wrong that may be under way. */
export async function readQueue(
  url: string,
  name: string,
  options: RedisQueueOptions,
): Promise<QueueFacts> {
  await using queue = new RedisTaskQueue(url, name, options);
  const connection = openConnection(url, options);
  // Commands that only read: a script would do what is left to do on its way.
  const read = (command: string, key: string, ...args: string[]) =>
    connection.read(command, prefixOf(name) + key, ...args);
  try {
    let facts = await look(queue, connection, read);
    const first = facts.stats.unsettled;
    for (const end = Date.now() + LASTS; Date.now() < end;) {
      const isStuck = first > 0 && facts.stats.unsettled >= first;
      if (!isStuck && !isUnserved(facts)) break;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
      facts = await look(queue, connection, read);
    }
    return { ...facts, isStuck: first > 0 && facts.stats.unsettled >= first };
  } finally {
    await connection.close();
  }
}

type Read = (command: string, key: string, ...args: string[]) => Promise<unknown>;

async function look(
  queue: RedisTaskQueue,
  connection: RedisConnection,
  read: Read,
): Promise<Omit<QueueFacts, "isStuck">> {
  const { name } = queue;
  const time = await connection.once("TIME", [], `${prefixOf(name)}meta`).catch((error) => {
    throw connection.explain(error, "time");
  });
  const [seconds, micros] = (time as [string, string]).map(Number) as [number, number];
  const now = seconds * 1_000 + micros / 1_000;
  const scoreAt = async (command: string, key: string) => {
    const reply = await read(command, key, "0", "0", "WITHSCORES") as unknown[];
    const score = reply.flat()[1];
    return score === undefined ? undefined : Number(score);
  };
  return {
    where: `queue ${name}`,
    name,
    stats: await queue.stats(),
    now,
    leaseEnds: await scoreAt("ZREVRANGE", "leases") ?? 0,
    firstDue: await scoreAt("ZRANGE", "due") ?? Infinity,
    ...await readSchedules(read, now),
    pools: await readPools(read, now),
  };
}

async function readPools(read: Read, now: number): Promise<PoolCard[]> {
  const texts = Object.values(await read("HGETALL", "cards") as Record<string, string>);
  const known = texts.map((text) => text.split(UNIT)).filter(([until]) => Number(until) > now);
  return readCards(known.map(([, card = ""]) => card));
}

async function readSchedules(
  read: Read,
  now: number,
): Promise<Pick<QueueFacts, "schedules" | "lastTicks">> {
  const all = Object.entries(await read("HGETALL", "schedules") as Record<string, string>);
  const lastTicks: LastTick[] = [];
  for (const [name, text] of all) {
    const [time, id] = text.split(UNIT);
    const at = Number(time);
    // A task that is not over has a message.
    if (at < now - GRACE && await read("EXISTS", `m:${id}`) === 0) {
      lastTicks.push({ name, at: new Date(at) });
    }
  }
  return { schedules: all.length, lastTicks };
}

/** Whether something waits for a pool, and there is none: no idle one, and none that has a lease. */
export function isUnserved(facts: Omit<QueueFacts, "isStuck">): boolean {
  const { stats, leaseEnds, firstDue, now } = facts;
  const waits = stats.ready > 0 || stats.leased > 0 || firstDue < now - GRACE;
  return waits && stats.idle === 0 && leaseEnds < now && !stats.paused;
}
