/** {@linkcode tasksIn}: a page of the tasks in one place of a queue. */
import type { Broker } from "../broker.ts";
import { nameIn } from "../message.ts";
import { failureOf } from "../outcome.ts";
import type { TaskStatus } from "../status.ts";
import type { DeadTask, ListPlace, QueueStats, TaskQueue } from "../task_queue.ts";
import { argumentsOf, messageOf, type Redaction } from "./redaction.ts";

/** Which tasks to list. */
export interface TasksWanted {
  readonly place: ListPlace;
  readonly from: number;
  readonly count: number;
  /** A part of their names, in whatever case; all of them when empty. */
  readonly name: string;
}

/** A task in a list. */
export interface TaskRow {
  readonly id: string;
  readonly name: string;
  readonly status: TaskStatus;
  /** Its arguments, in one line. */
  readonly args: string;
  /** Milliseconds since 1970: when a pool began with it, or when it failed. */
  readonly since?: number;
  /** When its time comes. */
  readonly due?: number;
  readonly pool?: string;
  readonly error?: string;
}

/** Some of the tasks. */
export interface TasksPage {
  /** How many there are in this place; null when only those of a name are wanted. */
  readonly total: number | null;
  readonly from: number;
  /** From which one on there may be more; null at the end. */
  readonly next: number | null;
  /** How many were looked at. */
  readonly scanned: number;
  readonly tasks: readonly TaskRow[];
}

/** Places where tasks can be listed. */
export const PLACES = ["pending", "scheduled", "ready", "running", "dead"] as const;

/** Tasks in one answer of the server. */
const STEP = 500;
/** Tasks that are looked at for a name. */
const MOST = 5_000;

/** A task, as far as a list tells without asking for more. */
interface Seen {
  readonly id: string;
  readonly name: string | undefined;
  readonly status: TaskStatus;
  readonly message: string | undefined;
  readonly needs: readonly string[];
  readonly dead?: DeadTask;
}

/** Lists tasks. */
export async function tasksIn(
  { taskQueue, name: queue }: Broker,
  wanted: TasksWanted,
  redaction: Redaction,
): Promise<TasksPage> {
  const { from } = wanted;
  const [stats, { next, seen }] = await Promise.all([
    taskQueue.stats(),
    wanted.name === "" ? onePage(taskQueue, wanted) : search(taskQueue, wanted),
  ]);
  const all = totalOf(wanted.place, stats);
  const total = wanted.name === "" ? all : null;
  const tasks = await Promise.all(
    seen.map((one) => rowOf(one, taskQueue, wanted.place, queue, redaction)),
  );
  return { total, from, next: next < all ? next : null, scanned: next - from, tasks };
}

interface Found {
  /** Number of the first task that was not looked at. */
  readonly next: number;
  readonly seen: readonly Seen[];
}

async function onePage(queue: TaskQueue, { place, from, count }: TasksWanted): Promise<Found> {
  const seen = await seenIn(queue, place, from, count);
  return { next: from + seen.length, seen: seen.flatMap((one) => one ?? []) };
}

/** Looks until there are enough of that name, or it has looked at many. */
async function search(queue: TaskQueue, wanted: TasksWanted): Promise<Found> {
  const { place, from, count } = wanted;
  const part = wanted.name.toLowerCase();
  const hits: Seen[] = [];
  let next = from;
  while (next < from + MOST) {
    const page = await seenIn(queue, place, next, STEP);
    for (const one of page) {
      next++;
      if (one?.name?.toLowerCase().includes(part)) hits.push(one);
      if (hits.length === count) return { next, seen: hits };
    }
    if (page.length < STEP) break;
  }
  return { next, seen: hits };
}

/** Tasks in their order; undefined for one that has left on the way. */
async function seenIn(
  queue: TaskQueue,
  place: ListPlace,
  from: number,
  count: number,
): Promise<(Seen | undefined)[]> {
  if (place !== "dead") return await queue.sights(await queue.list(place, from, count));
  const tasks = await queue.dead(from, count);
  return tasks.map((dead) => {
    const { id, message, outcome: { status } } = dead;
    return { id, name: nameIn(message), status, message, needs: [], dead };
  });
}

async function rowOf(
  seen: Seen,
  taskQueue: TaskQueue,
  place: ListPlace,
  queue: string,
  redaction: Redaction,
): Promise<TaskRow> {
  const { id, name = "?", status } = seen;
  const message = messageOf(seen.message);
  const args = message === undefined
    ? "?"
    : redaction.line("args", argumentsOf(message, seen.needs));
  const row = { id, name, status, args };
  if (seen.dead !== undefined) return { ...row, ...deadFacts(seen.dead, queue) };
  if (place !== "scheduled" && place !== "running") return row;
  const record = await taskQueue.inspect(id);
  if (record === undefined) return row;
  const { started, owner, due } = record;
  if (place === "scheduled") return { ...row, ...(due !== undefined && { due }) };
  return {
    ...row,
    ...(started !== undefined && { since: started }),
    ...(owner !== undefined && { pool: owner }),
  };
}

function deadFacts({ id, outcome, ended, attempts }: DeadTask, queue: string) {
  const pool = attempts.at(-1)?.owner;
  return {
    since: ended,
    ...(pool !== undefined && { pool }),
    error: failureOf(outcome, { task: "", queue, id }).errorText,
  };
}

function totalOf(place: ListPlace, stats: QueueStats): number {
  return place === "running" ? stats.leased : stats[place];
}
