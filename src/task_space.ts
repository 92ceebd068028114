/** Tasks by name: what a user declares, and the table that a worker looks them up in. */
import { checkRules, type RetryRules } from "./retry.ts";
import { checkSchema, type StandardSchema } from "./schema.ts";

/** A function that can be a task: neither generic nor overloaded, or its type is lost. */
// deno-lint-ignore no-explicit-any -- only `any` lets a function with any parameters fit
export type TaskFunction = (...args: any[]) => unknown;

/** Functions by the name they get as tasks. */
export type TaskRecordOf = { readonly [name: string]: TaskFunction };

/** What is said about a task beside its function: `P` are its parameters, `R` is what it gives. */
// deno-lint-ignore no-explicit-any -- the definition of any task
export interface TaskDefinition<P extends readonly unknown[] = any, R = any> extends RetryRules {
  /**
   * Schema of the list of arguments, of any library that implements Standard Schema: a tuple. A
   * worker checks the arguments before the task runs, and the function gets what the schema makes of
   * them. Arguments that do not fit are a failure of the task, with `InvalidArguments` as cause.
   * Tasks that are called through `broker.queue()` are checked when they are called, too.
   * @default {no check}
   */
  readonly args?: StandardSchema<unknown, P>;
}

/** Definitions for some of the tasks `T`, by name. */
export type TaskDefinitions<T extends TaskRecordOf> = {
  readonly [K in keyof T]?: TaskDefinition<Parameters<T[K]>, Awaited<ReturnType<T[K]>>>;
};

/** Allows of `D` what a task of `T` is, and what an option is. */
export type NoOthers<D, T> = {
  readonly [K in keyof D]: K extends keyof T
    ? { readonly [O in keyof D[K]]: O extends keyof TaskDefinition ? unknown : never }
    : never;
};

/** What a definition can say. */
const DEFINABLE: ReadonlySet<string> = new Set(
  ["args", "retries", "backoff", "retryOn"] satisfies (keyof TaskDefinition)[],
);

/** Names at the root of a queue that are the queue's own. */
export const RESERVED: ReadonlySet<string> = new Set(["size", "clear"]);
/** Names that JavaScript itself asks for when it only looks at a value. */
export const PROBES: ReadonlySet<string> = new Set([
  "then",
  "toJSON",
  "toString",
  "valueOf",
  "constructor",
  "prototype",
]);
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/**
 * A named group of tasks, the unit that a broker exposes. Dots in the name nest.
 *
 * Its type is the contract: a producer that imports only `typeof tasks` gets every name, argument
 * and result checked, and loads none of the worker's code.
 *
 * Throws a `TypeError` for a name that is no identifier, or one that is reserved: `then`, `toJSON`,
 * `toString`, `valueOf`, `constructor` and `prototype` everywhere, `size` and `clear` in the space
 * without a name.
 *
 * @example
 * ```ts
 * import { TaskSpace } from "@worq/worq";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const cart = new TaskSpace("shop.cart", {
 *   total: (prices: number[]) => prices.reduce((sum, price) => sum + price, 0),
 * });
 * deepStrictEqual([...cart.names()], ["shop.cart.total"]);
 * ```
 */
export class TaskSpace<
  const N extends string,
  T extends TaskRecordOf,
  // deno-lint-ignore ban-types -- nothing is defined
  D extends TaskDefinitions<T> = {},
> {
  /** Name of the space; empty for the root of the queue. */
  readonly name: N;
  /** The functions, by their names inside the space. */
  readonly tasks: T;
  /** What is said about some of them, by the same names. */
  readonly definitions: D;

  /**
   * Groups `tasks` under `name`, such as `shop.cart`. `definitions` say more about some of them, as
   * in `{ total: { args: schema } }`.
   */
  constructor(name: N, tasks: T, definitions: D & NoOthers<D, T> = {} as D & NoOthers<D, T>) {
    if (name !== "") name.split(".").forEach((part) => checkName(part, `space "${name}"`));
    for (const [key, value] of Object.entries(tasks)) {
      checkName(key, `task "${key}" of space "${name}"`);
      if (name === "" && RESERVED.has(key)) {
        throw new TypeError(
          `Cannot define task "${key}" at the root: the name is reserved for the queue's own ` +
            `${key}(); give the space a name`,
        );
      }
      if (typeof value !== "function") {
        throw new TypeError(
          `Cannot define task "${key}" of space "${name}": expected a function, received ${value}`,
        );
      }
    }
    if (name !== "" && RESERVED.has(name.split(".")[0]!)) {
      throw new TypeError(`Cannot define space "${name}": the name is reserved at the root`);
    }
    checkDefinitions(name, tasks, definitions);
    this.name = name;
    this.tasks = tasks;
    this.definitions = definitions;
  }

  /** Full names of the tasks. */
  *names(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  /** Full names of the tasks with their functions, and their definitions where there are any. */
  *entries(): IterableIterator<[name: string, run: TaskFunction, definition?: TaskDefinition]> {
    const prefix = this.name === "" ? "" : `${this.name}.`;
    const definitions = new Map<string, TaskDefinition>(Object.entries(this.definitions));
    for (const [key, run] of Object.entries(this.tasks)) {
      const definition = definitions.get(key);
      yield definition === undefined ? [prefix + key, run] : [prefix + key, run, definition];
    }
  }
}

/** A task as a worker knows it. */
export interface KnownTask {
  readonly run: TaskFunction;
  readonly definition: TaskDefinition;
}

const UNDEFINED: TaskDefinition = {};

/** What a worker runs, by full name. A `Map`, so that no name from the wire finds `constructor`. */
export class TaskTable {
  readonly #tasks = new Map<string, KnownTask>();

  /** Adds all tasks or, when a name is taken and may not be replaced, none. */
  add(
    tasks: Iterable<[name: string, run: TaskFunction, definition?: TaskDefinition]>,
    replace: boolean,
  ): void {
    const entries = [...tasks];
    for (const [name] of entries) {
      if (!replace && this.#tasks.has(name)) {
        throw new TypeError(
          `Cannot expose task "${name}": a task with this name exists; ` +
            "pass { replace: true } to replace it",
        );
      }
    }
    for (const [name, run, definition = UNDEFINED] of entries) {
      this.#tasks.set(name, { run, definition });
    }
  }

  /** Full names, in the order in which they were added. */
  names(): string[] {
    return [...this.#tasks.keys()];
  }

  /** The task with this full name, and its definition, which may be empty. */
  get(name: string): KnownTask | undefined {
    return this.#tasks.get(name);
  }
}

/** Throws for definitions that cannot be. A misspelt name would be ignored in silence. */
function checkDefinitions(space: string, tasks: TaskRecordOf, definitions: unknown): void {
  if (!isRecord(definitions)) {
    throw new TypeError(
      `Cannot define space "${space}": expected definitions by the names of tasks, received ` +
        String(definitions),
    );
  }
  for (const [key, definition] of Object.entries(definitions)) {
    const act = `define task "${key}" of space "${space}"`;
    if (!Object.hasOwn(tasks, key)) {
      const names = Object.keys(tasks).join(", ");
      throw new TypeError(`Cannot ${act}: there is no such task among ${names}`);
    }
    if (definition === undefined) continue;
    if (!isRecord(definition)) {
      throw new TypeError(`Cannot ${act}: expected options, received ${String(definition)}`);
    }
    checkDefinition(act, definition);
  }
}

function checkDefinition(act: string, definition: TaskDefinition): void {
  const unknown = Object.keys(definition).find((option) => !DEFINABLE.has(option));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot ${act}: unknown option "${unknown}", expected one of ${[...DEFINABLE].join(", ")}`,
    );
  }
  if (definition.args !== undefined) checkSchema(act, "args", definition.args);
  checkRules(act, definition);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkName(name: string, what: string): void {
  if (PROBES.has(name)) {
    throw new TypeError(
      `Cannot define ${what}: the name "${name}" is reserved, JavaScript itself asks for it`,
    );
  }
  if (!IDENTIFIER.test(name)) {
    throw new TypeError(`Cannot define ${what}: "${name}" is not an identifier`);
  }
}
