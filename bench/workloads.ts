/** What is measured. */
import type { Column } from "./outcomes.ts";
import type { Ask } from "./protocol.ts";

/** One measurement. */
export interface Case {
  /** Tells it from the others of its workload; empty when there is only one. */
  readonly label: string;
  readonly ask: Ask;
  /** The same before, unmeasured. */
  readonly warmUp: Ask;
  /** Tasks that the worker runs at a time; no worker when omitted. */
  readonly concurrency?: number;
}

/** One table of the report. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  /** What tells its cases apart. */
  readonly caseHeader?: string;
  readonly columns: readonly Column[];
  readonly cases: readonly Case[];
}

const RATE: Column = { key: "rate", header: "tasks/s ↑" };
const CPU: Column = { key: "cpu", header: "CPU s/1,000 tasks ↓" };
const REDIS_CPU: Column = { key: "redisCpu", header: "of it Redis, s/1,000 tasks ↓" };
const CALLS: Column = { key: "clientCalls", header: "client calls/task ↓" };
const COMMANDS: Column = { key: "commands", header: "commands/task ↓" };
const READS: Column = { key: "reads", header: "socket reads/task ↓" };

/** The number of tasks that all others are derived from, unless the user says otherwise. */
export const TASKS = 20_000;
const CONCURRENCIES = [1, 50, 1_000];
/** Width of a fan-in, and how many of them one measurement takes. */
const FAN_INS = [[10, 20], [1_000, 5], [10_000, 1]] as const;

/** All workloads, for `tasks` tasks each; slow ones take their share of that. */
export function workloadsFor(tasks: number): Workload[] {
  return [
    enqueue("w1a", "enqueue one by one, each awaited", "single", share(tasks, 0.1)),
    enqueue("w1b", "enqueue in bulk, 1,000 tasks a call", "bulk", tasks),
    enqueue("w1b2", "enqueue singly, 1,000 awaited calls in flight", "inFlight", tasks),
    endToEnd(tasks),
    roundTrips(share(tasks, 0.05)),
    fanIns(),
    memory(share(tasks, 2.5)),
  ];
}

function enqueue(name: string, title: string, op: Ask["op"], n: number): Workload {
  return {
    name,
    title: `${title}; no worker`,
    columns: [RATE, CPU],
    cases: [{ label: "", ask: { op, n }, warmUp: { op, n: share(n, 0.25) } }],
  };
}

function endToEnd(tasks: number): Workload {
  return {
    name: "w1c",
    title: "first enqueue to last result in the producer, enqueued in bulk",
    caseHeader: "concurrency",
    columns: [RATE, CPU, REDIS_CPU, CALLS, COMMANDS, READS],
    cases: CONCURRENCIES.map((concurrency) => {
      const n = concurrency === 1 ? share(tasks, 0.25) : tasks;
      const op = "endToEnd";
      return {
        label: concurrency.toLocaleString("en"),
        concurrency,
        ask: { op, n },
        warmUp: { op, n: share(n, 0.25) },
      };
    }),
  };
}

function roundTrips(n: number): Workload {
  const op = "roundTrip";
  return {
    name: "w2",
    title: "idle round trip: enqueue, wait for the result, repeat; concurrency 10",
    columns: [{ key: "p50", header: "p50, ms ↓" }, { key: "p99", header: "p99, ms ↓" }],
    cases: [{ label: "", concurrency: 10, ask: { op, n }, warmUp: { op, n: share(n, 0.25) } }],
  };
}

function fanIns(): Workload {
  const op = "fanIn";
  return {
    name: "w3",
    title: "fan-in: n tasks, and one that sums their results; concurrency 50",
    caseHeader: "n",
    columns: [{ key: "ms", header: "whole flow, ms ↓" }],
    cases: FAN_INS.map(([n, times]) => ({
      label: n.toLocaleString("en"),
      concurrency: 50,
      ask: { op, n, times },
      warmUp: { op, n: 1_000, times: 2 },
    })),
  };
}

function memory(n: number): Workload {
  const op = "bulk";
  return {
    name: "w6",
    title: `memory of Redis for ${n.toLocaleString("en")} waiting tasks`,
    columns: [{ key: "bytes", header: "bytes/task ↓" }],
    cases: [{ label: "", ask: { op, n }, warmUp: { op, n: share(n, 0.01) } }],
  };
}

function share(n: number, part: number): number {
  return Math.max(10, Math.round(n * part));
}
