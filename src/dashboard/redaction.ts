/** {@linkcode Redaction}: values of tasks as text for eyes, without what is nobody's business. */
import { decode } from "../codec.ts";
import { decodeMessage, type Message } from "../message.ts";
import { plain } from "../plain.ts";

/**
 * What is not to be seen: patterns of keys, or a function that gives what to show for a value. Paths
 * are such as `args[0].card.number`, `result.token`, `context.tenant`.
 */
export type Redact = readonly RegExp[] | ((path: string, value: unknown) => unknown);

/** How much of a value is told. */
export interface Extent {
  /** Values in it, all levels together. */
  readonly values: number;
  /** Characters of each text. */
  readonly text: number;
}

/** For a line in a list. */
const LINE: Extent = { values: 100, text: 200 };
/** For a page about one task. */
const WHOLE: Extent = { values: 20_000, text: 100_000 };
/** Levels of a value that are told. */
const MAX_DEPTH = 100;

const HIDDEN = "•••";
const MORE = "…";
const KEYS = [/pass(word)?|secret|token|authorization|api[-_]?key|cookie/i];

/** Tells values, and hides what `redact` says. */
export class Redaction {
  readonly #redact: Redact;

  constructor(redact: Redact = KEYS) {
    this.#redact = redact;
  }

  /** In one short line. */
  line(name: string, value: unknown): string {
    return fit(JSON.stringify(this.#shown(name, value, LINE)) ?? "undefined", LINE.text);
  }

  /** In as many lines as it takes. */
  whole(name: string, value: unknown): string {
    return JSON.stringify(this.#shown(name, value, WHOLE), null, 2) ?? "undefined";
  }

  /** Texts by name, with those hidden that are to be. */
  texts(name: string, texts: Readonly<Record<string, string>>): unknown {
    return this.#shown(name, texts, WHOLE);
  }

  #shown(name: string, value: unknown, extent: Extent): unknown {
    return new Walk(extent, this.#redact).shown(name, name, value, 0);
  }
}

/** One value. */
class Walk {
  readonly #extent: Extent;
  readonly #redact: Redact;
  readonly #above = new Set<unknown>();
  #left: number;

  constructor(extent: Extent, redact: Redact) {
    this.#extent = extent;
    this.#redact = redact;
    this.#left = extent.values;
  }

  shown(path: string, key: string, given: unknown, depth: number): unknown {
    if (this.#left-- <= 0 || depth > MAX_DEPTH) return MORE;
    // A name of ours, such as args, is no key of the user's.
    if (depth > 0 && this.#hides(key)) return HIDDEN;
    const value = plain(key, this.#replaced(path, given));
    if (typeof value === "string") return fit(value, this.#extent.text);
    if (typeof value !== "object" || value === null || value instanceof Date) return value;
    if (this.#above.has(value)) return "(itself)";
    this.#above.add(value);
    const shown = Array.isArray(value)
      ? this.#list(path, value, depth)
      : this.#record(path, value as Record<string, unknown>, depth);
    this.#above.delete(value);
    return shown;
  }

  #list(path: string, list: readonly unknown[], depth: number): unknown[] {
    const [key] = list;
    // So are maps, and headers.
    const isPair = list.length === 2 && typeof key === "string" && this.#hides(key);
    if (isPair) return [key, HIDDEN];
    const shown: unknown[] = [];
    for (let i = 0; i < list.length && this.#left >= 0; i++) {
      shown.push(this.shown(`${path}[${i}]`, "", list[i], depth + 1));
    }
    return shown;
  }

  #record(path: string, record: Record<string, unknown>, depth: number): unknown {
    // Without a prototype, so that __proto__ is a key like any other.
    const shown: Record<string, unknown> = Object.create(null);
    for (const key in record) {
      if (this.#left < 0) break;
      shown[key] = this.shown(`${path}.${key}`, key, record[key], depth + 1);
    }
    return shown;
  }

  #hides(key: string): boolean {
    const redact = this.#redact;
    // Unlike test(), this does not go on where a pattern with the flag g ended last.
    return typeof redact !== "function" && redact.some((pattern) => key.search(pattern) >= 0);
  }

  #replaced(path: string, value: unknown): unknown {
    if (typeof this.#redact !== "function") return value;
    try {
      return this.#redact(path, value);
    } catch {
      return HIDDEN; // rather too little than too much
    }
  }
}

/** A message, with what is shown for the results that it takes; undefined when it is damaged. */
export function messageOf(text: string | undefined): Message | undefined {
  try {
    return text === undefined ? undefined : decodeMessage(text);
  } catch {
    return undefined;
  }
}

/** The arguments of a task, with the ids of the tasks whose results it takes. */
export function argumentsOf({ args, needs }: Message, ids: readonly string[]): unknown {
  const inputs = Array.from(
    { length: needs },
    (_, i) => ids[i] === undefined ? "(a result)" : `(the result of ${ids[i]})`,
  );
  try {
    return decode(args, inputs);
  } catch (error) {
    return `(${(error as Error).message})`;
  }
}

function fit(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1).toWellFormed()}${MORE}`;
}
