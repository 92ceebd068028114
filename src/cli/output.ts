/** What the command writes: results to standard output, everything else to standard error. */
import process from "node:process";
import { styleText } from "node:util";
import { plain } from "../plain.ts";
import { CliError, EXIT } from "./failure.ts";

type Format = Parameters<typeof styleText>[0];

let pipeClosed = false;
let opened = false;

/** Standard output. Opened when it is needed: on Bun that takes 20 ms, which a pool need not pay. */
export function output(): typeof process.stdout {
  if (!opened) {
    opened = true;
    process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
      if (code === "EPIPE") pipeClosed = true; // who wrote hears of the others
    });
  }
  return process.stdout;
}

/** Writes to standard output; resolves when there is room for more. Throws a `CliError`. */
export async function write(text: string): Promise<void> {
  if (pipeClosed) throw new CliError("", EXIT.pipeClosed);
  try {
    await new Promise<void>((resolve, reject) => {
      output().write(text, (error) => error ? reject(error) : resolve());
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EPIPE") throw new CliError("", EXIT.pipeClosed);
    throw new CliError(`cannot write the output: ${message}`, EXIT.failed);
  }
}

/** Writes a line to standard output. */
export function writeLine(line: string): Promise<void> {
  return write(`${line}\n`);
}

/** Writes a line to standard error. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Text in colour, where it goes to a terminal and the user did not say no. */
export function styled(
  format: Format,
  text: string,
  stream: { isTTY?: boolean } = output(),
): string {
  const { NO_COLOR, TERM } = process.env;
  if (!stream.isTTY || NO_COLOR || TERM === "dumb") return text;
  return styleText(format, text, { validateStream: false });
}

/**
 * Any result of a task as JSON: what JSON has no word for becomes what is nearest to it. Throws a
 * `CliError` for a value that contains itself.
 */
export function toJson(value: unknown): string {
  try {
    return JSON.stringify(value, plain) ?? "null";
  } catch {
    throw new CliError(
      "cannot write the result as JSON: it contains itself; have the task return what is needed of it",
      EXIT.failed,
    );
  }
}
