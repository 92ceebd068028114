/**
 * Values to text and back.
 *
 * Plain values are JSON; everything else that is data (`Map`, `Set`, `Date`, `bigint`, `undefined`,
 * `NaN`, typed arrays, cycles, errors) is [devalue](https://github.com/sveltejs/devalue) text with
 * the letter `d` in front, which no JSON starts with. Functions and class instances are refused,
 * with the path to the offender. Both forms are one line without control characters.
 */
import { DevalueError, parse, stringify } from "devalue";
import { describeError, type ErrorData, rebuildError } from "./errors.ts";

/** Where a handle, or the promise of one, carries the task it stands for. */
export const kRef: unique symbol = Symbol.for("worq.ref") as never;

/** A task as another task's argument. */
export interface TaskRef {
  readonly id: string;
  readonly taskName: string;
  /** Address of the queue that the task is on. */
  readonly address: string;
  /** Tells this call from an earlier one with the same id, when the user chose the id. */
  readonly origin?: string;
}

/** Anything that carries a task reference. */
export interface HasRef {
  readonly [kRef]: TaskRef;
}

/** A handle in an argument, or the promise of one, which may carry the reference already. */
export type Handle = HasRef | Promise<unknown>;

/** Arguments as text, and the results that are still to come among them. */
export interface EncodedArguments {
  /** The arguments; the n-th distinct handle in them is placeholder n. */
  readonly text: string;
  /** What the placeholders stand for: handles, or promises of one. */
  readonly handles: readonly Handle[];
}

const DEVALUE = "d";
const NO_HANDLES: readonly Handle[] = [];
// JSON.stringify recurses, and so does the search for what is not plain.
const MAX_PLAIN_DEPTH = 500;
/** Objects among which a look is faster than a set. */
const FEW = 16;

/** Text for a call's arguments. Throws a `TypeError` or `RangeError` for what cannot travel. */
export function encodeArguments(
  act: string,
  args: readonly unknown[],
  maxPayload: number,
): EncodedArguments {
  if (isPlainValue(args)) {
    return { text: checkSize(act, JSON.stringify(args), maxPayload), handles: NO_HANDLES };
  }
  const handles: Handle[] = [];
  const numbers = new Map<unknown, number>();
  const text = viaDevalue(act, "arguments", args, (value) => {
    const ref = refOf(value);
    // Its rejection reaches the caller through this call, which waits for it.
    if (value instanceof Promise) value.catch(() => {});
    else if (ref === undefined) return undefined;
    const call = ref?.origin ?? ref?.id ?? value;
    const number = numbers.get(call) ?? handles.push(value as Handle) - 1;
    numbers.set(call, number);
    return [number];
  });
  return { text: checkSize(act, text, maxPayload), handles };
}

/** Text for a value without handles in it. Throws for what cannot travel. */
export function encodeValue(
  act: string,
  what: string,
  value: unknown,
  maxPayload: number,
): string {
  if (isPlainValue(value)) return checkSize(act, JSON.stringify(value), maxPayload);
  const text = viaDevalue(act, what, value, (inner) => {
    const ref = refOf(inner);
    if (ref === undefined) return undefined;
    throw new TypeError(
      `Cannot ${act}: ${what} contains a Deferred (${ref.taskName} ${ref.id}), which only ` +
        "arguments may; return the Deferred itself, or wait for its result and return that",
    );
  });
  return checkSize(act, text, maxPayload);
}

/** The value behind `text`; `inputs` fill its placeholders. Throws a `SyntaxError` for other text. */
export function decode(text: string, inputs: readonly unknown[] = []): unknown {
  try {
    if (text[0] !== DEVALUE) return JSON.parse(text);
    return parse(text.slice(1), {
      Error: (data: ErrorData) => rebuildError(data),
      Ref: ([index]: [number]) => {
        if (!(index in inputs)) throw new SyntaxError(`argument ${index} is missing`);
        return inputs[index];
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SyntaxError(`Cannot decode "${excerpt(text)}": ${reason}`);
  }
}

/** The reference that a handle or a promise of one carries. */
export function refOf(value: unknown): TaskRef | undefined {
  if (value === null || typeof value !== "object") return undefined;
  return (value as Partial<HasRef>)[kRef];
}

/** Start of a text, short enough for an error message. */
export function excerpt(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

function viaDevalue(
  act: string,
  what: string,
  value: unknown,
  placeholder: (value: unknown) => [number] | undefined,
): string {
  try {
    return DEVALUE + stringify(value, {
      Ref: placeholder,
      Error: (inner) => inner instanceof Error && describeError(inner),
    });
  } catch (error) {
    if (error instanceof DevalueError) {
      throw new TypeError(`Cannot ${act}: ${what}${error.path} ${unfit(error.value)}`);
    }
    if (error instanceof RangeError) {
      throw new TypeError(`Cannot ${act}: ${what} nest too deeply to be stored`);
    }
    throw error;
  }
}

function unfit(value: unknown): string {
  if (typeof value === "function") return "is a function; functions do not survive the queue";
  if (typeof value === "symbol") return "is a symbol; symbols do not survive the queue";
  const type = (value as object | undefined)?.constructor?.name;
  return `is ${type === undefined || type === "Object" ? "not plain data" : `a ${type}`}; ` +
    "only plain data survives the queue";
}

function checkSize(act: string, text: string, maxPayload: number): string {
  // A UTF-16 unit takes 1 to 3 bytes, so most texts are settled without counting.
  if (text.length * 3 <= maxPayload) return text;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= maxPayload) return text;
  throw new RangeError(
    `Cannot ${act}: ${bytes} bytes are over the limit of ${maxPayload} (option maxPayload); ` +
      "store the data elsewhere and pass where it is",
  );
}

/** Objects that were met. Most values have few, and a set is dear. */
class Seen {
  readonly #few: (object | undefined)[] = new Array(FEW).fill(undefined);
  #count = 0;
  #many: Set<object | undefined> | undefined;

  /** Whether it was met before. From now on it was. */
  meet(object: object): boolean {
    if (this.#many === undefined) {
      for (let i = 0; i < this.#count; i++) if (this.#few[i] === object) return true;
      this.#few[this.#count++] = object;
      if (this.#count === FEW) this.#many = new Set(this.#few);
      return false;
    }
    const { size } = this.#many;
    return this.#many.add(object).size === size;
  }

  /** Forgets all. */
  clear(): void {
    this.#few.fill(undefined, 0, this.#count);
    this.#count = 0;
    this.#many = undefined;
  }
}

/** For the next look; none while one is under way, since a getter may well call a task. */
let spare: Seen | undefined;

/** Whether JSON gives back exactly this value. */
function isPlainValue(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return isPlain(value);
  const seen = spare ?? new Seen();
  spare = undefined;
  const plain = isPlainObject(value, seen, 1);
  seen.clear();
  spare = seen;
  return plain;
}

function isPlain(value: unknown, seen?: Seen, depth = 0): boolean {
  switch (typeof value) {
    case "string":
    case "boolean":
      return true;
    case "number":
      return Number.isFinite(value) && !Object.is(value, -0);
    case "object":
      return value === null || isPlainObject(value, seen ?? new Seen(), depth + 1);
    default:
      return false;
  }
}

function isPlainObject(object: object, seen: Seen, depth: number): boolean {
  // What is met twice is a cycle, or shared: JSON would give back copies.
  if (depth > MAX_PLAIN_DEPTH || seen.meet(object)) return false;
  return Array.isArray(object)
    ? isPlainArray(object, seen, depth)
    : isPlainRecord(object, seen, depth);
}

function isPlainArray(array: readonly unknown[], seen: Seen, depth: number): boolean {
  if (Object.getPrototypeOf(array) !== Array.prototype) return false;
  for (let i = 0; i < array.length; i++) {
    // A hole reads as undefined, which is not plain either.
    if (!isPlain(array[i], seen, depth)) return false;
  }
  return true;
}

function isPlainRecord(object: object, seen: Seen, depth: number): boolean {
  if (Object.getPrototypeOf(object) !== Object.prototype) return false;
  if ("toJSON" in object || Object.getOwnPropertySymbols(object).length > 0) return false;
  for (const key in object) {
    if (!isPlain((object as Record<string, unknown>)[key], seen, depth)) return false;
  }
  return true;
}
