/** How the command ends: exit codes, and failures that are told in one line. */
import { QueueUnavailable, TaskFailure, WorqError } from "../errors.ts";
import { oneLine } from "./one_line.ts";

/** Exit codes of the command. */
export const EXIT = {
  /** Done. */
  ok: 0,
  /** A task failed or expired, or what was asked for is not there. */
  failed: 1,
  /** The command line, a file or a value cannot be used as it is. */
  usage: 2,
  /** The queue's server cannot be reached, or refuses. */
  unavailable: 3,
  /** The time given with --timeout is up. */
  timeout: 4,
  /** Something is wrong with worq itself, or the pool cannot go on. */
  broken: 70,
  /** Ended by Ctrl-C. */
  interrupted: 130,
  /** Who read the output has closed it. */
  pipeClosed: 141,
  /** Ended by SIGTERM. */
  terminated: 143,
  /** Ended with its terminal, by SIGHUP. */
  hungUp: 129,
} as const;

/** A failure that its message tells, without a stack. */
export class CliError extends Error {
  /** None: the message says it all, also where a worker tells it to its pool. */
  override name = "";
  /** The process ends with this code. */
  readonly code: number;

  constructor(message: string, code: number = EXIT.usage) {
    super(message);
    this.code = code;
    this.stack = "";
  }
}

/** The line for whatever was thrown, and the exit code. */
export function describeThrown(thrown: unknown): { line: string; code: number } {
  if (thrown instanceof CliError) return { line: thrown.message, code: thrown.code };
  if (thrown instanceof TaskFailure) return { line: oneLine(thrown.message), code: EXIT.failed };
  if (thrown instanceof QueueUnavailable) {
    return { line: `${thrown.message}; another server: --url`, code: EXIT.unavailable };
  }
  if (thrown instanceof DOMException && thrown.name === "TimeoutError") {
    return { line: thrown.message, code: EXIT.timeout };
  }
  // What the library refuses begins with what it could not do.
  const refused = thrown instanceof WorqError ||
    (thrown instanceof Error && thrown.message.startsWith("Cannot "));
  if (refused) return { line: thrown.message, code: EXIT.usage };
  const text = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
  return { line: `this is a fault of worq, please report it: ${text}`, code: EXIT.broken };
}
