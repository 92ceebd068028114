/** {@linkcode Hook}: code of the user's around calls, and around runs. */
import type { CurrentTask } from "./current_task.ts";
import type { Stored } from "./producer.ts";
import { type Around, checkList, type EnqueueCall } from "./task.ts";

/** What a call has become, for the hooks around it. */
export interface Enqueued {
  /** `pending`: it waits for its arguments. */
  readonly status: "enqueued" | "pending";
}

/** A task that is about to run, as hooks see it. */
export interface RunningTask extends CurrentTask {
  /** Arguments for the function, before its schema checks them. Assign a list to change them. */
  args: readonly unknown[];
}

/** What a task gave, for the hooks around it. */
export interface TaskResult {
  /** What the function returned. */
  readonly value: unknown;
}

/**
 * Code around each call of a task and around each run of one: for traces, figures, permissions,
 * resources. `getQueue`, `getBroker` and `Broker` take a list of them as `hooks`; the first is the
 * outermost.
 *
 * Either side returns what `next()` gives, or throws. Before `next()`, changes to the call or task
 * reach the hooks further in. `next()` can be called once.
 *
 * @example
 * ```ts
 * import { getBroker, type Hook, InlineWorkerPool } from "@worq/worq";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const seen: string[] = [];
 * const tracing: Hook = {
 *   enqueue(call, next) {
 *     call.context = { ...call.context, traceId: call.context.traceId ?? "4bf92f35" };
 *     return next();
 *   },
 *   async run(task, next) {
 *     const result = await next();
 *     seen.push(`${task.name} ${task.context.traceId}: ${result.value}`);
 *     return result;
 *   },
 * };
 *
 * const tasks = { double: (n: number) => 2 * n };
 * await using broker = getBroker("memory://hook", "default", { hooks: [tracing] }).expose(tasks);
 * await using _pool = new InlineWorkerPool(broker).start();
 *
 * const double = await broker.queue<typeof tasks>().double(21);
 * await double.result({ timeout: 5_000 });
 * deepStrictEqual(seen, ["double 4bf92f35: 42"]);
 * ```
 */
export interface Hook {
  /**
   * Around each call, where it is made. Until `next()` settles, the task is not stored; what is
   * thrown refuses the call, and its caller gets it.
   *
   * A hook that calls `next()` before its first `await` lets the call leave in its tick, with all
   * others of that tick. One that waits first makes this call, and those that take its result, leave
   * later.
   */
  enqueue?(call: EnqueueCall, next: () => Promise<Enqueued>): Promise<Enqueued>;
  /**
   * Around each run, where it runs, and once for each attempt: `currentTask()` is known. What is
   * thrown is the failure of the task. In place of `next()`'s result, `{ value }` is another one; a
   * hook that gives one without `next()` spares the run.
   *
   * `next()` checks the arguments by the task's schema, and runs the function.
   */
  run?(task: RunningTask, next: () => Promise<TaskResult>): Promise<TaskResult>;
}

/** Runs a task through hooks: `body` is the task. */
export type AroundRun = (
  task: RunningTask,
  body: (args: readonly unknown[]) => unknown,
) => Promise<unknown>;

/** Where one of worq's own hooks says whether it has anything to do now; all others always have. */
export const kAwake: unique symbol = Symbol("worq.awake") as never;

/** One side of a hook. */
type Side<Subject, Result> =
  & ((subject: Subject, next: () => Promise<Result>) => Promise<Result>)
  & { readonly [kAwake]?: () => boolean };

/** One layer of the onion, and its place in the list of hooks. */
interface Layer<Subject, Result> {
  readonly index: number;
  readonly around: Side<Subject, Result>;
  readonly isAwake: () => boolean;
}

/** Throws a `TypeError` for what is no list of hooks. */
export function checkHooks(act: string, hooks: unknown): asserts hooks is readonly Hook[] {
  if (!Array.isArray(hooks)) {
    throw new TypeError(`Cannot ${act}: hooks must be a list, received ${String(hooks)}`);
  }
  for (const [index, hook] of hooks.entries()) {
    const { enqueue, run } = (hook ?? {}) as Record<string, unknown>;
    const given = [enqueue, run].filter((side) => side !== undefined);
    if (given.length > 0 && given.every((side) => typeof side === "function")) continue;
    throw new TypeError(
      `Cannot ${act}: hooks[${index}] must have a function enqueue, run, or both`,
    );
  }
}

/** Asked at each call: what the hooks do around it, or undefined when they have nothing to do. */
export function aroundEnqueue(hooks: readonly Hook[]): () => Around | undefined {
  const layers = hooks.flatMap((hook, index) => layerOf(hook, index, hook.enqueue));
  const around: Around = async (call, store) => {
    let stored: Promise<Stored> | undefined;
    // Called at once: when no hook waits, the call leaves in this tick.
    await through(layers, "call", "status", call, async () => {
      stored = store();
      return { status: await stored };
    });
    if (stored !== undefined) return await stored;
    throw new TypeError(`Cannot call ${call.name}: a hook did not call next(); throw to refuse it`);
  };
  return () => layers.some(({ isAwake }) => isAwake()) ? around : undefined;
}

/** Asked at each run: what the hooks do around it, or undefined when they have nothing to do. */
export function aroundRun(hooks: readonly Hook[]): () => AroundRun | undefined {
  const layers = hooks.flatMap((hook, index) => layerOf(hook, index, hook.run));
  const around: AroundRun = (task, body) => {
    const core = async () => {
      checkList(`run ${task.name}`, task.args);
      return { value: await body(task.args) };
    };
    return through(layers, "run", "value", task, core).then(({ value }) => value);
  };
  return () => layers.some(({ isAwake }) => isAwake()) ? around : undefined;
}

function layerOf<Subject, Result>(
  hook: Hook,
  index: number,
  side: Side<Subject, Result> | undefined,
): Layer<Subject, Result>[] {
  if (side === undefined) return [];
  return [{ index, around: side.bind(hook), isAwake: side[kAwake] ?? (() => true) }];
}

/** `core` inside of all layers, the first outermost. Gives an object that has `key`. */
function through<Subject extends { readonly name: string }, Result extends object>(
  layers: readonly Layer<Subject, Result>[],
  act: "call" | "run",
  key: keyof Result,
  subject: Subject,
  core: () => Promise<Result>,
): Promise<Result> {
  // Not an async function: what a layer only passes on needs no promise of its own.
  const enter = (depth: number): Promise<Result> => {
    const layer = layers[depth];
    if (layer === undefined) return core();
    const refuse = (why: string) =>
      new TypeError(`Cannot ${act} ${subject.name}: hooks[${layer.index}] ${why}`);
    let inner: Promise<Result> | undefined;
    let open = true;
    const next = () => {
      const given = open
        ? enter(depth + 1)
        : Promise.reject(refuse("called next() twice, or after its end"));
      open = false;
      inner ??= given;
      // A hook may have failed by then, or given up.
      given.catch(() => {});
      return given;
    };
    const checked = async (given: Promise<unknown>) => {
      try {
        const result = await given;
        if (typeof result === "object" && result !== null && key in result) return result as Result;
        throw refuse("did not return what next() gives");
      } finally {
        open = false;
      }
    };
    try {
      const given = layer.around(subject, next);
      return given !== undefined && given === inner ? given : checked(given);
    } catch (error) {
      open = false;
      return Promise.reject(error);
    }
  };
  return enter(0);
}
