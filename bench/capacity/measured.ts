/** What a task costs, taken from what was measured. */
import { medianOf, type Row } from "../outcomes.ts";
import { OURS, sideOf } from "../sides.ts";
import type { RuntimeName } from "../runtimes.ts";
import type { Held, TaskCost } from "./plan.ts";

/** A way to use worq that was measured. */
export interface Load {
  readonly title: string;
  readonly workload: string;
  readonly case: string;
}

/** Pools of many machines get few tasks at a time; what they cost is what plans are made with. */
export const SPREAD: Load = {
  title: "8 pools of 10 places, tasks of 20 ms",
  workload: "hosts",
  case: "8, 20 ms",
};

/** The ways to use worq, the cheapest first. */
export const LOADS: readonly Load[] = [
  { title: "one busy pool of 50 places", workload: "w1c", case: "50" },
  SPREAD,
  { title: "100 queues, one pool", workload: "queues", case: "100" },
  { title: "one at a time, each waited for", workload: "w2", case: "" },
  { title: "arguments of 1 kB of JSON", workload: "payloads", case: "1 kB of JSON" },
  { title: "arguments of 1 kB of rich types", workload: "payloads", case: "1 kB of rich types" },
  { title: "arguments of 100 kB of JSON", workload: "payloads", case: "100 kB of JSON" },
];

/** What a task costs; undefined where it was not measured. */
export function costOf(
  rows: readonly Row[],
  { workload, case: label }: Load,
  runtime: RuntimeName,
): TaskCost | undefined {
  const side = sideOf(OURS, runtime);
  const read = (key: string) => medianOf(rows, { workload, case: label, side, key });
  // CPU is in seconds for 1,000 tasks.
  const [redis, producer, pool] = ["cpuRedis", "cpuProducer", "cpuWorker"]
    .map((key) => read(key) / 1_000) as [number, number, number];
  return Number.isFinite(redis) ? { redis, producer, pool, network: read("net") } : undefined;
}

/** What Redis holds: of a waiting task by w6, of a result by what w1c leaves. */
export function heldIn(rows: readonly Row[], runtime: RuntimeName): Held {
  const bytes = (workload: string, label: string) =>
    medianOf(rows, { workload, case: label, side: sideOf(OURS, runtime), key: "bytes" });
  return { waiting: bytes("w6", "100,000"), kept: bytes("w1c", "50") };
}
