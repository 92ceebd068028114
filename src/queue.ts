/** {@linkcode Queue}: tasks as paths, `q.shop.cart.total(…)`. */
import type { Deferred } from "./deferred.ts";
import { enqueue, kTarget, type Target, type TargetOf } from "./task.ts";
import type { SchemaTree, StandardSchema } from "./schema.ts";
import { PROBES, type TaskSpace } from "./task_space.ts";

/** What every queue can do besides calling tasks. These two names are not free at its root. */
export interface QueueMethods extends AsyncDisposable {
  /** Number of tasks that wait for a worker. Those that wait for their arguments do not count. */
  size(): Promise<number>;
  /**
   * Removes every task that no worker has taken and returns how many. Who waits for one of them
   * gets `TaskExpired` at once.
   */
  clear(): Promise<number>;
}

/** The tasks `T` under a dotted path. */
export type Nest<Path extends string, T> = Path extends "" ? T
  : Path extends `${infer Head}.${infer Rest}` ? { readonly [K in Head]: Nest<Rest, T> }
  : { readonly [K in Path]: T };

/** Names and functions of a space, or of a plain record. */
export type Contract<S> = S extends TaskSpace<infer N, infer T, infer D> ? Nest<N, Called<T, D>>
  : S;

/**
 * The tasks `T` as they are called. What a schema takes may differ from what it gives to the task,
 * as text does from the number in it: callers give what it takes.
 */
export type Called<T, D> = keyof D extends never ? T : {
  readonly [K in keyof T]: K extends keyof D
    ? D[K] extends { readonly args: StandardSchema<infer I extends unknown[], infer O> }
      ? [I, O] extends [O, I] ? T[K]
      : T[K] extends (...args: never[]) => infer R ? (...args: I) => R
      : never
    : T[K]
    : T[K];
};

/** All members of a union in one. */
export type Merge<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I
  : never;

/** What a task gives whose function returns `R`: one that returns a handle continues as that task. */
export type ResultOf<R> = Awaited<R> extends infer A ? A extends Deferred<infer T> ? T : A : never;

/** Functions as tasks on a queue. */
export type Remote<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer P) => infer R ? Target<P, ResultOf<R>>
    : Remote<T[K]>;
};

/** What `T` has at a dotted path. */
export type At<T, Path extends string> = Path extends "" ? T
  : Path extends `${infer Head}.${infer Rest}` ? Head extends keyof T ? At<T[Head], Rest> : never
  : Path extends keyof T ? T[Path]
  : never;

/** What a queue without a contract answers: any task, with any arguments. */
export interface AnyTasks {
  /** A task, or a space of tasks. */
  // deno-lint-ignore no-explicit-any -- nothing is known
  readonly [name: string]: any;
}

/**
 * The tasks of `S` as functions that enqueue, and the queue's own methods.
 *
 * `S` is the type of a `TaskSpace`, of a record of functions, or several of them joined by `|`.
 */
export type Queue<S = AnyTasks, Path extends string = ""> =
  & QueueMethods
  & (AnyTasks extends S ? AnyTasks : Remote<At<Merge<Contract<S>>, Path>>);

/** Schemas of the arguments of tasks on a queue, by their names. */
export type Schemas<T> = AnyTasks extends T ? SchemaTree : {
  readonly [K in keyof T]?: T[K] extends (...args: infer P) => unknown
    ? StandardSchema<P, unknown> | StandardSchema<unknown, P>
    : Schemas<T[K]>;
};

const INSPECT = [Symbol.for("Deno.customInspect"), Symbol.for("nodejs.util.inspect.custom")];

/** The queue behind a producer, at the path that is its name so far. */
export function queueOf(of: TargetOf, close: () => Promise<void>): unknown {
  const { producer } = of;
  const own = {
    size: () => producer.size(),
    clear: () => producer.taskQueue.clear(),
    [Symbol.asyncDispose]: close,
  };
  return pathOf(of, own);
}

// The only magic there is: a property is a longer path, a call enqueues. JavaScript asks for
// properties of whatever it is shown; those names are no tasks.
function pathOf(of: TargetOf, own: object | undefined): unknown {
  const deeper = new Map<string, unknown>();
  const show = () => `<Queue ${of.name === "" ? "" : `${of.name} `}[${of.producer.name}]>`;
  const target = Object.fromEntries(INSPECT.map((symbol) => [symbol, show]));
  return new Proxy(Object.assign(() => {}, target), {
    get(shown, key) {
      if (key === kTarget) return of;
      if (own !== undefined && Object.hasOwn(own, key)) return Reflect.get(own, key);
      if (typeof key === "symbol") return Reflect.get(shown, key);
      if (PROBES.has(key)) return undefined;
      const name = of.name === "" ? key : `${of.name}.${key}`;
      const path = deeper.get(key) ?? pathOf({ ...of, name }, undefined);
      deeper.set(key, path);
      return path;
    },
    has: () => false,
    apply(_, __, args) {
      if (of.name !== "") return enqueue(of, args);
      throw new TypeError("Cannot call the queue itself: name a task, as in q.tasks.add(…)");
    },
  });
}
