/** {@linkcode DeadLetter}: a task that failed for good, as a user sees it. */
import type { TaskFailure } from "./errors.ts";
import { decodeMessage } from "./message.ts";
import { failureOf, type Subject } from "./outcome.ts";
import type { Attempt, DeadTask, TaskQueue } from "./task_queue.ts";

/** An attempt that brought no value. */
export interface FailedAttempt {
  /** Whether the task failed, or the worker that ran it was lost. */
  readonly kind: "failed" | "lost";
  /** Pool that had the task. */
  readonly pool: string;
  /** When it began, by the clock of the queue's server. */
  readonly started: Date;
  /** When it was over. */
  readonly ended: Date;
  /** Why, in one line. */
  readonly text: string;
}

/** A task that failed for good, and can be enqueued again. */
export interface DeadLetter {
  /** Id of the task. */
  readonly id: string;
  /** Full name of the task, such as `shop.pay`. */
  readonly name: string;
  /** Why it failed: a `TaskExpired` when its workers were lost. */
  readonly error: TaskFailure;
  /** When it ended, by the clock of the queue's server. */
  readonly ended: Date;
  /** Its last attempts, in order, ten at most. */
  readonly attempts: readonly FailedAttempt[];
}

/** Which of them. */
export interface DeadOptions {
  /** How many to leave out, of those that would be kept longest. @default {0} */
  from?: number;
  /** How many to give at most. @default {100} */
  limit?: number;
}

/** Dead tasks in one answer. */
const PAGE = 500;

/** A dead task of the queue with this name. */
export function letterOf({ id, message, outcome, ended, attempts }: DeadTask, queue: string) {
  const name = nameOf(message);
  const subject = { task: name, queue, id };
  return {
    id,
    name,
    error: failureOf(outcome, subject),
    ended: new Date(ended),
    attempts: attemptsOf(attempts, subject),
  };
}

/** Attempts of a task as a user sees them. */
export function attemptsOf(attempts: readonly Attempt[], subject: Subject): FailedAttempt[] {
  return attempts.map(({ kind, owner, started, ended, text }) => ({
    kind,
    pool: owner,
    started: new Date(started),
    ended: new Date(ended),
    text: kind === "lost"
      ? text
      : text === ""
      ? "its error was too long to be kept with the attempt"
      : failureOf({ status: "failed", text }, subject).errorText,
  }));
}

/** Ids of all dead tasks of a queue, in the order in which they are dropped. */
export async function deadIds(queue: TaskQueue): Promise<string[]> {
  const ids = new Set<string>();
  for (let from = 0;; from += PAGE) {
    const page = await queue.dead(from, PAGE);
    page.forEach(({ id }) => ids.add(id));
    if (page.length < PAGE) return [...ids].reverse();
  }
}

function nameOf(message: string): string {
  try {
    return decodeMessage(message).name;
  } catch {
    return "?";
  }
}
