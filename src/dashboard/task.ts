/** {@linkcode taskOf}: all that is known about one task. */
import type { Broker } from "../broker.ts";
import { attemptsOf } from "../dead.ts";
import type { TaskContext } from "../context.ts";
import type { Message } from "../message.ts";
import { lineOf, progressOf } from "../notes.ts";
import { failureOf, valueOf } from "../outcome.ts";
import type { TaskStatus } from "../status.ts";
import type { DeadTask, Need, Outcome, TaskQueue, TaskRecord } from "../task_queue.ts";
import { whyText } from "../why.ts";
import { argumentsOf, messageOf, type Redaction } from "./redaction.ts";
import { Refusal } from "./refusal.ts";

/** A task as a page shows it; times are milliseconds since 1970. */
export interface TaskShown {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly status: TaskStatus;
  /** Null when it is over, and not among the dead. */
  readonly args: string | null;
  readonly result: string | null;
  readonly error: { readonly text: string; readonly stack: string | null } | null;
  /** Those that brought no value. */
  readonly attempts: readonly {
    readonly kind: "failed" | "lost";
    readonly pool: string;
    readonly started: number;
    readonly ended: number;
    readonly text: string;
  }[];
  readonly started: number | null;
  readonly ended: number | null;
  readonly due: number | null;
  readonly failures: number;
  readonly losses: number;
  readonly pool: string | null;
  /** How many results it takes. */
  readonly needs: number;
  /** How many tasks take its result. */
  readonly refs: number;
  readonly why: { readonly cause: string; readonly text: string };
  readonly progress: { readonly part: number; readonly text: string; readonly at: number } | null;
  readonly log: readonly { readonly at: number; readonly text: string }[];
  /** What travels with it, by name. */
  readonly context: unknown;
  /** Whether it can be enqueued again. */
  readonly dead: boolean;
}

/** Dead tasks in one answer. */
const PAGE = 500;

/** What is known about task `id`. Throws a {@linkcode Refusal} when nothing is. */
export async function taskOf(broker: Broker, id: string, redaction: Redaction): Promise<TaskShown> {
  const { taskQueue, name: queue } = broker;
  const record = await taskQueue.inspect(id);
  // Of one that failed, the queue keeps the arguments among the dead, and for longer.
  const isOpen = record !== undefined && record.ended === undefined;
  const dead = isOpen || record?.status === "success" ? undefined : await deadTask(taskQueue, id);
  if (record === undefined && dead === undefined) {
    throw new Refusal(
      404,
      `queue ${JSON.stringify(queue)} does not know task ${id}: it was never there, was cleared, ` +
        "or its result was kept for its time",
    );
  }
  const [outcome, why, notes] = await Promise.all([
    record === undefined ? dead?.outcome : outcomeOf(taskQueue, record),
    broker.why(id),
    taskQueue.notes(id, 0),
  ]);
  const subject = { task: "", queue, id };
  const message = messageOf(record?.message ?? dead?.message);
  const progress = progressOf(notes.progress);
  const { attempts = dead?.attempts ?? [], needs = [] } = record ?? {};
  return {
    id,
    name: record?.name ?? message?.name ?? "?",
    queue,
    status: record?.status ?? dead!.outcome.status,
    ...callOf(message, needs, redaction),
    ...endOf(outcome, queue, id, redaction),
    attempts: attemptsOf(attempts, subject).map(({ started, ended, ...attempt }) => ({
      ...attempt,
      ...{ started: started.getTime(), ended: ended.getTime() },
    })),
    started: record?.started ?? null,
    ended: record?.ended ?? dead?.ended ?? null,
    due: record?.due ?? null,
    failures: record?.failures ?? 0,
    losses: record?.losses ?? 0,
    pool: record?.owner ?? attempts.at(-1)?.owner ?? null,
    needs: message?.needs ?? needs.length,
    refs: record?.refs ?? 0,
    why: { cause: why.cause, text: whyText(why) },
    progress: progress === undefined ? null : { ...progress, at: progress.at.getTime() },
    log: notes.lines.map(lineOf).map(({ at, text }) => ({ at: at.getTime(), text })),
    dead: dead !== undefined,
  };
}

async function deadTask(queue: TaskQueue, id: string): Promise<DeadTask | undefined> {
  for (let from = 0;; from += PAGE) {
    const page = await queue.dead(from, PAGE);
    const found = page.find((task) => task.id === id);
    if (found !== undefined || page.length < PAGE) return found;
  }
}

async function outcomeOf(
  queue: TaskQueue,
  { id, origin }: TaskRecord,
): Promise<Outcome | undefined> {
  return (await queue.wait([origin === undefined ? { id } : { id, origin }]))[0];
}

function callOf(
  message: Message | undefined,
  needs: readonly Need[],
  redaction: Redaction,
): { args: string | null; context: unknown } {
  if (message === undefined) return { args: null, context: null };
  const context: TaskContext | undefined = message.context;
  return {
    args: redaction.whole("args", argumentsOf(message, needs.map(({ id }) => id))),
    context: context === undefined ? null : redaction.texts("context", context),
  };
}

function endOf(
  outcome: Outcome | undefined,
  queue: string,
  id: string,
  redaction: Redaction,
): Pick<TaskShown, "result" | "error"> {
  if (outcome === undefined) return { result: null, error: null };
  if (outcome.status !== "success") {
    const { errorText, cause } = failureOf(outcome, { task: "", queue, id });
    const stack = cause instanceof Error ? cause.stack ?? null : null;
    return { result: null, error: { text: errorText, stack } };
  }
  try {
    return { result: redaction.whole("result", valueOf(outcome)), error: null };
  } catch (error) {
    return { result: null, error: { text: (error as Error).message, stack: null } };
  }
}
