/** What the commands of this folder have in common. */
import process from "node:process";
import { endChildren } from "./child.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** A command that measures. */
export interface Command<Options> {
  readonly usage: string;
  /** The options, or undefined when only the usage is wanted. Throws for what cannot be. */
  parse(args: string[]): Options | undefined;
  /** Measures, reports, and gives an exit code; ends early with `signal`. */
  run(options: Options, signal: AbortSignal): Promise<number>;
}

/** Runs a command; its exit codes: 0 done, 1 something failed, 2 wrong usage. */
export async function runCommand<Options>(command: Command<Options>): Promise<void> {
  process.exitCode = await exitCodeOf(command);
}

async function exitCodeOf<Options>({ usage, parse, run }: Command<Options>): Promise<number> {
  let options: Options | undefined;
  try {
    options = parse(process.argv.slice(2));
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (options === undefined) {
    console.log(usage);
    return 0;
  }
  const wanted = options;
  try {
    return await unlessStopped((signal) => run(wanted, signal));
  } catch (error) {
    console.error(error);
    return 1;
  }
}

/** The value of an option that counts. Throws a `TypeError` for what does not. */
export function countFrom(name: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new TypeError(`--${name} must be a whole number, 1 or more, received "${text}"`);
}

/** The value of an option that lists some of `known`. Throws a `TypeError` for what is not there. */
export function listFrom<T extends string>(name: string, text: string, known: readonly T[]): T[] {
  return text.split(",").map((part) => {
    const found = known.find((one) => one === part);
    if (found !== undefined) return found;
    throw new TypeError(`--${name} must name some of ${known.join(", ")}, received "${part}"`);
  });
}

/** Has `work` end early, with its processes, when this process is told to stop. */
async function unlessStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = (name: string) => {
    stop.abort(new Error(`Stopped by ${name}`));
    endChildren();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
