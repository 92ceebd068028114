/** All that can be measured. */
import { longWorkload } from "./long/workload.ts";
import { memoryWorkload } from "./memory/workload.ts";
import { poolWorkload } from "./pools/workload.ts";
import { stallWorkload } from "./redis/stalls.ts";
import { hostWorkload, payloadWorkload, queueWorkload } from "./redis/scale.ts";
import { callWorkloads, waitingWorkload } from "./redis/workloads.ts";
import { startWorkload } from "./start.ts";
import type { Size, Workload } from "./workload.ts";

/** All workloads, in the order of the report. */
export function workloadsFor(size: Size): Workload[] {
  return [
    ...callWorkloads(size),
    stallWorkload(),
    poolWorkload(size),
    memoryWorkload(size),
    waitingWorkload(size),
    payloadWorkload(size),
    hostWorkload(size),
    queueWorkload(size),
    startWorkload(),
    longWorkload(size),
  ];
}

/** The same workload with those of its entries that `isWanted` names. */
export function restrict(workload: Workload, isWanted: (side: string) => boolean): Workload {
  return {
    ...workload,
    cases: workload.cases.map(({ label, entries }) => ({
      label,
      entries: entries.filter(({ side }) => isWanted(side)),
    })),
  };
}
