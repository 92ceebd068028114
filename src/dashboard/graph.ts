/** {@linkcode graphOf}: a task and those around it. */
import { STAND_IN, taskBehind } from "../couriers.ts";
import type { TaskStatus } from "../status.ts";
import type { Sight, TaskQueue } from "../task_queue.ts";
import { Refusal } from "./refusal.ts";

/** A task of a graph. */
export interface GraphNode {
  readonly id: string;
  /** `?` when the queue does not know it any more. */
  readonly name: string;
  readonly status: TaskStatus;
  /** The queue of the task, when it is another one. */
  readonly queue?: string;
  /** Its id there. */
  readonly taskId?: string;
  /** The one that was asked for. */
  readonly root?: true;
}

/** Tasks, and which of them takes whose result. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  /** From the task that has the result to the one that takes it. */
  readonly edges: readonly (readonly [from: string, to: string])[];
  /** Whether there are tasks beyond. */
  readonly more: boolean;
}

/** Tasks of a graph, at most. */
const MOST = 10_000;

/** Another queue of the server, by its name; undefined for one that is not to be seen. */
export type OtherQueue = (name: string) => Promise<TaskQueue | undefined>;

/**
 * Tasks within so many steps of task `id`, along what they take and what takes them. Tasks of other
 * queues are told of, but not what is around them there.
 */
export async function graphOf(
  queue: TaskQueue,
  id: string,
  depth: number,
  other: OtherQueue,
): Promise<Graph> {
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, readonly [string, string]>();
  const met = new Set([id]);
  let more = false;
  let level = [id];
  for (let step = 0; level.length > 0; step++) {
    const next: string[] = [];
    const sights = await queue.sights(level);
    for (const [i, one] of level.entries()) {
      const sight = sights[i];
      nodes.set(one, nodeOf(one, sight, step === 0));
      if (sight === undefined) continue;
      more ||= sight.needCount > sight.needs.length || sight.feedCount > sight.feeds.length;
      for (const [from, to] of edgesOf(sight)) {
        edges.set(JSON.stringify([from, to]), [from, to]);
        const other = from === one ? to : from;
        if (met.has(other)) continue;
        if (step === depth || met.size === MOST) {
          more = true;
          continue;
        }
        met.add(other);
        next.push(other);
      }
    }
    if (sights.length === 1 && sights[0] === undefined && step === 0) {
      throw new Refusal(404, `queue ${JSON.stringify(queue.name)} does not know task ${id}`);
    }
    level = next;
  }
  const within = [...edges.values()].filter(([from, to]) => nodes.has(from) && nodes.has(to));
  return { nodes: await withOthers([...nodes.values()], other), edges: within, more };
}

/** In place of what stands for results of other queues, the tasks that have them. */
async function withOthers(nodes: GraphNode[], other: OtherQueue): Promise<GraphNode[]> {
  const standIns = nodes.filter(({ name }) => name === STAND_IN);
  const there = new Map<string, GraphNode>();
  for (const [name, some] of Map.groupBy(standIns, ({ id }) => taskBehind(id).queue)) {
    const queue = await other(name);
    if (queue === undefined) continue;
    const ids = some.map(({ id }) => taskBehind(id).id);
    const sights = await queue.sights(ids);
    for (const [i, node] of some.entries()) {
      const { name: task = "?", status = node.status } = sights[i] ?? {};
      there.set(node.id, { ...node, name: task, status, queue: name, taskId: ids[i]! });
    }
  }
  return nodes.map((node) => there.get(node.id) ?? node);
}

function nodeOf(id: string, sight: Sight | undefined, isRoot: boolean): GraphNode {
  return {
    id,
    name: sight?.name ?? "?",
    status: sight?.status ?? "expired",
    ...(isRoot && { root: true }),
  };
}

function edgesOf({ id, needs, feeds }: Sight): (readonly [string, string])[] {
  return [
    ...needs.map((need) => [need, id] as const),
    ...feeds.map((feed) => [id, feed] as const),
  ];
}
