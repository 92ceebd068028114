/** What is measured of worker pools. */
import { Child } from "../child.ts";
import type { Figures } from "../protocol.ts";
import { RUNNERS, type RuntimeName, RUNTIMES } from "../runtimes.ts";
import { BARE, OURS, sideOf } from "../sides.ts";
import { type Entry, share, type Size, type Workload } from "../workload.ts";
import type { Kind, Operation } from "./one.ts";

/** A question; its answer counts when it is not there to warm up. */
interface Step {
  readonly op: Operation;
  readonly n: number;
  readonly warmUp?: boolean;
}

/** A pool of one library. */
interface Contestant {
  readonly library: string;
  readonly kind: Kind;
  /** Its script, seen from the folder above; gets the kind as its argument. */
  readonly script: string;
  /** Where it never answers, or not always. */
  readonly hangsOn?: RuntimeName;
}

const CONTESTANTS: readonly Contestant[] = [
  { library: OURS, kind: "threads", script: "pools/worq.ts" },
  { library: BARE, kind: "threads", script: "pools/bare.ts" },
  { library: "piscina", kind: "threads", script: "peers/piscina.ts" },
  { library: "tinypool", kind: "threads", script: "peers/tinypool.ts", hangsOn: "deno" },
  { library: "poolifier", kind: "threads", script: "peers/poolifier.ts" },
  { library: "workerpool", kind: "threads", script: "peers/workerpool.ts", hangsOn: "bun" },
  { library: OURS, kind: "processes", script: "pools/worq.ts" },
  { library: BARE, kind: "processes", script: "pools/bare.ts" },
  { library: "tinypool", kind: "processes", script: "peers/tinypool.ts" },
  { library: "poolifier", kind: "processes", script: "peers/poolifier.ts" },
  { library: "workerpool", kind: "processes", script: "peers/workerpool.ts", hangsOn: "bun" },
];

const WORKERS = 2;
const IDLE_WORKERS = 8;
/** Milliseconds that a question may take, and what each worker or task adds. */
const LIMIT = 10_000;
const LIMIT_EACH: Record<Operation, number> = {
  boot: 1_000,
  noops: 1,
  roundTrips: 5,
  burns: 10,
  memory: 1_000,
};

/** Pools of threads and of processes. */
export function poolWorkload(size: Size): Workload {
  const steps: readonly Step[] = [
    { op: "boot", n: WORKERS },
    { op: "noops", n: size.tasks, warmUp: true },
    { op: "noops", n: size.tasks },
    { op: "roundTrips", n: share(size, 0.05) },
    { op: "burns", n: 200, warmUp: true },
    { op: "burns", n: share(size, 0.03) },
  ];
  return {
    name: "w4",
    title: `pools of ${WORKERS} workers; memory with ${IDLE_WORKERS}`,
    caseHeader: "workers",
    columns: [
      { key: "boot", header: "boot, ms ↓" },
      { key: "rate", header: "no-ops/s ↑" },
      { key: "cpu", header: "CPU µs/no-op ↓" },
      { key: "p50", header: "round trip p50, µs ↓" },
      { key: "p99", header: "p99, µs ↓" },
      { key: "share", header: "share of two cores ↑" },
      { key: "memory", header: "MB/idle worker ↓" },
    ],
    cases: (["threads", "processes"] as const).map((kind) => ({
      label: kind,
      entries: RUNTIMES.flatMap((runtime) => entriesOf(kind, runtime, steps)),
    })),
  };
}

function entriesOf(kind: Kind, runtime: RuntimeName, steps: readonly Step[]): Entry[] {
  return CONTESTANTS
    .filter((one) => one.kind === kind && one.hangsOn !== runtime)
    .map((one) => ({
      side: sideOf(one.library, runtime),
      measure: async () => ({
        ...await answers(one, runtime, steps),
        ...await answers(one, runtime, [{ op: "memory", n: IDLE_WORKERS }]),
      }),
    }));
}

/** The answers of a process of its own. */
async function answers(
  { script, kind }: Contestant,
  runtime: RuntimeName,
  steps: readonly Step[],
): Promise<Figures> {
  await using child = await Child.start(RUNNERS[runtime], script, [kind]);
  let figures: Figures = {};
  for (const { op, n, warmUp = false } of steps) {
    const answer = await child.ask({ op, n }, LIMIT + n * LIMIT_EACH[op]);
    if (!warmUp) figures = { ...figures, ...answer };
  }
  return figures;
}
