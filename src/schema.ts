/**
 * Schemas of other libraries, through [Standard Schema](https://standardschema.dev), version 1: an
 * interface that zod, valibot, arktype and others implement. worq needs this much of it.
 */

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
