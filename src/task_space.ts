/** Tasks by name: what a user declares, and the table that a worker looks them up in. */

/** A function that can be a task: neither generic nor overloaded, or its type is lost. */
// deno-lint-ignore no-explicit-any -- only `any` lets a function with any parameters fit
export type TaskFunction = (...args: any[]) => unknown;

/** Functions by the name they get as tasks. */
export type TaskRecordOf = { readonly [name: string]: TaskFunction };

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
export class TaskSpace<const N extends string, T extends TaskRecordOf> {
  /** Name of the space; empty for the root of the queue. */
  readonly name: N;
  /** The functions, by their names inside the space. */
  readonly tasks: T;

  /** Groups `tasks` under `name`, such as `shop.cart`. */
  constructor(name: N, tasks: T) {
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
    this.name = name;
    this.tasks = tasks;
  }

  /** Full names of the tasks. */
  *names(): IterableIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  /** Full names of the tasks with their functions. */
  *entries(): IterableIterator<[name: string, run: TaskFunction]> {
    const prefix = this.name === "" ? "" : `${this.name}.`;
    for (const [key, run] of Object.entries(this.tasks)) yield [prefix + key, run];
  }
}

/** What a worker runs, by full name. A `Map`, so that no name from the wire finds `constructor`. */
export class TaskTable {
  readonly #tasks = new Map<string, TaskFunction>();

  /** Adds all tasks or, when a name is taken and may not be replaced, none. */
  add(tasks: Iterable<[name: string, run: TaskFunction]>, replace: boolean): void {
    const entries = [...tasks];
    for (const [name] of entries) {
      if (!replace && this.#tasks.has(name)) {
        throw new TypeError(
          `Cannot expose task "${name}": a task with this name exists; ` +
            "pass { replace: true } to replace it",
        );
      }
    }
    for (const [name, run] of entries) this.#tasks.set(name, run);
  }

  /** Full names, in the order in which they were added. */
  names(): string[] {
    return [...this.#tasks.keys()];
  }

  /** The task with this full name. */
  get(name: string): TaskFunction | undefined {
    return this.#tasks.get(name);
  }
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
