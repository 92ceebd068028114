/** What is measured over Redis. */
import { share, type Size, type Workload } from "../workload.ts";
import { caseOf, COSTS, EVERYBODY, OURS_AND_BARE, OURS_ON_DENO, RATE } from "./cases.ts";
import { drain, fill, produce } from "./measure.ts";
import type { Operation } from "./producer.ts";

/** Without a worker. */
const PRODUCER_COSTS = COSTS.filter(({ key }) => key !== "cpuWorker");

/** Tasks that a worker runs at a time, end to end, and their share of the usual number. */
const CONCURRENCIES = [[1, 0.25], [10, 1], [50, 1]] as const;
/** Width of a fan-in, and how many of them one measurement takes. */
const FAN_INS = [[10, 20], [1_000, 5], [10_000, 1]] as const;
/** Tasks that wait, and who is measured with so many: what peers take does not grow with them. */
const WAITING = [
  [1_000, OURS_AND_BARE],
  [10_000, EVERYBODY],
  [100_000, OURS_AND_BARE],
  [1_000_000, OURS_ON_DENO],
] as const;

/** What calls take, W1 to W3; slow workloads take their share of the tasks. */
export function callWorkloads(size: Size): Workload[] {
  const { tasks } = size;
  return [
    enqueue("w1a", "enqueue one by one, each awaited", "single", share(size, 0.1)),
    enqueue("w1b", "enqueue in bulk, 1,000 tasks a call", "bulk", tasks),
    enqueue("w1b2", "enqueue singly, 1,000 awaited calls in flight", "inFlight", tasks),
    endToEnd(size),
    {
      name: "w1d",
      title: "a fresh worker, concurrency 50, drains a full queue",
      columns: [RATE, ...COSTS],
      cases: [caseOf("w1d", "", (side) => drain(side, tasks))],
    },
    roundTrips(share(size, 0.05)),
    fanIns(size),
  ];
}

function enqueue(name: string, title: string, op: Operation, n: number): Workload {
  const work = { ask: { op, n }, warmUp: { op, n } };
  return {
    name,
    title: `${title}; no worker`,
    columns: [RATE, ...PRODUCER_COSTS],
    cases: [caseOf(name, "", (side) => produce(side, work))],
  };
}

function endToEnd(size: Size): Workload {
  const op = "endToEnd";
  return {
    name: "w1c",
    title: "first enqueue to last result in the producer, enqueued in bulk",
    caseHeader: "concurrency",
    columns: [RATE, ...COSTS],
    cases: CONCURRENCIES.map(([concurrency, part]) => {
      const n = share(size, part);
      const work = { concurrency, ask: { op, n }, warmUp: { op, n } } as const;
      return caseOf("w1c", `${concurrency}`, (side) => produce(side, work));
    }),
  };
}

function roundTrips(n: number): Workload {
  const op = "roundTrip";
  const work = { concurrency: 10, ask: { op, n }, warmUp: { op, n } } as const;
  return {
    name: "w2",
    title: "idle round trip: enqueue, wait for the result, repeat; concurrency 10",
    columns: [
      { key: "p50", header: "p50, ms ↓" },
      { key: "p99", header: "p99, ms ↓" },
      ...COSTS.filter(({ key }) => ["cpu", "commands", "reads"].includes(key)),
    ],
    cases: [caseOf("w2", "", (side) => produce(side, work))],
  };
}

function fanIns({ tasks }: Size): Workload {
  const op = "fanIn";
  return {
    name: "w3",
    title: "fan-in: n tasks, and one that sums their results; concurrency 50",
    caseHeader: "n",
    columns: [{ key: "ms", header: "whole flow, ms ↓" }],
    cases: FAN_INS.filter(([n]) => n <= tasks).map(([n, times]) => {
      const warmUp = { op, n: 1_000, times: 2 } as const;
      const work = { concurrency: 50, ask: { op, n, times }, warmUp } as const;
      return caseOf("w3", n.toLocaleString("en"), (side) => produce(side, work));
    }),
  };
}

/** What tasks take that wait, W6. */
export function waitingWorkload(size: Size): Workload {
  const [n, warmUp] = [share(size, 0.5), share(size, 0.25)];
  return {
    name: "w6",
    title: "memory of Redis, and rates of bulk enqueue and drain, while so many tasks wait",
    caseHeader: "waiting",
    columns: [
      { key: "bytes", header: "bytes/waiting task ↓" },
      { key: "enqueued", header: "enqueued/s ↑" },
      { key: "drained", header: "drained/s ↑" },
    ],
    cases: WAITING.filter(([count]) => count <= size.tasks * 50).map(([count, who]) =>
      caseOf("w6", count.toLocaleString("en"), (side) => fill(side, count, n, warmUp), who)
    ),
  };
}
