/** Many tasks at once: {@linkcode map}, {@linkcode all} and {@linkcode asCompleted}. */
import { Deferred, resultsOf } from "./deferred.ts";
import { type Argument, enqueueEach, type Target } from "./task.ts";
import type { WaitOptions } from "./wait.ts";

/** A handle, or the promise of one that a call gives. */
export type Handle<T> = Deferred<T> | Promise<Deferred<T>>;

/**
 * Calls a task of one parameter for each input, in one batch, and gives the handles in the order
 * of the inputs. Rejects as a single call does; the other calls are stored nonetheless.
 *
 * @example
 * ```ts
 * import { all, getBroker, getQueue, InlineWorkerPool, map } from "@worq/worq";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const tasks = { square: (x: number) => x * x };
 * await using broker = getBroker("memory://").expose(tasks);
 * await using _pool = new InlineWorkerPool(broker).start();
 * await using q = getQueue<typeof tasks>("memory://");
 *
 * const squares = await map(q.square, [1, 2, 3]);
 * deepStrictEqual(await all(squares, { timeout: 5_000 }), [1, 4, 9]);
 * ```
 */
export function map<T, R>(
  target: Target<[T], R>,
  inputs: Iterable<Argument<T>>,
): Promise<Deferred<R>[]> {
  return enqueueEach(target, [...inputs]) as Promise<Deferred<R>[]>;
}

/**
 * Waits for all results and gives their values, in the order of the handles. Throws what the first
 * failed one throws, without waiting for the rest; `timeout` counts for all together.
 */
export function all<const T extends readonly unknown[]>(
  handles: { readonly [I in keyof T]: Handle<T[I]> },
  options?: WaitOptions,
): Promise<{ -readonly [I in keyof T]: T[I] }>;
/** Waits for all results and gives their values, in the order of the handles. */
export function all<T>(handles: Iterable<Handle<T>>, options?: WaitOptions): Promise<T[]>;
export async function all<T>(
  handles: Iterable<Handle<T>>,
  options: WaitOptions = {},
): Promise<T[]> {
  const list = [...handles];
  const together = list.every((handle) => handle instanceof Deferred)
    ? resultsOf(list, options) as Promise<T[]> | undefined
    : undefined;
  return await (together ??
    Promise.all(
      list.map((handle) =>
        handle instanceof Deferred
          ? handle.result(options)
          : handle.then((deferred) => deferred.result(options))
      ),
    ));
}

/**
 * Gives the handles in the order in which their tasks end, whether well or not; `value` then gives
 * the result or throws. Throws a `DOMException` named `TimeoutError` when the time, which counts
 * from the first step, is up before all have ended.
 *
 * @example
 * ```ts
 * import { asCompleted, getBroker, getQueue, InlineWorkerPool, map } from "@worq/worq";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const tasks = { square: (x: number) => x * x };
 * await using broker = getBroker("memory://").expose(tasks);
 * await using _pool = new InlineWorkerPool(broker).start();
 * await using q = getQueue<typeof tasks>("memory://");
 *
 * const seen: number[] = [];
 * for await (const square of asCompleted(await map(q.square, [1, 2, 3]), { timeout: 5_000 })) {
 *   seen.push(square.value);
 * }
 * deepStrictEqual(seen.sort(), [1, 4, 9]);
 * ```
 */
export async function* asCompleted<T>(
  handles: Iterable<Handle<T>>,
  options: WaitOptions = {},
): AsyncGenerator<Deferred<T>, void, undefined> {
  const stop = new AbortController();
  const signal = options.signal === undefined
    ? stop.signal
    : AbortSignal.any([stop.signal, options.signal]);
  const ends: (() => Deferred<T>)[] = [];
  let news = Promise.withResolvers<void>();
  const tell = (end: () => Deferred<T>) => {
    ends.push(end);
    news.resolve();
  };
  const watched = Array.from(handles, (handle) =>
    ended(handle, { ...options, signal }).then(
      (deferred) => tell(() => deferred),
      (error) =>
        tell(() => {
          throw error;
        }),
    ));
  try {
    for (let open = watched.length; open > 0; open--) {
      while (ends.length === 0) {
        await news.promise;
        news = Promise.withResolvers();
      }
      yield ends.shift()!();
    }
  } finally {
    stop.abort();
  }
}

async function ended<T>(handle: Handle<T>, options: WaitOptions): Promise<Deferred<T>> {
  const deferred = await handle;
  if (await deferred.wait(options)) return deferred;
  throw new DOMException(
    `Cannot wait for ${deferred}: it is not over after ${options.timeout} ms`,
    "TimeoutError",
  );
}
