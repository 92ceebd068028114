/** The errors a caller may want to catch, and errors as data, since classes do not cross a queue. */

/** Base of every error that is about a task or its queue rather than about a wrong call. */
export class WorqError extends Error {
  /** Name of the class, the same in every process. */
  override name = "WorqError";
}

/**
 * The task ran and threw, or could not be run.
 *
 * The message reads `name [queue:id] text`. What the task threw is the `cause`, rebuilt from
 * data: its name, message, stack and plain fields; built-in classes such as `RangeError` come
 * back as themselves, other classes as `Error` with their name.
 *
 * @example
 * ```ts
 * import { TaskFailure } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * const failure = new TaskFailure("shop.pay", "default", "42", "RangeError: too much");
 * strictEqual(failure.message, "shop.pay [default:42] RangeError: too much");
 * ```
 */
export class TaskFailure extends WorqError {
  /** Name of the class. */
  override name = "TaskFailure";
  /** Full name of the task, such as `shop.pay`. */
  readonly taskName: string;
  /** Name of the queue that the task was on. */
  readonly queueName: string;
  /** Id of the task. */
  readonly taskId: string;
  /** Why the task failed, without the name and id that the message starts with. */
  readonly errorText: string;

  /** Describes the failure of one task. */
  constructor(
    taskName: string,
    queueName: string,
    taskId: string,
    errorText: string,
    options?: ErrorOptions,
  ) {
    super(`${taskName} [${queueName}:${taskId}] ${errorText}`, options);
    this.taskName = taskName;
    this.queueName = queueName;
    this.taskId = taskId;
    this.errorText = errorText;
  }
}

/**
 * There is no result and there will be none: every worker that had the task was lost, the task
 * was cleared or cancelled, or its result was kept for its time and is gone.
 */
export class TaskExpired extends TaskFailure {
  /** Name of the class. */
  override name = "TaskExpired";
}

/**
 * Thrown by a task that is not to run again, whatever `retries` says.
 *
 * @example
 * ```ts
 * import { NonRetryable } from "@worq/worq";
 *
 * export async function fetchPage(url: string): Promise<string> {
 *   const response = await fetch(url);
 *   if (response.status === 404) throw new NonRetryable(`there is no ${url}`);
 *   if (!response.ok) throw new Error(`status ${response.status}`); // perhaps later
 *   return await response.text();
 * }
 * ```
 */
export class NonRetryable extends Error {
  /** Name of the class. */
  override name = "NonRetryable";
}

/** The queue already knows a task with this id; nothing was enqueued. */
export class DuplicateTask extends TaskFailure {
  /** Name of the class. */
  override name = "DuplicateTask";

  /** Describes the call that was refused. */
  constructor(taskName: string, queueName: string, taskId: string) {
    super(taskName, queueName, taskId, "cannot enqueue task with duplicate id");
  }
}

/** As many tasks wait in the queue as the call allows; nothing was enqueued. */
export class QueueFull extends WorqError {
  /** Name of the class. */
  override name = "QueueFull";
  /** Full name of the task that was called. */
  readonly taskName: string;
  /** Name of the queue. */
  readonly queueName: string;

  /** Describes the call that was refused. */
  constructor(taskName: string, queueName: string, maxLength: number) {
    super(
      `Cannot call ${taskName}: queue "${queueName}" is full, ${maxLength} tasks or more wait in it; ` +
        'call again later, or have the call wait with whenFull: "wait"',
    );
    this.taskName = taskName;
    this.queueName = queueName;
  }
}

/** The value of a `Deferred` was read before the task was known to be over. */
export class TaskPending extends WorqError {
  /** Name of the class. */
  override name = "TaskPending";
}

/** The server behind the queue cannot be reached, or does not let us in. */
export class QueueUnavailable extends WorqError {
  /** Name of the class. */
  override name = "QueueUnavailable";
}

/** What is wrong with the arguments of a call, and where. */
export interface ArgumentIssue {
  /** The way to it from the list of arguments: `[0, "amount"]`. Empty for the list itself. */
  readonly path: readonly (string | number)[];
  /** What is wrong, as the schema says it. */
  readonly message: string;
}

/**
 * The arguments of a call do not fit the schema of the task. A call throws it when the caller has
 * the schema. Otherwise the task fails, and it is the `cause` of its `TaskFailure`: nothing ran, and
 * there is no use in trying again.
 *
 * @example
 * ```ts
 * import { InvalidArguments } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * const error = new InvalidArguments("shop.pay", [{ path: [0, "amount"], message: "too much" }]);
 * strictEqual(error.message, "Cannot call shop.pay: arguments[0].amount: too much");
 * ```
 */
export class InvalidArguments extends TypeError {
  /** Name of the class, the same in every process. */
  override name = "InvalidArguments";
  /** Full name of the task, such as `shop.pay`. */
  readonly taskName: string;
  /** What is wrong, 20 at most. */
  readonly issues: readonly ArgumentIssue[];

  /** Describes one call. */
  constructor(taskName: string, issues: readonly ArgumentIssue[]) {
    const kept = issues.slice(0, MAX_ERRORS);
    const left = issues.length - kept.length;
    const texts = kept.map(({ path, message }) => `arguments${textOfPath(path)}: ${message}`);
    const all = left > 0 ? [...texts, `${left} more`] : texts;
    super(`Cannot call ${taskName}: ${all.join("; ")}`);
    this.taskName = taskName;
    this.issues = kept;
  }
}

function textOfPath(path: ArgumentIssue["path"]): string {
  const isName = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
  return path.map((key) =>
    typeof key === "string" && isName.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`
  ).join("");
}

/**
 * A call with the option `durable` is stored on the primary, but too few replicas confirmed it in
 * time. The task will run, unless the primary dies before a replica has it. To call again is safe
 * only with an `id`: `DuplicateTask` then means that the task is there, and confirmed.
 */
export class NotDurable extends QueueUnavailable {
  /** Name of the class. */
  override name = "NotDurable";

  /** Describes what is missing. */
  constructor(problem: string) {
    super(
      `Cannot confirm the call: ${problem}; its task is stored on the primary and may run, so call ` +
        "again with the same id, or not at all",
    );
  }
}

/** An error as plain data. */
export interface ErrorData {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorData;
  readonly errors?: readonly ErrorData[];
  readonly fields?: Readonly<Record<string, unknown>>;
}

// Errors travel with results, so one that drags a document along must not cost megabytes.
const MAX_TEXT = 16_384;
const MAX_CAUSES = 5;
const MAX_ERRORS = 20;
// Fields that errors have anyway; a field of data must not take the place of a method.
const OWN = new Set([
  ...["name", "message", "stack", "cause", "errors"],
  ...Object.getOwnPropertyNames(Object.prototype),
  ...Object.getOwnPropertyNames(Error.prototype),
]);

const BUILT_IN = new Map<string, ErrorConstructor>(
  [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError]
    .map((type) => [type.name, type as ErrorConstructor]),
);

/** What was thrown, whatever it is, as data. */
export function describeError(thrown: unknown): ErrorData {
  try {
    return describe(thrown, 0);
  } catch (error) {
    // Getters of a foreign error can throw.
    return { name: "Error", message: `an error that cannot be described: ${textOf(error)}` };
  }
}

function describe(thrown: unknown, depth: number): ErrorData {
  if (!(thrown instanceof Error)) return { name: "", message: clip(textOf(thrown)) };
  const { name, message, stack, cause } = thrown;
  const deeper = depth < MAX_CAUSES;
  const fields = thrown instanceof InvalidArguments
    ? { ...plainFields(thrown), issues: thrown.issues }
    : plainFields(thrown);
  return {
    name: String(name),
    message: clip(String(message)),
    ...(stack === undefined ? {} : { stack: clip(String(stack)) }),
    ...(cause === undefined || !deeper ? {} : { cause: describe(cause, depth + 1) }),
    ...(thrown instanceof AggregateError && deeper
      ? { errors: thrown.errors.slice(0, MAX_ERRORS).map((e) => describe(e, depth + 1)) }
      : {}),
    ...(Object.keys(fields).length === 0 ? {} : { fields }),
  };
}

/** The error that `data` describes. */
export function rebuildError(data: ErrorData): Error {
  const error = instantiate(data);
  if (error.name !== data.name) define(error, "name", data.name);
  if (data.stack !== undefined) define(error, "stack", data.stack);
  for (const [key, value] of Object.entries(data.fields ?? {})) {
    if (!OWN.has(key) && !Object.hasOwn(error, key)) {
      Object.defineProperty(error, key, {
        value,
        writable: true,
        configurable: true,
        enumerable: true,
      });
    }
  }
  return error;
}

/** One line for an error: `RangeError: too much`. */
export function errorText(data: ErrorData): string {
  return data.name === "" ? data.message : `${data.name}: ${data.message}`;
}

function instantiate(data: ErrorData): Error {
  const options = data.cause === undefined ? undefined : { cause: rebuildError(data.cause) };
  if (data.errors !== undefined) {
    return new AggregateError(data.errors.map(rebuildError), data.message, options);
  }
  const { taskName, queueName, taskId, errorText } = (data.fields ?? {}) as Record<string, string>;
  const issues = data.fields?.issues;
  if (data.name === "InvalidArguments" && taskName !== undefined && isIssues(issues)) {
    return new InvalidArguments(taskName, issues);
  }
  if (taskName !== undefined && queueName !== undefined && taskId !== undefined) {
    switch (data.name) {
      case "DuplicateTask":
        return new DuplicateTask(taskName, queueName, taskId);
      case "TaskExpired":
        return new TaskExpired(taskName, queueName, taskId, errorText ?? "", options);
      case "TaskFailure":
        return new TaskFailure(taskName, queueName, taskId, errorText ?? "", options);
    }
  }
  return new (BUILT_IN.get(data.name) ?? Error)(data.message, options);
}

function isIssues(value: unknown): value is ArgumentIssue[] {
  return Array.isArray(value) &&
    value.every((issue) => typeof issue?.message === "string" && Array.isArray(issue.path));
}

function define(error: Error, key: "name" | "stack", value: string): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true });
}

// Only what is data in any codec: errors of sockets and HTTP clients carry whole connections.
function plainFields(error: Error): Record<string, unknown> {
  const entries = Object.entries(error)
    .filter(([key, value]) => !OWN.has(key) && isScalar(value))
    .map(([key, value]) => [key, typeof value === "string" ? clip(value) : value]);
  return Object.fromEntries(entries);
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === "string" || typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value) && !Object.is(value, -0));
}

function textOf(thrown: unknown): string {
  try {
    return typeof thrown === "object" && thrown !== null ? JSON.stringify(thrown) : String(thrown);
  } catch {
    return `a value of type ${typeof thrown} that cannot be shown`;
  }
}

function clip(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)} …`;
}
