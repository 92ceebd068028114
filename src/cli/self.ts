/** What this program is: run from source, or a binary; with a module inside, or without. */
import process from "node:process";
import { workerEntries } from "../pools/worker_entries.ts";

/** First argument of a process that is a worker: this program, started again. */
export const WORKER = "__worker";

/** A binary, and what is in it. */
export interface Binary {
  /** URL of the module that was built into it. */
  readonly module?: string;
  /** The kit in one text: the parts of worq that other runtimes and builds need. */
  readonly kit: () => string;
}

/** Undefined when this program is run from its source. */
export let binary: Binary | undefined;

const beside = (name: string) =>
  new URL(`./${name}.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);

/** Has workers of this process begin as workers of the command. */
export function enterCommand(): void {
  workerEntries.thread = beside("thread_worker");
  workerEntries.process = beside("process_worker");
}

/** From now on, this program is `what`, and workers are this program, started again. */
export function enterBinary(what: Binary): void {
  binary = what;
  enterCommand();
  workerEntries.self = (module) => [WORKER, module];
}

/** Arguments that start this program again, before its own ones. */
export function selfArguments(): string[] {
  if (binary !== undefined) return [];
  const script = process.argv[1] ?? "";
  return "deno" in process.versions ? ["run", "-A", script] : [script];
}
