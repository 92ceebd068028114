/** Calling one task: its options, and the same task with others. */
import { kRef, type TaskRef } from "./codec.ts";
import { Deferred } from "./deferred.ts";
import type { TaskContext } from "./context.ts";
import { type Backoff, DEFAULT_POLICY } from "./message.ts";
import type { Call, Producer, Stored, Use } from "./producer.ts";
import { checkRules } from "./retry.ts";
import { checkArguments, checkSchema, type StandardSchema } from "./schema.ts";
import type { Plan } from "./task_queue.ts";
import { checkCount, checkMilliseconds, checkWhole } from "./wait.ts";

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
  /**
   * How often the task runs again after it failed: threw, or took longer than the pool's
   * `taskTimeout`. A lost worker does not count, see `redeliveries`. Without it the task's
   * definition decides. @default {0}
   */
  retries?: number;
  /**
   * Pause before each retry: milliseconds, or how the pauses grow.
   * @default {{ delay: 1_000, factor: 2, max: 3_600_000, jitter: 0.5 }}
   */
  backoff?: number | Backoff;
  /**
   * Names of the errors after which it runs again: the error's own, or that of a class which it
   * extends. After any but `NonRetryable` when omitted. A task that takes too long has a
   * `TimeoutError`.
   */
  retryOn?: readonly string[];
  /**
   * 0 to 255: it runs before all tasks of its queue with a lower one that wait for a worker, and
   * after those with the same that came before it. @default {0}
   */
  priority?: number;
  /**
   * Milliseconds that the task can be redriven after it failed for good; 0 to keep nothing. A queue
   * keeps 10,000 such tasks at most. @default {604_800_000} (a week)
   */
  deadTimeout?: number;
}

/** How many tasks may wait, and with whom they share. */
export interface SharingOptions {
  /**
   * Most tasks that may be in the queue when one more is called: those that wait for a worker, for
   * results, or for their time. Callers that say nothing are not held up. @default {Infinity}
   */
  maxLength?: number;
  /**
   * What a call does when there are so many: `"reject"` rejects with `QueueFull`; `"wait"` tries
   * again until there is room, and resolves then. @default {"reject"}
   */
  whenFull?: "reject" | "wait";
}

/** When one task runs. */
export interface TimeOptions {
  /** Milliseconds from now before which the task does not run; with arguments to come, too. */
  delay?: number;
  /** When it may run: a `Date`, or milliseconds since 1970. With `delay`, the later one counts. */
  runAt?: Date | number;
  /**
   * When it is too late: a `Date`, or milliseconds since 1970. An attempt that has not started then
   * is none: the task ends, and who waits gets `TaskExpired`, or the failure of its last attempt.
   */
  expiresAt?: Date | number;
}

/** Options of one task, with its identity. */
export interface OneTaskOptions<P extends readonly unknown[] = never>
  extends TaskOptions, SharingOptions, TimeOptions {
  /**
   * Id of the task, or a function that makes it from the arguments as they were given. While the
   * queue knows a task with this id, another call throws `DuplicateTask`. 1 to 512 characters, no
   * control characters. Made up for each call when omitted.
   */
  id?: string | ((...args: Arguments<P>) => string);
  /**
   * What a call does whose `id` the queue knows already: `"fail"` rejects with `DuplicateTask`;
   * `"join"` gives a handle of that task, whether it waits, runs or is over, so that its result
   * serves all who ask for it; `"replace"` cancels that task, or forgets its result, and takes its
   * place, unless another task still takes its result, which is a `DuplicateTask`.
   * @default {"fail"}
   */
  onDuplicate?: "fail" | "join" | "replace";
  /**
   * Milliseconds: the first call runs; those that come within this time after it join it and do not
   * run. Calls of this task with the same `id` are meant, which does not become the id of the task,
   * or without one all of them.
   */
  throttle?: number;
  /**
   * Milliseconds: a call waits so long for another one. That one takes its place, with its own
   * arguments, and waits in turn; all of them get the result of the last. Calls of this task with
   * the same `id` are meant, which does not become the id of the task, or without one all of them.
   * Arguments cannot be handles.
   */
  debounce?: number;
  /**
   * Text, or a function that makes it from the arguments as they were given, such as the name of a
   * tenant: tasks with the same key share the broker's `limits.perKey`, and keys take turns, so that
   * one with many tasks does not keep the others waiting. 1 to 512 characters, no control
   * characters. Tasks without a key take turns with the keys as if they had one of their own.
   */
  key?: string | ((...args: Arguments<P>) => string);
  /**
   * Schema of the list of arguments, of any library that implements Standard Schema, which checks
   * each call: one that does not fit is not enqueued, and rejects with `InvalidArguments`. What the
   * schema makes of the arguments is dropped: they are sent as given. A call that takes a `Deferred`
   * is left to the worker. @default {the queue's schema for the task, where it has one}
   */
  args?: StandardSchema<NoInfer<P>, unknown> | StandardSchema<unknown, NoInfer<P>>;
}

/** What all tasks of a queue can get; whether a call gives a handle is up to `task()`. */
export type DefaultTaskOptions = Omit<TaskOptions, "ignoreResult"> & SharingOptions;

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

/** A call on its way to the queue, as hooks see it. */
export interface EnqueueCall {
  /** Full name of the task, such as `shop.pay`. */
  readonly name: string;
  /** Name of the queue. */
  readonly queue: string;
  /** Id of the task, chosen or made up. */
  readonly id: string;
  /**
   * Arguments as they were given, `Deferred`s included; the caller's schema has checked them. Assign
   * a list to change them: they are taken as they were at the call, whatever becomes of them.
   */
  args: readonly unknown[];
  /**
   * Options of the task, where they differ from worq's own defaults. Assign an object to change
   * them, but `ignoreResult`: what the call returns is settled.
   */
  options: Readonly<TaskOptions>;
  /** What travels with the task. Assign an object to change it. */
  context: TaskContext;
}

/** Has a call stored through hooks. */
export type Around = (call: EnqueueCall, store: () => Promise<Stored>) => Promise<Stored>;

/** The call that a target makes. */
export interface TargetOf {
  readonly producer: Producer;
  readonly name: string;
  readonly options: OneTaskOptions<never>;
  /** The schema of a task's arguments, by its full name. */
  readonly schemaOf?: (name: string) => StandardSchema | undefined;
  /** What the hooks of the queue do around a call that is made now. */
  readonly around: () => Around | undefined;
}

/** Where a queue's path keeps what it stands for. */
export const kTarget: unique symbol = Symbol("worq.target") as never;

// A hundred years: what is kept longer is not a result but data, and belongs elsewhere.
const LONGEST = 3_155_760_000_000;
const CHOICES = {
  onError: ["fail", "pass"],
  onDuplicate: ["fail", "join", "replace"],
  whenFull: ["reject", "wait"],
} as const;
/** Options that make sense for one task only. */
const SINGLE = [
  ...["id", "ignoreResult", "delay", "runAt", "expiresAt", "onDuplicate", "throttle", "debounce"],
  ...["key", "args"],
];
const OPTIONS: ReadonlySet<string> = new Set([
  ...SINGLE,
  ...["maxLength", "whenFull"],
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
  const own = options as OneTaskOptions<never>;
  checkOptions(`make task ${of.name}`, own);
  return targetOf({ ...of, options: { ...of.options, ...own } });
}

/** Throws for default options of a queue that cannot be. */
export function checkDefaults(options: DefaultTaskOptions): void {
  for (const key of SINGLE) {
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
  const { resultTimeout, heartbeatInterval, deadTimeout, delay, throttle, debounce } = options;
  const { redeliveries, priority, backoff, retryOn, runAt, expiresAt } = options;
  for (
    const [name, time] of Object.entries({
      ...{ resultTimeout, heartbeatInterval, deadTimeout, delay, throttle, debounce },
    })
  ) {
    checkMilliseconds(act, name, time);
    if (time !== undefined && time > LONGEST) {
      throw new RangeError(
        `Cannot ${act}: ${name} must be at most ${LONGEST} ms, received ${time}`,
      );
    }
  }
  if (heartbeatInterval === 0) {
    throw new RangeError(`Cannot ${act}: heartbeatInterval must not be 0`);
  }
  checkWhole(act, "redeliveries", redeliveries);
  checkWhole(act, "priority", priority, 255);
  checkTime(act, "runAt", runAt);
  checkTime(act, "expiresAt", expiresAt);
  if (typeof backoff === "function" || typeof retryOn === "function") {
    throw new TypeError(
      `Cannot ${act}: a function does not travel with a call; give it to the task's definition, ` +
        "the third argument of TaskSpace",
    );
  }
  checkRules(act, options);
  for (const [name, choices] of Object.entries(CHOICES)) {
    const choice: unknown = options[name as keyof typeof CHOICES];
    if (choice === undefined || choices.some((one) => one === choice)) continue;
    const texts = choices.map((one) => `"${one}"`).join(" or ");
    throw new TypeError(`Cannot ${act}: ${name} must be ${texts}, received "${choice}"`);
  }
  for (const name of ["id", "key"] as const) {
    const type = typeof options[name];
    if (["undefined", "string", "function"].includes(type)) continue;
    throw new TypeError(`Cannot ${act}: ${name} must be a string or a function, received ${type}`);
  }
  if (options.args !== undefined) checkSchema(act, "args", options.args);
  const { maxLength } = options;
  if (maxLength !== undefined && maxLength !== Infinity) checkCount(act, "maxLength", maxLength);
  checkTogether(act, options);
}

/** Throws for options that contradict each other, or that nothing would come of. */
function checkTogether(act: string, options: OneTaskOptions<never>): void {
  const { id, onDuplicate, throttle, debounce } = options;
  if (throttle !== undefined && debounce !== undefined) {
    throw new TypeError(`Cannot ${act}: throttle and debounce exclude each other`);
  }
  const window = throttle !== undefined || debounce !== undefined;
  if (onDuplicate !== undefined && (window || id === undefined)) {
    throw new TypeError(
      `Cannot ${act}: onDuplicate needs an id, and none that names a throttle or debounce`,
    );
  }
}

function checkTime(act: string, name: string, value: unknown): void {
  if (value === undefined) return;
  const time = value instanceof Date ? value.getTime() : value;
  if (typeof time === "number" && time >= 0 && time <= 8.64e15) return;
  throw new TypeError(
    `Cannot ${act}: ${name} must be a valid Date or milliseconds since 1970, received ${value}`,
  );
}

/** A callable that enqueues `of`. */
export function targetOf(of: TargetOf): (...args: unknown[]) => Promise<unknown> {
  const call = (...args: unknown[]) => enqueue(of, args);
  return Object.assign(call, { [kTarget]: of });
}

/** Enqueues a call; the promise carries the reference, for use as an argument at once. */
export function enqueue(of: TargetOf, args: unknown[]): Promise<unknown> {
  try {
    const { producer, name, options } = of;
    const call: Call = { name, args, ...settingsFor(name, options, args) };
    const schema = (options.args ?? of.schemaOf?.(name)) as StandardSchema | undefined;
    if (schema !== undefined) call.check = checkedBy(schema, call);
    const around = of.around();
    if (around !== undefined) call.around = hooked(of, around, call);
    if (options.ignoreResult) return producer.send(call, () => undefined).used;
    const { ref, used } = producer.send(call, toDeferred);
    // It carries the reference at once.
    (used as Promise<unknown> & { [kRef]?: TaskRef })[kRef] = ref;
    return used;
  } catch (error) {
    return Promise.reject(error);
  }
}

/**
 * Enqueues a call of a task of one parameter for each input. What all of them have in common is seen
 * to once, and they are stored as one, unless something is to be done for each: {@linkcode enqueue}.
 */
export function enqueueEach(target: unknown, inputs: readonly unknown[]): Promise<unknown[]> {
  const of = (target as { readonly [kTarget]?: TargetOf } | undefined)?.[kTarget];
  try {
    const together = of === undefined ? undefined : enqueueTogether(of, inputs);
    if (together !== undefined) return together;
  } catch (error) {
    return Promise.reject(error);
  }
  return Promise.all(inputs.map((input) => (target as (input: unknown) => unknown)(input)));
}

function enqueueTogether(
  { producer, name, options, around, schemaOf }: TargetOf,
  inputs: readonly unknown[],
): Promise<unknown[]> | undefined {
  const { id, key, ignoreResult, args = schemaOf?.(name) } = options as OneTaskOptions<never>;
  const settings = settingsOf(options);
  const isPlain = settings.plan === undefined && settings.patient === undefined;
  if (!isPlain || around() !== undefined || args !== undefined) return undefined;
  if (id !== undefined || key !== undefined || ignoreResult) return undefined;
  return producer.sendEach(name, inputs, settings.options, toDeferred);
}

const toDeferred: Use<unknown> = (producer, ref, stored) => new Deferred(producer, ref, stored);

function checkedBy(schema: StandardSchema, { name, args }: Call): () => unknown {
  return () => checkArguments(name, schema, args);
}

/** How the producer has a call stored through hooks, which may change it. */
function hooked(
  { producer, options }: TargetOf,
  around: Around,
  call: Call,
): NonNullable<Call["around"]> {
  const { name, args } = call;
  return (id, context, store) => {
    const shown = shownOf(options);
    const seen: EnqueueCall = { name, queue: producer.name, id, args, options: shown, context };
    return around(seen, () => {
      checkList(`call ${name}`, seen.args);
      if (seen.options === shown) return store({ ...call, args: seen.args, context: seen.context });
      checkChanged(`call ${name}`, options, seen.options);
      const changed = { ...seen.options, ...(options.id === undefined ? {} : { id: options.id }) };
      return store({ ...seen, ...settingsFor(name, changed, seen.args) });
    });
  };
}

/** One for all calls with the same options. */
const shown = new WeakMap<OneTaskOptions<never>, EnqueueCall["options"]>();

/** What hooks see of the options of a call. */
function shownOf(options: OneTaskOptions<never>): EnqueueCall["options"] {
  const known = shown.get(options);
  if (known !== undefined) return known;
  const { id: _id, args: _args, ...rest } = options;
  shown.set(options, Object.freeze(rest));
  return rest;
}

/** Throws unless `args` is a list. */
export function checkList(act: string, args: unknown): void {
  if (Array.isArray(args)) return;
  throw new TypeError(`Cannot ${act}: a hook made ${String(args)} of the list of arguments`);
}

function checkChanged(act: string, given: TaskOptions, changed: OneTaskOptions<never>): void {
  if (typeof changed !== "object" || changed === null) {
    throw new TypeError(`Cannot ${act}: options must be an object, received ${changed}`);
  }
  const fixed = ["id", "args"].find((key) => key in changed) ??
    (Boolean(given.ignoreResult) === Boolean(changed.ignoreResult) ? undefined : "ignoreResult");
  if (fixed !== undefined) {
    throw new TypeError(`Cannot ${act}: a hook cannot change option "${fixed}"`);
  }
  checkOptions(act, changed);
}

/** A text, or what a function makes of the arguments. */
function textOf(text: unknown, args: readonly unknown[]): string | undefined {
  if (typeof text !== "function") return text as string | undefined;
  return (text as (...args: readonly unknown[]) => string)(...args);
}

/** What options say to the queue and the workers. */
type Settings = Pick<Call, "options" | "plan" | "patient" | "id">;

/** What options say about a call with these arguments. */
function settingsFor(
  name: string,
  options: OneTaskOptions<never>,
  args: readonly unknown[],
): Settings {
  const settings = settingsOf(options);
  const { id, key } = options;
  if (id === undefined && key === undefined && settings.plan?.window === undefined) return settings;
  const { window, ...plan } = settings.plan ?? {};
  const chosen = textOf(id, args);
  const whole = {
    ...plan,
    ...(window && { window: { ...window, name: chosen ? `${name} ${chosen}` : name } }),
    ...(key !== undefined && { key: textOf(key, args)! }),
  };
  return {
    ...settings,
    ...(Object.keys(whole).length > 0 && { plan: whole }),
    ...(id !== undefined && window === undefined && { id: chosen ?? "" }),
  };
}

/** One for all calls with the same options. */
const settings = new WeakMap<OneTaskOptions<never>, Settings>();

/** What the options of a call are for the queue and the workers. */
export function settingsOf(options: OneTaskOptions<never>): Settings {
  const known = settings.get(options);
  if (known !== undefined) return known;
  const { id: _id, args: _args, key: _key, delay, runAt, maxLength, whenFull, ...others } = options;
  const { onDuplicate, throttle, debounce, ...rest } = others;
  const policy: Record<string, unknown> = whole(rest);
  if (options.ignoreResult) policy.resultTimeout = 0;
  if (typeof rest.backoff === "number") {
    const pause = Math.ceil(rest.backoff);
    policy.backoff = { delay: pause, factor: 1, max: pause, jitter: 0 };
  }
  const { priority, expiresAt } = rest;
  const time = Math.ceil(throttle ?? debounce ?? 0);
  const kind = throttle === undefined ? "debounce" : "throttle";
  const plan: Plan = whole({
    ...{ priority, delay, runAt, expiresAt },
    maxLength: maxLength === Infinity ? undefined : maxLength,
    onDuplicate: onDuplicate === "fail" ? undefined : onDuplicate,
    window: throttle === undefined && debounce === undefined ? undefined : { kind, time, name: "" },
  });
  const made = {
    options: policy,
    ...(Object.keys(plan).length > 0 && { plan }),
    ...(whenFull === "wait" && { patient: true }),
  };
  settings.set(options, made);
  return made;
}

/** Without what is undefined, times as numbers: Redis counts whole milliseconds. */
function whole(options: Record<string, unknown>): Record<string, unknown> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => {
    const number = value instanceof Date ? value.getTime() : value;
    return [key, typeof number === "number" ? Math.ceil(number) : number];
  }));
}
