/** Random graphs of tasks, and what must come out of them. */
import type { DefaultTaskOptions, TimeOptions } from "@worq/worq";
import type { Random } from "./random.ts";
import type { Work } from "./tasks.ts";

/** A task of a graph. */
export interface Node extends Work {
  /** Numbers of the tasks whose results it takes, all of them before it. */
  readonly takes: readonly number[];
  readonly options: DefaultTaskOptions & TimeOptions & { readonly key?: string };
}

/** How graphs are. */
export interface GraphShape {
  /** Milliseconds that results are kept. */
  readonly resultTimeout: number;
  /** The longest that a task takes: longer than the interval of its signs of life. */
  readonly longest: number;
  /** Share of those that do. */
  readonly longShare: number;
}

/** Milliseconds that tasks that failed are kept. */
const DEAD_TIMEOUT = 1_000;
/** Signs of life so often, for tasks whose lost workers are to be noticed soon. */
const SHORT_BEAT = 300;
/** More hosts are never lost with one task. */
const REDELIVERIES = 50;
/** More results than one script walks. */
const WIDE = 100;

/** A graph of some tasks; now and then one that has many, whose last one takes all others. */
export function graphFrom(random: Random, shape: GraphShape): Node[] {
  if (random.chance(0.01)) return wideGraph(random, shape);
  const nodes: Node[] = [];
  for (let left = random.between(1, 12); left > 0; left--) {
    const most = Math.min(nodes.length, 4);
    const takes = new Set<number>();
    for (let n = random.between(0, most); n > 0; n--) {
      takes.add(random.between(0, nodes.length - 1));
    }
    nodes.push(nodeFrom(random, shape, [...takes]));
  }
  return nodes;
}

function wideGraph(random: Random, shape: GraphShape): Node[] {
  const nodes = Array.from({ length: WIDE }, () => nodeFrom(random, shape, []));
  return [...nodes, nodeFrom(random, shape, nodes.map((_, i) => i))];
}

function nodeFrom(random: Random, shape: GraphShape, takes: number[]): Node {
  const failures = random.chance(0.1) ? random.between(1, 3) : 0;
  const retries = random.between(0, 3);
  return {
    adds: random.between(1, 1_000),
    time: timeFrom(random, shape),
    failures,
    takes,
    options: {
      resultTimeout: shape.resultTimeout,
      deadTimeout: DEAD_TIMEOUT,
      redeliveries: REDELIVERIES,
      retries,
      backoff: { delay: random.between(1, 200) },
      ...(random.chance(0.5) ? { onError: "pass" } : {}),
      ...(random.chance(0.3) ? { heartbeatInterval: SHORT_BEAT } : {}),
      ...(random.chance(0.1) ? { delay: random.between(1, 1_000) } : {}),
      ...(random.chance(0.1) ? { priority: random.between(1, 255) } : {}),
      ...(random.chance(0.1) ? { key: random.pick(["red", "green", "blue"]) } : {}),
    },
  };
}

/** Most tasks are short, some are as long as they may be. */
function timeFrom(random: Random, { longest, longShare }: GraphShape): number {
  if (random.chance(longShare)) return longest;
  return random.chance(0.3) ? random.between(200, 800) : random.between(0, 20);
}

/** What each task must give: the sum, or undefined for a failure. */
export function sumsOf(nodes: readonly Node[]): (number | undefined)[] {
  const sums: (number | undefined)[] = [];
  for (const { adds, takes, failures, options } of nodes) {
    const inputs = takes.map((i) => sums[i]);
    const cannotRun = options.onError !== "pass" && inputs.includes(undefined);
    const failsForGood = failures > options.retries!;
    sums.push(
      cannotRun || failsForGood
        ? undefined
        : inputs.reduce<number>((sum, input) => sum + (input ?? 0), adds),
    );
  }
  return sums;
}
