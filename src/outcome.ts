/** From the outcome that a queue keeps to the value or error that a user sees, and back. */
import { decode, encodeValue } from "./codec.ts";
import { describeError, type ErrorData, errorText, rebuildError } from "./errors.ts";
import { TaskExpired, TaskFailure } from "./errors.ts";
import type { FailureData, Outcome } from "./task_queue.ts";

/** The task that an outcome is of. */
export interface Subject {
  readonly task: string;
  readonly queue: string;
  readonly id: string;
}

/**
 * Encoded failure of `subject`, which continued as the task that ended as `outcome`, or `failure`. Of
 * a chain of tasks that continued so, the last one is named, however long the chain.
 */
export function encodeContinuedFailure(
  subject: Subject,
  outcome: Outcome,
  failure: TaskFailure,
): string {
  const { task, queue, id } = subject;
  const known = readFailure(outcome.text);
  if (known.continued && known.id === failure.taskId) {
    return encodeData({ ...known, task, queue, id });
  }
  const text = `continued as ${failure.message}`;
  return encodeData({ task, queue, id, text, error: describeError(failure), continued: true });
}

/** Encoded failure of `subject`; `thrown` is what it threw, or a text why it could not run. */
export function encodeFailure(subject: Subject, thrown: unknown): string {
  const { task, queue, id } = subject;
  const data: FailureData = typeof thrown === "string"
    ? { task, queue, id, text: thrown }
    : { task, queue, id, ...describeThrown(thrown) };
  return encodeData(data);
}

/** The value of a success. Throws a `SyntaxError` when it is damaged. */
export function valueOf(outcome: Outcome): unknown {
  return decode(outcome.text);
}

/** The error of an outcome that is not a success, as `subject` sees it. */
export function failureOf(outcome: Outcome, subject: Subject): TaskFailure {
  const { task, queue, id, text, error } = readFailure(outcome.text);
  const cause = error === undefined ? undefined : { cause: rebuildError(error as ErrorData) };
  const Failure = outcome.status === "expired" ? TaskExpired : TaskFailure;
  if (id === subject.id) return new Failure(subject.task, subject.queue, id, text, cause);
  const own = new Failure(task, queue, id, text, cause);
  return new TaskFailure(
    subject.task,
    subject.queue,
    subject.id,
    `cannot run, since an argument failed: ${own.message}`,
    { cause: own },
  );
}

/** What goes into the arguments of a task for one result that it takes. */
export function inputOf(outcome: Outcome): unknown {
  if (outcome.status === "success") return valueOf(outcome);
  const { task, queue, id } = readFailure(outcome.text);
  return failureOf(outcome, { task, queue, id });
}

function encodeData(data: FailureData): string {
  return encodeValue("describe a failure", "it", data, Infinity);
}

function describeThrown(thrown: unknown): { text: string; error: ErrorData } {
  const error = describeError(thrown);
  return { text: errorText(error), error };
}

function readFailure(text: string): FailureData {
  try {
    const data = decode(text) as FailureData;
    if (typeof data.id === "string" && typeof data.text === "string") return data;
  } catch {
    // Then it is as damaged as one without the fields.
  }
  return { task: "?", queue: "?", id: "?", text: "its stored failure is damaged" };
}
