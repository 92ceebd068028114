/** The section of the report that tells what so many tasks a day need. */
import { format, tableOf } from "../markdown.ts";
import type { Row } from "../outcomes.ts";
import { type RuntimeName, RUNTIMES } from "../runtimes.ts";
import { OURS, sideOf } from "../sides.ts";
import { costOf, heldIn, type Load, LOADS, SPREAD } from "./measured.ts";
import {
  ASSUMED,
  carriedBy,
  DAY,
  type Held,
  placesFor,
  planFor,
  type Resource,
  type TaskCost,
} from "./plan.ts";

const PER_DAY = [1e6, 1e7, 1e8, 1e9];
/** How long results are kept: an hour unless something else is said, and much less. */
const KEPT = [["1 h", 3_600], ["5 min", 300]] as const;
/** Milliseconds that a task takes. */
const TOOK = [1, 10, 100, 1_000, 10_000];
/** Tasks that wait for something else, in one process. */
const PLACES = 100;
const MICRO = 1e6;
const [MEGABIT, GIGABYTE] = [1e6 / 8, 1e9];

const NAMES: Readonly<Record<Resource, string>> = {
  redis: "CPU of Redis",
  memory: "memory of Redis",
  network: "network of Redis",
  pools: "CPU of pools",
  producers: "CPU of producers",
};
const WAYS_OUT: Readonly<Record<Resource, string>> = {
  redis: "several queues, which a cluster spreads over its masters; calls in bulk, with `map`",
  memory: "a shorter `resultTimeout`; `ignoreResult` where nobody asks; more masters",
  network: "small arguments and results: large data elsewhere, and where it is in the argument",
  pools: "more pool processes, on any number of machines",
  producers: "more processes that call; calls in bulk, with `map`",
};

/** What is planned with: the first of these that was measured. */
interface Basis {
  readonly runtime: RuntimeName;
  readonly load: Load;
  readonly cost: TaskCost;
  readonly held: Held;
}

/** The section; empty when too little was measured. */
export function capacityOf(rows: readonly Row[]): string {
  const basis = basisOf(rows);
  if (basis === undefined) return "";
  return [
    "## Capacity: X tasks a day of Y ms, what do I need?",
    "Computed from the figures below by `bench/capacity/`.",
    "### What one core carries",
    `CPU as measured, in µs for each task, without the task itself; tasks a second at ${
      percent(ASSUMED.use)
    } of a core, and a day with a peak of ${ASSUMED.peak} times the mean.`,
    carriedTable(rows),
    "A pool process, inline, or the part of a pool that talks to Redis, has one core. A queue lives " +
    "on one master, so the row of Redis is also what one queue carries, and the last column how many " +
    "cores of pools keep one Redis busy with tasks that take no time themselves.",
    "### What so many tasks a day need",
    assumptionsOf(basis),
    planTable(basis),
    "The last column names the bottlenecks, the narrowest first. " +
    "More of the same is the answer everywhere, but this helps first:",
    tableOf(
      ["bottleneck", "what helps"],
      Object.entries(WAYS_OUT).map(([resource, way]) => [NAMES[resource as Resource], way]),
      2,
    ),
    "### Places for tasks of Y ms",
    `Tasks that run at the same time at the peak, divided by ${ASSUMED.use}. A task that waits for ` +
    `something else takes a place of a pool's \`concurrency\`, of which a process can have ` +
    `${PLACES} or more; one that computes takes a core, of a thread or a process.`,
    placesTable(),
    exampleOf(basis, 1e7, 100),
  ].join("\n\n");
}

function basisOf(rows: readonly Row[]): Basis | undefined {
  for (const load of [SPREAD, LOADS[0]!]) {
    for (const runtime of RUNTIMES) {
      const cost = costOf(rows, load, runtime);
      if (cost !== undefined) return { runtime, load, cost, held: heldIn(rows, runtime) };
    }
  }
  return undefined;
}

function carriedTable(rows: readonly Row[]): string {
  const headers = [
    "tasks",
    "side",
    "µs of Redis",
    "of producer",
    "of pool",
    "network bytes",
    "Redis: tasks/s",
    "a day, with its peak",
    "producer: tasks/s",
    "pool: tasks/s",
    "pool cores for a Redis",
  ];
  const lines = LOADS.flatMap((load) =>
    RUNTIMES.flatMap((runtime) => {
      const cost = costOf(rows, load, runtime);
      if (cost === undefined) return [];
      const carried = carriedBy(cost.redis);
      return [[
        load.title,
        sideOf(OURS, runtime),
        ...[cost.redis, cost.producer, cost.pool].map((seconds) => known(seconds * MICRO)),
        known(cost.network),
        known(carried),
        known(carried * DAY / ASSUMED.peak),
        known(carriedBy(cost.producer)),
        known(carriedBy(cost.pool)),
        known(cost.pool / cost.redis),
      ]];
    })
  );
  return tableOf(headers, lines, 2);
}

function assumptionsOf({ runtime, load, held }: Basis): string {
  return [
    `- Costs of ${sideOf(OURS, runtime)}, ${load.title}; arguments of 100 bytes, small results.`,
    `- The peak is ${ASSUMED.peak} times the mean and lasts as long as results are kept.`,
    `- At the peak, ${percent(ASSUMED.use)} of each core, memory and link is used.`,
    `- Redis has one core for commands, ${format(ASSUMED.memory / GIGABYTE)} GB and ` +
    `${format(ASSUMED.link / MEGABIT / 1_000)} Gbit/s; replicas and persistence come on top.`,
    `- Pools may be away for ${format(ASSUMED.backlog / 60)} minutes of the peak: ` +
    `${known(held.waiting)} bytes for each task that waits. ${
      known(held.kept)
    } bytes for each result.`,
    "- A byte more in an argument is one in each waiting task and two on the network; a byte more in " +
    "a result is one in each kept result and two on the network.",
  ].join("\n");
}

function planTable({ cost, held }: Basis): string {
  const headers = [
    "tasks a day",
    "results kept",
    "mean/s",
    "peak/s",
    "Redis, cores",
    "Mbit/s",
    "GB",
    "servers of Redis",
    "pools, cores",
    "producers, cores",
    "more than one of",
  ];
  const lines = PER_DAY.flatMap((perDay) =>
    KEPT.map(([name, keep]) => {
      const plan = planFor(perDay, keep, cost, held);
      return [
        format(perDay),
        name,
        ...[plan.mean, plan.peak, plan.needs.redis].map(known),
        known(plan.network / MEGABIT),
        known(plan.memory / GIGABYTE),
        format(plan.servers),
        known(plan.needs.pools),
        known(plan.needs.producers),
        plan.scarce.map((resource) => NAMES[resource]).join(", ") || "nothing",
      ];
    })
  );
  return tableOf(headers, lines, 2);
}

function placesTable(): string {
  return tableOf(
    ["tasks a day", ...TOOK.map((ms) => `${format(ms)} ms`)],
    PER_DAY.map((perDay) => [
      format(perDay),
      ...TOOK.map((ms) => format(Math.ceil(placesFor(perDay / DAY * ASSUMED.peak, ms / 1_000)))),
    ]),
  );
}

function exampleOf({ cost, held }: Basis, perDay: number, ms: number): string {
  const { peak, needs, servers } = planFor(perDay, KEPT[0][1], cost, held);
  const places = placesFor(peak, ms / 1_000);
  const processes = Math.ceil(Math.max(places / PLACES, needs.pools));
  return `For example, ${format(perDay)} tasks a day of ${format(ms)} ms are ${format(peak)} a ` +
    `second at the peak. Servers of Redis: ${servers}, with ${
      percent(needs.redis * ASSUMED.use)
    } of a core in ` +
    `use. Places: ${
      format(Math.ceil(places))
    }. If the tasks wait, that is so many pool processes of ` +
    `concurrency ${PLACES}: ${processes}. If they compute, it is so many cores.`;
}

function percent(part: number): string {
  return `${format(part * 100)} %`;
}

function known(value: number): string {
  return Number.isFinite(value) ? format(value) : "–";
}
