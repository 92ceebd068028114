/** Calling one task: its options, and the same task with others. */
import { kRef } from "./codec.ts";
import { Deferred } from "./deferred.ts";
import { DEFAULT_POLICY, type TaskPolicy } from "./message.ts";
import type { Producer } from "./producer.ts";
import { checkMilliseconds } from "./wait.ts";

/** How a task is enqueued, run and kept. Defaults come from the queue's own options. */
export interface TaskOptions {
  /**
   * What happens when a task whose result is an argument fails: `"fail"` fails this task at once,
   * before it runs; `"pass"` runs it, with the `TaskFailure` in place of the value. The types do
   * not follow that: say so in the task's parameters, as in `(values: (number | TaskFailure)[])`.
   * @default {"fail"}
   */
  onError?: "fail" | "pass";
  /** Fire and forget: the call gives no `Deferred`, and no result is kept. @default {false} */
  ignoreResult?: boolean;
  /**
   * Milliseconds that the outcome can be read after the task is over; longer when another task
   * takes it. Until then the id stays taken. 0 tells only those who wait at that moment.
   * @default {3_600_000}
   */
  resultTimeout?: number;
  /**
   * Milliseconds between the signs of life that the pool gives for the task while it runs. After
   * three intervals without one the task counts as lost. @default {5_000}
   */
  heartbeatInterval?: number;
  /**
   * How often the task is given to another worker after one was lost with it; then it expires.
   * 0 runs it at most once: also a pool that stops before the task is done does not hand it back.
   * @default {1}
   */
  redeliveries?: number;
}

/** Options of one task, with its identity. */
export interface OneTaskOptions<P extends readonly unknown[] = never> extends TaskOptions {
  /**
   * Id of the task, or a function that makes it from the arguments as they were given. While the
   * queue knows a task with this id, another call throws `DuplicateTask`. 1 to 512 characters, no
   * control characters. Made up for each call when omitted.
   */
  id?: string | ((...args: Arguments<P>) => string);
}

/** What all tasks of a queue can get; whether a call gives a handle is up to `task()`. */
export type DefaultTaskOptions = Omit<TaskOptions, "ignoreResult">;

/** Values without parts: no handle can be inside. */
export type Leaf =
  | string
  | number
  | boolean
  | bigint
  | null
  | undefined
  | symbol
  | Date
  | RegExp
  | Error
  | URL
  | ArrayBuffer
  | ArrayBufferView
  | ((...args: never[]) => unknown);

/** A value, or a handle to the task that will produce it, up to four levels deep. */
export type Argument<T, Depth extends 0[] = []> =
  | T
  | Deferred<T>
  | Promise<Deferred<T>>
  | (Depth["length"] extends 4 ? never
    : T extends Leaf ? never
    : T extends object ? { readonly [K in keyof T]: Argument<T[K], [...Depth, 0]> }
    : never);

/** Arguments as a caller may give them. */
export type Arguments<P extends readonly unknown[]> = { [I in keyof P]: Argument<P[I]> };

/** A task on a queue: call it to enqueue it. */
export interface Target<P extends readonly unknown[], R> {
  /**
   * Enqueues the task and gives a handle to its result. The promise resolves when the task is
   * stored. It rejects with `DuplicateTask`, with `QueueUnavailable`, and with a `TypeError` or
   * `RangeError` for arguments that cannot be stored.
   */
  (...args: Arguments<P>): Promise<Deferred<R>>;
}

/** The call that a target makes. */
export interface TargetOf {
  readonly producer: Producer;
  readonly name: string;
  readonly options: OneTaskOptions<never>;
}

/** Where a queue's path keeps what it stands for. */
export const kTarget: unique symbol = Symbol("worq.target") as never;

// A hundred years: what is kept longer is not a result but data, and belongs elsewhere.
const LONGEST = 3_155_760_000_000;
const ON_ERROR = ["fail", "pass"];
const OPTIONS: ReadonlySet<string> = new Set([
  "id",
  ...Object.keys(DEFAULT_POLICY),
]);

/**
 * The same task with other options.
 *
 * Throws a `TypeError` or `RangeError` for an option that cannot be.
 *
 * @example
 * ```ts
 * import { DuplicateTask, getQueue, task } from "@worq/worq";
 * import { rejects, strictEqual } from "node:assert/strict";
 *
 * await using q = getQueue<{ build(page: string): void }>("memory://task-example");
 * const build = task(q.build, { id: (page) => `build ${page}` });
 *
 * strictEqual((await build("home")).id, "build home");
 * await rejects(build("home"), DuplicateTask);
 * await q.clear();
 * ```
 */
export function task<P extends readonly unknown[], R>(
  target: Target<P, R>,
  options: OneTaskOptions<P> & { ignoreResult: true },
): (...args: Arguments<P>) => Promise<void>;
/** The same task with other options. */
export function task<P extends readonly unknown[], R>(
  target: Target<P, R>,
  options: OneTaskOptions<P>,
): Target<P, R>;
export function task<P extends readonly unknown[], R>(
  target: Target<P, R>,
  options: OneTaskOptions<P>,
): unknown {
  const of = (target as { readonly [kTarget]?: TargetOf } | undefined)?.[kTarget];
  if (of === undefined) {
    throw new TypeError(
      "Cannot make a task of this: expected a task on a queue, such as q.tasks.add",
    );
  }
  checkOptions(`make task ${of.name}`, options);
  return targetOf({ ...of, options: { ...of.options, ...options } as OneTaskOptions<never> });
}

/** Throws for default options of a queue that cannot be. */
export function checkDefaults(options: DefaultTaskOptions): void {
  for (const key of ["id", "ignoreResult"]) {
    if (!(key in options)) continue;
    throw new TypeError(`Cannot get queue: option "${key}" is for single tasks, see task()`);
  }
  checkOptions("get queue", options);
}

/** Throws for options that cannot be. A misspelt one would be ignored in silence. */
export function checkOptions(act: string, options: OneTaskOptions<never>): void {
  const unknown = Object.keys(options).find((key) => !OPTIONS.has(key));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot ${act}: unknown option "${unknown}", expected one of ${[...OPTIONS].join(", ")}`,
    );
  }
  const { onError, resultTimeout, heartbeatInterval, redeliveries, id } = options;
  checkMilliseconds(act, "resultTimeout", resultTimeout);
  checkMilliseconds(act, "heartbeatInterval", heartbeatInterval);
  for (const [name, time] of Object.entries({ resultTimeout, heartbeatInterval })) {
    if (time !== undefined && time > LONGEST) {
      throw new RangeError(
        `Cannot ${act}: ${name} must be at most ${LONGEST} ms, received ${time}`,
      );
    }
  }
  if (heartbeatInterval === 0) {
    throw new RangeError(`Cannot ${act}: heartbeatInterval must not be 0`);
  }
  if (redeliveries !== undefined && !(Number.isSafeInteger(redeliveries) && redeliveries >= 0)) {
    throw new RangeError(
      `Cannot ${act}: redeliveries must be a whole number, 0 or more, received ${redeliveries}`,
    );
  }
  if (onError !== undefined && !ON_ERROR.includes(onError)) {
    throw new TypeError(`Cannot ${act}: onError must be "fail" or "pass", received "${onError}"`);
  }
  if (id !== undefined && typeof id !== "string" && typeof id !== "function") {
    throw new TypeError(`Cannot ${act}: id must be a string or a function, received ${typeof id}`);
  }
}

/** A callable that enqueues `of`. */
export function targetOf(of: TargetOf): (...args: unknown[]) => Promise<unknown> {
  const call = (...args: unknown[]) => enqueue(of, args);
  return Object.assign(call, { [kTarget]: of });
}

/** Enqueues a call; the promise carries the reference, for use as an argument at once. */
export function enqueue({ producer, name, options }: TargetOf, args: unknown[]): Promise<unknown> {
  try {
    const { id, ignoreResult } = options;
    const sent = producer.send({
      name,
      args,
      options: policyOf(options),
      ...(id === undefined ? {} : { id: typeof id === "string" ? id : idFrom(id, args) }),
    });
    if (ignoreResult) return sent.stored.then(() => undefined);
    const deferred = sent.stored.then((status) => new Deferred(producer, sent.ref, status));
    return Object.assign(deferred, { [kRef]: sent.ref });
  } catch (error) {
    return Promise.reject(error);
  }
}

function idFrom(id: unknown, args: unknown[]): string {
  return (id as (...args: unknown[]) => string)(...args);
}

/** One for all calls with the same options. */
const policies = new WeakMap<OneTaskOptions<never>, Partial<TaskPolicy>>();

function policyOf(options: OneTaskOptions<never>): Partial<TaskPolicy> {
  const known = policies.get(options);
  if (known !== undefined) return known;
  const { id: _id, ...rest } = options;
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  // Redis counts whole milliseconds.
  const whole = given.map(([key, value]) => [
    key,
    typeof value === "number" ? Math.ceil(value) : value,
  ]);
  if (options.ignoreResult) whole.push(["resultTimeout", 0]);
  const policy = Object.fromEntries(whole) as Partial<TaskPolicy>;
  policies.set(options, policy);
  return policy;
}
