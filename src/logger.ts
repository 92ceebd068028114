/** {@linkcode Logger}: where pools tell what happens. */
import process from "node:process";

/** Facts about an event. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Takes one call for each event. `console` is one; so are the loggers of most libraries. */
export interface Logger {
  /** Steps of the normal course: workers that start and end as they should. */
  debug(event: string, fields: LogFields): void;
  /** What an operator wants to have read once: a process that is ready, or stops. */
  info(event: string, fields: LogFields): void;
  /** What went wrong and was put right: a worker that was replaced, a server that is away. */
  warn(event: string, fields: LogFields): void;
  /** What needs a person: a module that does not load. */
  error(event: string, fields: LogFields): void;
}

/** How much a logger tells. */
export type LogLevel = keyof Logger;

/** What `stderrLogger` can be told. */
export interface StderrLoggerOptions {
  /** The least important level that is written. @default {"info"} */
  level?: LogLevel;
}

const LEVELS = ["debug", "info", "warn", "error"] as const;

/**
 * A logger that writes one line per event to standard error, in the logfmt way: time, level, event,
 * then `key=value` pairs. Throws a `TypeError` for a level that it does not know.
 *
 * @example
 * ```ts
 * import { getBroker, InlineWorkerPool, stderrLogger } from "@worq/worq";
 *
 * await using broker = getBroker("memory://");
 * const logger = stderrLogger({ level: "warn" });
 * await using _pool = new InlineWorkerPool(broker, { logger }).start();
 * ```
 */
export function stderrLogger(options: StderrLoggerOptions = {}): Logger {
  const { level = "info" } = options;
  if (!LEVELS.includes(level)) {
    throw new TypeError(
      `Cannot make logger: level must be one of ${LEVELS.join(", ")}, received ${String(level)}`,
    );
  }
  const quiet = () => {};
  const at = (one: LogLevel) => LEVELS.indexOf(one) < LEVELS.indexOf(level) ? quiet : write(one);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function write(level: LogLevel) {
  const name = level.toUpperCase();
  return (event: string, fields: LogFields) => {
    const pairs = Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => ` ${key}=${quoted(value)}`);
    process.stderr.write(
      `${new Date().toISOString()} ${name} ${oneLine(event)}${pairs.join("")}\n`,
    );
  };
}

function oneLine(text: string): string {
  return text.replaceAll("\r", "\\r").replaceAll("\n", "\\n");
}

function quoted(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}
