/** Checks of a queue: whether somebody runs its tasks, and whether those who do agree. */
import type { PoolCard } from "../cards.ts";
import { MAX_DEAD } from "../task_queue.ts";
import type { Check } from "./diagnosis.ts";
import { isUnserved, type QueueFacts } from "./queue_facts.ts";

const MANY = 0.9;

/** Whether a pool takes its tasks. */
const served: Check<QueueFacts> = {
  name: "served",
  problems(facts) {
    if (!isUnserved(facts)) return [];
    const { stats: { ready, leased }, name } = facts;
    const many = ready + leased;
    return [{
      level: "warning",
      text: many === 0
        ? "tasks are due, and no pool runs"
        : `${tasks(many)}, and no pool runs: none is idle, and no lease is renewed`,
      why: "they wait until one runs",
      remedy: `worq run MODULE --queue ${quoted(name)}`,
    }];
  },
  fine: ({ stats: { ready, leased, idle } }) =>
    idle > 0
      ? `${pools(idle)} wait for tasks`
      : ready + leased > 0
      ? "pools are busy"
      : "it is empty",
};

/** Whether its pools are of one version. */
const versions: Check<QueueFacts> = {
  name: "versions",
  problems({ pools }) {
    const found = [...new Set(pools.map(({ version }) => version))].sort();
    if (found.length < 2) return [];
    return [{
      level: "warning",
      text: `its pools are of worq ${found.join(" and ")}: ${poolsBy(pools, (one) => one.version)}`,
      why: "what a new version does, an old one does not know; that is meant for a while only",
      remedy: "deploy one version everywhere",
    }];
  },
  fine: ({ pools: [first] }) => first && `its pools are of worq ${first.version}`,
};

/** Whether its pools keep to the same limits. */
const limits: Check<QueueFacts> = {
  name: "limits",
  problems({ pools }) {
    const textOf = ({ limits = {} }: PoolCard) => JSON.stringify(limits);
    if (new Set(pools.map(textOf)).size < 2) return [];
    return [{
      level: "warning",
      text: `its pools keep to different limits: ${poolsBy(pools, textOf)}`,
      why: "each pool counts all tasks that run, and takes more as long as its own limits allow it",
      remedy: "give all pools of the queue the same limits",
    }];
  },
  fine: () => undefined,
};

/** Whether it is paused, and tasks wait for that to end. */
const paused: Check<QueueFacts> = {
  name: "paused",
  problems({ name, stats: { paused, ready, pending } }) {
    if (!paused || ready + pending === 0) return [];
    return [{
      level: "warning",
      text: `it is paused, with ${tasks(ready + pending)}`,
      why: "no pool gets one until it goes on",
      remedy: `worq resume --queue ${quoted(name)}`,
    }];
  },
  fine: ({ stats }) => stats.paused ? "it is paused, and has no tasks" : "it is not paused",
};

/** Whether its schedules tick. */
const schedules: Check<QueueFacts> = {
  name: "schedules",
  problems({ name, lastTicks }) {
    return lastTicks.map((tick) => ({
      level: "warning",
      text: `schedule ${tick.name} ticked last at ${tick.at.toISOString()}, and has no next tick`,
      why: "no pool runs that declares it, or it is gone from the code",
      remedy: `worq run MODULE --queue ${quoted(name)} with the code that declares it, or ` +
        `worq unschedule ${quoted(tick.name)} --queue ${quoted(name)}`,
    }));
  },
  fine: ({ schedules }) => schedules === 0 ? undefined : `${schedules} tick`,
};

/** Whether tasks failed for good. */
const dead: Check<QueueFacts> = {
  name: "dead",
  problems({ name, stats: { dead } }) {
    if (dead === 0) return [];
    const isFull = dead >= MANY * MAX_DEAD;
    return [{
      level: isFull ? "warning" : "note",
      text: `${tasks(dead)} failed for good`,
      why: isFull
        ? `${MAX_DEAD} are kept: one more drops the oldest`
        : "they are kept for a while, and can run again",
      remedy: `worq dead --queue ${quoted(name)}, then worq redrive or worq discard`,
    }];
  },
  fine: () => "no task failed for good",
};

/** Whether what is left to do gets done. */
const unsettled: Check<QueueFacts> = {
  name: "unsettled",
  problems({ name, isStuck, stats }) {
    if (!isStuck) return [];
    return [{
      level: "warning",
      text:
        `${tasks(stats.unsettled)} still to be told to those that wait for them, and it does not ` +
        "get less",
      why: "pools do that with each step: tasks that wait for these results stand still",
      remedy: `worq run MODULE --queue ${quoted(name)}; if one runs, worq fsck --queue ${
        quoted(name)
      }`,
    }];
  },
  fine: () => undefined,
};

/** All of them. */
export const QUEUE_CHECKS: readonly Check<QueueFacts>[] = [
  served,
  versions,
  limits,
  paused,
  schedules,
  dead,
  unsettled,
];

function tasks(count: number): string {
  return count === 1 ? "1 task" : `${count} tasks`;
}

function pools(count: number): string {
  return count === 1 ? "1 pool" : `${count} pools`;
}

/** What they say, each with one of the pools that say it. */
function poolsBy(pools: readonly PoolCard[], saying: (pool: PoolCard) => string): string {
  const first = new Map(pools.map((pool) => [saying(pool), pool.id]));
  return [...first].map(([text, id]) => `${text} in ${id}`).join(", ");
}

/** As a word of a shell. */
function quoted(name: string): string {
  return /^[\w.:/@-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}
