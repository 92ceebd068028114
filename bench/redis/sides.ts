/** Who does the work over Redis. */
import { Child } from "../child.ts";
import { RUNNERS, type RuntimeName, RUNTIMES } from "../runtimes.ts";
import { BARE, OURS, sideOf } from "../sides.ts";

/** The two processes of a library. */
export interface Side {
  readonly name: string;
  /** Workloads that it takes part in; all when omitted. */
  readonly only?: readonly string[];
  /** Its producer, or a worker for so many tasks at a time that does not take any yet. */
  start(role: "producer" | "worker", url: string, concurrency?: number): Promise<Child>;
}

const QUEUE = "bench";
/** For who is beside a peer of another runtime only, so that a run takes no longer than needed. */
const MAIN = ["w1b", "w1b2", "w1c", "w2"];

/** All of them, as a report lists them. */
export const SIDES: readonly Side[] = [
  side(OURS, "deno", "redis/worq"),
  side(OURS, "bun", "redis/worq"),
  side(BARE, "deno", "redis/bare"),
  side(BARE, "bun", "redis/bare", MAIN),
  side("bullmq", "deno", "peers/bullmq"),
  side("bullmq", "bun", "peers/bullmq", MAIN),
  // It has no fan-in.
  side("bee-queue", "deno", "peers/bee", ["w1a", "w1b", "w1b2", "w1c", "w1d", "w2", "w6"]),
];

/** worq with so many queues, for one producer and one worker; with the weight that all have. */
export function withQueues(count: number, weight?: number): Side[] {
  const names = Array.from({ length: count }, (_, i) => `${QUEUE}${i}`).join(",");
  const more = weight === undefined ? [] : [`${weight}`];
  return RUNTIMES.map((runtime) => side(OURS, runtime, "redis/worq", undefined, names, more));
}

/** `scripts` is what the names of its two scripts begin with, seen from the folder above. */
function side(
  library: string,
  runtime: RuntimeName,
  scripts: string,
  only?: readonly string[],
  queue = QUEUE,
  more: readonly string[] = [],
): Side {
  return {
    name: sideOf(library, runtime),
    ...(only === undefined ? {} : { only }),
    start: (role, url, concurrency = 1) =>
      Child.start(RUNNERS[runtime], `${scripts}_${role}.ts`, [
        url,
        queue,
        `${concurrency}`,
        ...more,
      ]),
  };
}
