/** What is measured over Redis besides one worker, one queue and small tasks. */
import { type Case, share, type Size, type Workload } from "../workload.ts";
import { caseOf, COSTS, NETWORK, OURS, RATE } from "./cases.ts";
import { produce } from "./measure.ts";
import { BYTES } from "./payloads.ts";
import { type Side, withQueues } from "./sides.ts";

const CONCURRENCY = 50;
const KNOW_JSON = /^(worq|bare|bullmq)/;
/** Arguments, the part of the tasks, and who can carry them: the others only know JSON. */
const PAYLOADS = [
  ["1 kB of JSON", 0.5, KNOW_JSON],
  ["100 kB of JSON", 0.02, KNOW_JSON],
  ["1 kB of rich types", 0.5, OURS],
] as const;

/** Worker processes. */
const HOSTS = [1, 2, 4, 8];
/** Tasks that each of them runs at a time. */
const PLACES = 10;
/** Milliseconds of a task that waits: so long that no core is short with most of the hosts. */
const WAIT = 20;

/** Queues of one pool, and the weight of each; the first one goes first when omitted. */
const QUEUES = [["1", 1], ["100", 100], ["100, equal weights", 100, 1]] as const;
/** Milliseconds that they are watched while they are empty: idle pools look every five seconds. */
const IDLE = 10_000;

/** End to end with the arguments of applications. */
export function payloadWorkload(size: Size): Workload {
  const op = "endToEnd";
  return {
    name: "payloads",
    title: `w1c with larger arguments; concurrency ${CONCURRENCY}`,
    caseHeader: "argument",
    columns: [
      RATE,
      { key: "megabytes", header: "MB/s of arguments ↑" },
      ...COSTS.filter(({ key }) => key !== "reads"),
      NETWORK,
    ],
    cases: PAYLOADS.map(([kind, part, who]) => {
      const n = share(size, part);
      const warmUp = { op, n: Math.ceil(n / 4), kind } as const;
      const work = { concurrency: CONCURRENCY, ask: { op, n, kind }, warmUp } as const;
      const measure = async (side: Side) => {
        const figures = await produce(side, work);
        return { ...figures, megabytes: figures.rate! * BYTES[kind] / 1e6 };
      };
      return caseOf("payloads", kind, measure, who);
    }),
  };
}

/** Pools on so many hosts, here processes, on one Redis. */
export function hostWorkload(size: Size): Workload {
  return {
    name: "hosts",
    title: `pools in so many processes, concurrency ${PLACES} each, enqueued in bulk`,
    caseHeader: "processes, tasks",
    columns: [
      RATE,
      { key: "share", header: "share of what the places allow ↑" },
      ...COSTS.filter(({ key }) => key !== "reads"),
      NETWORK,
      { key: "balance", header: "least : most busy process ↑" },
    ],
    cases: [
      ...HOSTS.map((hosts) => hostCase(`${hosts}, no-ops`, { hosts, n: share(size, 0.5) })),
      ...HOSTS.map((hosts) =>
        hostCase(`${hosts}, ${WAIT} ms`, { hosts, n: hosts * share(size, 0.05), wait: WAIT })
      ),
    ],
  };
}

/** One pool that serves so many queues. */
export function queueWorkload(size: Size): Workload {
  const ask = { op: "endToEnd", n: size.tasks } as const;
  const warmUp = { ...ask, n: Math.ceil(size.tasks / 4) };
  const work = { concurrency: CONCURRENCY, ask, warmUp, idle: IDLE } as const;
  return {
    name: "queues",
    title: `w1c with so many queues, one pool and one producer; concurrency ${CONCURRENCY}`,
    caseHeader: "queues",
    columns: [
      RATE,
      ...COSTS,
      { key: "idleCommands", header: "when idle: commands/s ↓" },
      { key: "idleRedis", header: "Redis, CPU ms/s ↓" },
      { key: "idleWorker", header: "worker, CPU ms/s ↓" },
    ],
    cases: QUEUES.map(([label, count, weight]) => ({
      label,
      entries: withQueues(count, weight).map((side) => ({
        side: side.name,
        measure: () => produce(side, work),
      })),
    })),
  };
}

function hostCase(
  label: string,
  { hosts, n, wait }: { hosts: number; n: number; wait?: number },
): Case {
  const ask = { op: "endToEnd", n, ...(wait === undefined ? {} : { wait }) } as const;
  const warmUp = { ...ask, n: Math.ceil(n / 4) };
  const most = wait === undefined ? NaN : hosts * PLACES / wait * 1_000;
  const measure = async (side: Side) => {
    const figures = await produce(side, { ask, warmUp, hosts, concurrency: PLACES });
    return { ...figures, share: figures.rate! / most };
  };
  return caseOf("hosts", label, measure, /^(worq|bullmq.deno)/);
}
