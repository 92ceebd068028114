/** The inputs of `worq map`: arguments, or lines of a stream that may be longer than memory. */
import { CliError } from "./failure.ts";

/** How the text of an input becomes a value. */
export const FORMATS = ["text", "json"] as const;

/** One of {@linkcode FORMATS}. */
export type Format = typeof FORMATS[number];

/** What one task is to get. */
export interface Input {
  /** Its place, from 1; of a line, among all lines. */
  readonly number: number;
  /** How it was written. */
  readonly text: string;
  /** What the task gets. */
  readonly value: unknown;
  /** Why no task can get it. */
  readonly problem?: string;
}

/** Bytes of the longest line: no more fits into the arguments of a task. */
const LONGEST = 4_000_000;
const [NEWLINE, RETURN] = [10, 13];

/** Arguments as inputs. */
export function inputsOf(texts: readonly string[], format: Format): Input[] {
  return texts.map((text, index) => inputOf(index + 1, text, format));
}

/**
 * Lines as inputs, as many at a time as have come in. Empty lines are left out. A line that is no
 * UTF-8, too long or not in the format is an input with a problem; the others go on.
 */
export async function* readInputs(
  from: AsyncIterable<Uint8Array>,
  format: Format,
): AsyncGenerator<Input[], void, undefined> {
  const lines = new Lines(format);
  try {
    for await (const chunk of from) yield lines.split(chunk);
  } catch (error) {
    throw new CliError(`cannot read the inputs: ${(error as Error).message}`);
  }
  yield lines.end();
}

class Lines {
  readonly #format: Format;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** What is there of a line whose end is still to come. */
  #parts: Uint8Array[] = [];
  #size = 0;
  #number = 0;

  constructor(format: Format) {
    this.#format = format;
  }

  /** The lines that end in this part of the stream. */
  split(chunk: Uint8Array): Input[] {
    const inputs: Input[] = [];
    let start = 0;
    for (let end; (end = chunk.indexOf(NEWLINE, start)) >= 0; start = end + 1) {
      this.#add(chunk.subarray(start, end));
      inputs.push(...this.#take());
    }
    this.#add(chunk.subarray(start));
    return inputs;
  }

  /** The last line, when nothing ends it. */
  end(): Input[] {
    return this.#size === 0 ? [] : this.#take();
  }

  #add(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size <= LONGEST) this.#parts.push(part);
  }

  #take(): Input[] {
    const bytes = this.#parts.length === 1 ? this.#parts[0]! : joined(this.#parts);
    const tooLong = this.#size > LONGEST;
    this.#parts = [];
    this.#size = 0;
    const number = ++this.#number;
    if (tooLong) {
      return [{ number, text: "", value: "", problem: `longer than ${LONGEST} bytes` }];
    }
    const line = bytes.at(-1) === RETURN ? bytes.subarray(0, -1) : bytes;
    try {
      const decoded = this.#decoder.decode(line);
      const text = number === 1 ? decoded.replace(/^\uFEFF/, "") : decoded;
      return text === "" ? [] : [inputOf(number, text, this.#format)];
    } catch {
      const text = new TextDecoder().decode(line);
      return [{ number, text, value: text, problem: "not UTF-8" }];
    }
  }
}

function inputOf(number: number, text: string, format: Format): Input {
  if (format === "text") return { number, text, value: text };
  try {
    return { number, text, value: JSON.parse(text) };
  } catch (error) {
    return { number, text, value: text, problem: `not JSON: ${(error as Error).message}` };
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
