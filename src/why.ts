/** {@linkcode whyOf}: why a task has not run, in one sentence. */
import { type PoolCard, readCards } from "./cards.ts";
import { STAND_IN, taskBehind } from "./couriers.ts";
import { decodeMessage, type Message } from "./message.ts";
import { failureOf } from "./outcome.ts";
import {
  GONE,
  type Limits,
  type Need,
  type Outcome,
  type Situation,
  type TaskQueue,
  type TaskRecord,
} from "./task_queue.ts";

/** What keeps a task from running. */
export type Cause =
  /** The queue does not know it: it was never there, was cleared, or its result was kept for its time. */
  | "unknown"
  /** It has run, or never will. */
  | "over"
  /** A pool has it. */
  | "running"
  /** It waits for its time: a delay, or the pause before a retry. */
  | "time"
  /** It waits for results of other tasks of its queue. */
  | "results"
  /** It stands for the result of a task of another queue. */
  | "other queue"
  /** No pool is given tasks of its queue. */
  | "paused"
  /** No pool serves its queue. */
  | "no pool"
  /** As many tasks run, or have started, as may. */
  | "limit"
  /** All pools have as many tasks as they can have, or other tasks come before it. */
  | "line"
  /** Nothing: the next pool that looks has it. */
  | "next";

/** Why a task has not run. */
export interface Why {
  /** Id of the task. */
  readonly id: string;
  /** Full name of the task; undefined when the queue does not know it any more. */
  readonly name: string | undefined;
  /** Name of its queue. */
  readonly queue: string;
  /** What keeps it from running. */
  readonly cause: Cause;
  /** The same in one sentence, with what is known about it. */
  readonly text: string;
  /** Why the first of the tasks that it waits for has no result yet. */
  readonly because?: Why;
}

/** Tasks in a row of which one waits for the next, that are looked at. */
const MOST = 20;

/** Why task `id` of a queue has not run. */
export async function whyOf(queue: TaskQueue, need: Need, most = MOST): Promise<Why> {
  const pools = readCards(await queue.cards());
  const situation = await queue.situation(need.id, limitsOf(pools));
  const { id, origin } = need;
  const isTheOne = origin === undefined || situation?.record.origin === origin;
  if (situation === undefined || !isTheOne) {
    return {
      id,
      name: undefined,
      queue: queue.name,
      cause: "unknown",
      text: `${GONE}, or never there`,
    };
  }
  const message = messageOf(situation.record);
  const found = await causeOf(queue, situation, message, pools, most);
  return { id, name: situation.record.name, queue: queue.name, ...found };
}

/** In one line: the sentence, and the sentences that it rests on. */
export function whyText({ text, because }: Why): string {
  if (because === undefined) return text;
  const { name, id } = because;
  return `${text}: ${name === undefined ? id : `${name} ${id}`} ${whyText(because)}`;
}

type Found = Omit<Why, "id" | "name" | "queue">;

async function causeOf(
  queue: TaskQueue,
  situation: Situation,
  message: Message | undefined,
  pools: readonly PoolCard[],
  most: number,
): Promise<Found> {
  const { record } = situation;
  switch (record.status) {
    case "processing":
      return running(queue.name, situation, pools);
    case "pending":
      if (message?.name === STAND_IN) return await elsewhere(queue, record.id, most);
      return isDue(situation)
        ? inLine(queue.name, situation, pools)
        : await waiting(queue, situation, most);
    case "enqueued":
      return inLine(queue.name, situation, pools);
    default:
      return over(await outcomeOf(queue, record), record, queue.name);
  }
}

function over(outcome: Outcome | undefined, { id, status }: TaskRecord, queue: string): Found {
  if (outcome === undefined || outcome.status === "success") {
    return { cause: "over", text: `is over: ${status}` };
  }
  const { errorText } = failureOf(outcome, { task: "", queue, id });
  return { cause: "over", text: `is over: ${status}, ${errorText}` };
}

function running(name: string, situation: Situation, pools: readonly PoolCard[]): Found {
  const { record, now, deadline = now } = situation;
  const { owner = "a pool", started = now, failures } = record;
  const attempt = failures === 0 ? "" : `, attempt ${failures + 1}`;
  const worker = pools.find(({ id }) => id === owner)?.workers
    .find(({ tasks }) => tasks.includes(record.id));
  const where = worker === undefined ? owner : `worker ${worker.name}`;
  const text = `is with ${where} since ${span(now - started)}${attempt}`;
  if (deadline >= now) return { cause: "running", text };
  const lost = `${text}, which has given no sign of life for too long`;
  return serving(pools).length === 0
    ? { cause: "no pool", text: `${lost}, and no pool serves queue "${name}" to take it over` }
    : { cause: "running", text: `${lost}: another pool takes it over` };
}

/** Whether it waits for nothing but a pool that sees that its time has come. */
function isDue({ record: { due, open }, now }: Situation): boolean {
  return due !== undefined && due <= now && open === 1;
}

/** Pools that take tasks. */
function serving(pools: readonly PoolCard[]): PoolCard[] {
  return pools.filter(({ stopping }) => !stopping);
}

async function waiting(queue: TaskQueue, situation: Situation, most: number): Promise<Found> {
  const { record, now, openNeeds } = situation;
  const { due, open, needs, failures, attempts } = record;
  const results = open - (due === undefined ? 0 : 1);
  // Results may be there of which the queue has yet to tell it.
  if (results > 0 || due === undefined) {
    const [first] = openNeeds;
    const text = `waits for ${results} of ${needs.length} results`;
    if (first === undefined || most === 0) return { cause: "results", text };
    return { cause: "results", text, because: await whyOf(queue, first, most - 1) };
  }
  const time = `in ${span(due - now)}`;
  if (failures === 0) return { cause: "time", text: `is to run ${time}` };
  const last = attempts.findLast(({ kind }) => kind === "failed");
  const why = last === undefined || last.text === ""
    ? ""
    : `: ${
      failureOf({ status: "failed", text: last.text }, {
        task: "",
        queue: queue.name,
        id: record.id,
      }).errorText
    }`;
  return { cause: "time", text: `is to run again ${time}, after attempt ${failures} failed${why}` };
}

async function elsewhere(queue: TaskQueue, id: string, most: number): Promise<Found> {
  const behind = taskBehind(id);
  const text = `is the result of a task of queue "${behind.queue}"`;
  if (most === 0) return { cause: "other queue", text };
  await using other = queue.sibling(behind.queue);
  return {
    cause: "other queue",
    text,
    because: await whyOf(other, { id: behind.id }, most - 1),
  };
}

function inLine(name: string, situation: Situation, pools: readonly PoolCard[]): Found {
  const { record, now, paused, leased, busy, rests, keyRests, ahead = 0 } = situation;
  if (paused) return { cause: "paused", text: `waits because queue "${name}" is paused` };
  const there = serving(pools);
  if (there.length === 0) {
    return { cause: "no pool", text: `waits because no pool serves queue "${name}"` };
  }
  const { concurrency = Infinity, perKey } = limitsOf(pools);
  const limit = (text: string): Found => ({ cause: "limit", text: `waits because ${text}` });
  if (leased >= concurrency) {
    return limit(`${leased} tasks of the queue run, and ${concurrency} may at a time`);
  }
  if (rests !== undefined) return limit(`the queue's rate allows no more for ${span(rests - now)}`);
  const { key } = record;
  if (key !== undefined && busy >= (perKey?.concurrency ?? Infinity)) {
    return limit(`${busy} tasks with key "${key}" run, and ${perKey?.concurrency} may at a time`);
  }
  if (keyRests !== undefined) {
    return limit(`the rate of key "${key}" allows no more for ${span(keyRests - now)}`);
  }
  const places = there.reduce((sum, pool) => sum + pool.places, 0);
  const running = there.reduce((sum, pool) => sum + pool.running, 0);
  const own = there.length === 1 ? "1 pool" : `${there.length} pools`;
  const state = places === 0
    ? `${own}, with no worker that is ready`
    : `${own} with ${Math.min(running, places)} of ${places} places taken`;
  if (ahead === 0 && running < places) return { cause: "next", text: `is next: ${state}` };
  const turn = ahead === 0 ? "is next in line" : `waits for its turn, after ${ahead} others`;
  return { cause: "line", text: `${turn}: ${state}` };
}

/** What pools keep to. All of them should say the same; the newest one counts. */
function limitsOf(pools: readonly PoolCard[]): Limits {
  const [newest] = pools.toSorted((a, b) => b.started - a.started);
  return newest?.limits ?? {};
}

async function outcomeOf(
  queue: TaskQueue,
  { id, origin }: TaskRecord,
): Promise<Outcome | undefined> {
  const [outcome] = await queue.wait([origin === undefined ? { id } : { id, origin }]);
  return outcome;
}

function messageOf({ message }: TaskRecord): Message | undefined {
  if (message === undefined) return undefined;
  try {
    return decodeMessage(message);
  } catch {
    return undefined;
  }
}

/** Milliseconds as people say them. */
function span(time: number): string {
  if (time < 1_000) return `${Math.max(0, Math.round(time))} ms`;
  if (time < 120_000) return `${(time / 1_000).toFixed(time < 10_000 ? 1 : 0)} s`;
  if (time < 7_200_000) return `${Math.round(time / 60_000)} min`;
  return `${Math.round(time / 3_600_000)} h`;
}
