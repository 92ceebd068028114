/**
 * Schemas of other libraries, through [Standard Schema](https://standardschema.dev), version 1: an
 * interface that zod, valibot, arktype and others implement. worq needs this much of it.
 */
import { type ArgumentIssue, InvalidArguments } from "./errors.ts";

/**
 * A schema of any library that implements Standard Schema, such as zod, valibot or arktype: what it
 * takes, and what it makes of that. Of functions that check by themselves, an object with this
 * property is one, too.
 *
 * @example
 * ```ts
 * import type { StandardSchema } from "@worq/worq";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * const oneNumber: StandardSchema<unknown, [number]> = {
 *   "~standard": {
 *     version: 1,
 *     vendor: "mine",
 *     validate: (value) =>
 *       Array.isArray(value) && typeof value[0] === "number"
 *         ? { value: [value[0]] }
 *         : { issues: [{ message: "a number is missing", path: [0] }] },
 *   },
 * };
 * deepStrictEqual(oneNumber["~standard"].validate([1]), { value: [1] });
 * ```
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What the library offers to others. */
  readonly "~standard": {
    /** Of the interface. */
    readonly version: 1;
    /** Name of the library. */
    readonly vendor: string;
    /** Gives what the schema makes of the value, or what is wrong with it. */
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    /** For the compiler alone. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says about a value. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** What is wrong, and where. */
export interface SchemaIssue {
  /** What is wrong. */
  readonly message: string;
  /** The way to it from the whole value; the value itself when omitted. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** Whether `value` can validate; libraries have objects and functions that can. */
export function isSchema(value: unknown): value is StandardSchema {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  const standard = (value as Partial<StandardSchema>)["~standard"];
  return typeof standard?.validate === "function" && standard.version === 1;
}

/** Throws unless `value` is a schema. */
export function checkSchema(act: string, option: string, value: unknown): void {
  if (isSchema(value)) return;
  throw new TypeError(
    `Cannot ${act}: ${option} must be a schema with the property "~standard", version 1, as ` +
      "those of zod, valibot and arktype are",
  );
}

// Issues travel with the failure of a task, and their paths are made of what the caller sent.
const MAX_MESSAGE = 1_000;
const MAX_PATH = 50;
const MAX_KEY = 100;

/**
 * What `schema` makes of the arguments of `task`, at once unless the schema takes its time. Throws
 * `InvalidArguments` for those that do not fit.
 */
export function checkArguments(
  task: string,
  schema: StandardSchema,
  args: readonly unknown[],
): readonly unknown[] | Promise<readonly unknown[]> {
  const result = schema["~standard"].validate(args);
  return result instanceof Promise
    ? result.then((settled) => valuesOf(task, settled))
    : valuesOf(task, result);
}

function valuesOf(task: string, result: SchemaResult<unknown>): readonly unknown[] {
  // Lists of libraries can be classes of their own, and stay that when they are mapped.
  if (result.issues) throw new InvalidArguments(task, Array.from(result.issues, toIssue));
  if (Array.isArray(result.value)) return result.value;
  throw new TypeError(
    `Cannot call ${task}: the schema of its arguments must give a list, as one of a tuple does`,
  );
}

function toIssue({ message, path = [] }: SchemaIssue): ArgumentIssue {
  return {
    message: message.slice(0, MAX_MESSAGE),
    path: Array.from(path).slice(0, MAX_PATH).map(toKey),
  };
}

function toKey(part: PropertyKey | { readonly key: PropertyKey }): string | number {
  const key = typeof part === "object" ? part.key : part;
  return typeof key === "number" ? key : String(key).slice(0, MAX_KEY);
}

/** Schemas by names of tasks and spaces, as a tree. */
export interface SchemaTree {
  /** The schema of a task, or schemas of a space. */
  readonly [name: string]: StandardSchema<unknown, unknown> | SchemaTree | undefined;
}

/** The schemas of a tree by full names. Throws a `TypeError` for what is none. */
export function schemasByName(act: string, tree: SchemaTree): Map<string, StandardSchema> {
  const found = new Map<string, StandardSchema>();
  const walk = (path: string, value: unknown) => {
    if (value === undefined) return;
    if (isSchema(value)) found.set(path, value);
    else if (typeof value !== "object" || value === null || "~standard" in value) {
      checkSchema(act, `schemas.${path}`, value);
    } else walkAll(`${path}.`, value);
  };
  const walkAll = (prefix: string, values: object) => {
    for (const [key, value] of Object.entries(values)) walk(prefix + key, value);
  };
  if (typeof tree !== "object" || tree === null || isSchema(tree)) {
    throw new TypeError(`Cannot ${act}: schemas must be by name, as in { shop: { pay: schema } }`);
  }
  walkAll("", tree);
  return found;
}
