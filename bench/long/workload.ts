/** What becomes of rates, memory and latency while very many tasks go through one Redis. */
import { setTimeout as sleep } from "node:timers/promises";
import { RedisServer } from "../../tests/support/redis_server.ts";
import { Child } from "../child.ts";
import { residentOf } from "../pools/memory.ts";
import type { Figures } from "../protocol.ts";
import { costOf, Costs, type Counters } from "../redis/costs.ts";
import { RUNNERS, type RuntimeName, RUNTIMES } from "../runtimes.ts";
import { OURS, sideOf } from "../sides.ts";
import type { Column, Size, Workload } from "../workload.ts";

const CONCURRENCY = 50;
const QUEUE = "bench";
/** How often figures are read on the way. */
const SAMPLES = 20;
const MEGABYTE = 1e6;
/** Milliseconds until the last results have expired, and the server has noticed. */
const REST = 15_000;
/** Milliseconds that it may take to start, and for each task. */
const [LIMIT, LIMIT_EACH] = [60_000, 2];

const COSTS: readonly Column[] = [
  { key: "rate", header: "tasks/s ↑" },
  { key: "cpu", header: "CPU s/1,000 tasks ↓" },
  { key: "cpuRedis", header: "Redis" },
];

/** Very many tasks, with a producer and a worker that never rest. */
export function longWorkload({ long }: Size): Workload {
  return {
    name: "long",
    title: `very many tasks; concurrency ${CONCURRENCY}, 5,000 unfinished, results kept for 5 s`,
    columns: [
      ...COSTS,
      { key: "commands", header: "commands/task ↓" },
      { key: "net", header: "network bytes/task ↓" },
      { key: "tasks", header: "tasks" },
      { key: "minutes", header: "minutes" },
      { key: "left", header: `keys ${REST / 1_000} s later ↓` },
    ],
    samples: [
      { key: "done", header: "tasks done" },
      ...COSTS,
      { key: "redis", header: "Redis, MB" },
      { key: "used", header: "of it used" },
      { key: "producer", header: "producer, MB" },
      { key: "worker", header: "worker, MB" },
      { key: "keys", header: "keys" },
      { key: "p50", header: "probe p50, ms" },
      { key: "p99", header: "p99, ms" },
    ],
    cases: [{
      label: "",
      entries: RUNTIMES.map((runtime) => ({
        side: sideOf(OURS, runtime),
        measure: (sample) => measure(runtime, long, sample),
      })),
    }],
    apart: true,
  };
}

async function measure(
  runtime: RuntimeName,
  n: number,
  sample: (figures: Figures) => void,
): Promise<Figures> {
  await using server = await RedisServer.start();
  await using costs = await Costs.open(server.url);
  const start = (script: string, ...args: string[]) =>
    Child.start(RUNNERS[runtime], script, [server.url, QUEUE, ...args]);
  await using worker = await start("redis/worq_worker.ts", `${CONCURRENCY}`);
  await using producer = await start("long/producer.ts");
  await worker.ask({ op: "work", n: 1 }, LIMIT);
  const pids = { producer: producer.pid, workers: [worker.pid] };
  const read = async () => ({
    counters: await costs.read(pids),
    redis: await residentOf(server.pid) / MEGABYTE,
    producer: await residentOf(producer.pid) / MEGABYTE,
    worker: await residentOf(worker.pid) / MEGABYTE,
  });
  const first = await costs.read(pids);
  await producer.ask({ op: "begin", n }, LIMIT);
  let before: Reached = { done: 0, ms: 0, counters: first };
  for (let i = 1; i <= SAMPLES; i++) {
    const mark = { op: "reach", n: Math.round(n * i / SAMPLES) };
    const { done = NaN, ms = NaN, ...latency } = await producer.ask(mark, LIMIT + n * LIMIT_EACH);
    const { counters, ...memory } = await read();
    const now = { done, ms, counters };
    const figures = { ...costsBetween(before, now), ...memory, ...latency };
    sample({ ...figures, done, used: counters.bytes / MEGABYTE, keys: counters.keys });
    console.error(`long ${sideOf(OURS, runtime)}: ${done} of ${n} tasks`);
    before = now;
  }
  const all = costsBetween({ done: 0, ms: 0, counters: first }, before);
  await sleep(REST);
  const { keys: left } = await costs.read(pids);
  return { ...all, tasks: before.done, minutes: before.ms / 60_000, left };
}

/** How far it is. */
interface Reached {
  readonly done: number;
  readonly ms: number;
  readonly counters: Counters;
}

/** Rate and costs of the tasks between two moments. */
function costsBetween(before: Reached, after: Reached): Figures {
  const n = after.done - before.done;
  const { bytes: _, ...costs } = costOf(before.counters, after.counters, n);
  return { rate: n / (after.ms - before.ms) * 1_000, ...costs };
}
