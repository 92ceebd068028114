/** What is measured of queues in the memory of one process. */
import { Child } from "../child.ts";
import type { Figures } from "../protocol.ts";
import { RUNNERS, type RuntimeName, RUNTIMES } from "../runtimes.ts";
import { BARE, OURS, sideOf } from "../sides.ts";
import { share, type Size, type Workload } from "../workload.ts";

/** Libraries, their scripts seen from the folder above, and their share of the tasks. */
const QUEUES = [
  [OURS, "memory/worq.ts", 1],
  [BARE, "memory/bare.ts", 1],
  ["p-queue", "peers/p_queue.ts", 1],
  ["fastq", "peers/fastq.ts", 1],
  ["better-queue", "peers/better_queue.ts", 0.1],
] as const;
/** Milliseconds. */
const LIMIT = 120_000;

/** Queues in memory. */
export function memoryWorkload(size: Size): Workload {
  const tasks = share(size, 5);
  return {
    name: "w5",
    title: "in memory, one process: call tasks that do nothing, all at once; concurrency 50",
    columns: [
      { key: "rate", header: "tasks/s ↑" },
      { key: "cpu", header: "CPU µs/task ↓" },
    ],
    cases: [{
      label: "",
      entries: RUNTIMES.flatMap((runtime) =>
        QUEUES.map(([library, script, part]) => ({
          side: sideOf(library, runtime),
          measure: () => measure(runtime, script, share({ tasks }, part)),
        }))
      ),
    }],
  };
}

/** A queue in a process of its own, warm. */
async function measure(runtime: RuntimeName, script: string, n: number): Promise<Figures> {
  await using child = await Child.start(RUNNERS[runtime], script);
  await child.ask({ op: "noops", n: Math.ceil(n / 2) }, LIMIT);
  return await child.ask({ op: "noops", n }, LIMIT);
}
