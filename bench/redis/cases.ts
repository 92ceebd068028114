/** What the workloads over Redis have in common: columns, and who takes part. */
import type { Figures } from "../protocol.ts";
import type { Case, Column } from "../workload.ts";
import { type Side, SIDES } from "./sides.ts";

/** Tasks in a second. */
export const RATE: Column = { key: "rate", header: "tasks/s ↑" };
/** What a task costs. */
export const COSTS: readonly Column[] = [
  { key: "cpu", header: "CPU s/1,000 tasks ↓" },
  { key: "cpuProducer", header: "producer" },
  { key: "cpuWorker", header: "worker" },
  { key: "cpuRedis", header: "Redis" },
  { key: "commands", header: "commands/task ↓" },
  { key: "reads", header: "reads/task ↓" },
];
/** Bytes of a task between Redis and all others. */
export const NETWORK: Column = { key: "net", header: "network bytes/task ↓" };

/** Names of sides. */
export const EVERYBODY = /./;
/** worq and the least that can do the work. */
export const OURS_AND_BARE = /^(worq|bare)/;
/** worq, on any runtime. */
export const OURS = /^worq/;
/** worq on Deno alone. */
export const OURS_ON_DENO = /^worq.deno/;

/** A case of all sides that take part in the workload, or of those of them that `who` matches. */
export function caseOf(
  workload: string,
  label: string,
  measure: (side: Side) => Promise<Figures>,
  who = EVERYBODY,
): Case {
  return {
    label,
    entries: SIDES
      .filter(({ name, only = [workload] }) => only.includes(workload) && who.test(name))
      .map((side) => ({ side: side.name, measure: () => measure(side) })),
  };
}
