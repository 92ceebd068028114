/** The command that starts a worker process. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { ownRuntime, type Runtime, RUNTIMES } from "../runtime.ts";
import { denoArguments, type WorkerPermissions } from "./deno_flags.ts";
import { workerEntries } from "./worker_entries.ts";

/** What a worker process is to be. */
export interface WorkerSpec {
  /** URL of the user's module. */
  readonly module: string;
  /** What the worker may do; what this process may do when undefined. */
  readonly permissions: WorkerPermissions | undefined;
  /** What runs it; what runs this process when undefined. */
  readonly runtime: Runtime | undefined;
  /** More arguments for the runtime. */
  readonly runtimeArgs: readonly string[];
}

/** A program and its arguments. */
export interface WorkerCommand {
  readonly program: string;
  readonly args: readonly string[];
}

/** Throws a `TypeError` for what no worker could be held to. */
export function workerCommand(spec: WorkerSpec): WorkerCommand {
  const { module, permissions, runtimeArgs } = spec;
  const { self, process: entry } = workerEntries;
  const runtime = spec.runtime ?? ownRuntime;
  if (!RUNTIMES.includes(runtime)) {
    throw new TypeError(
      `Cannot make pool: runtime must be one of ${RUNTIMES.join(", ")}, received ${runtime}`,
    );
  }
  const itself = self !== undefined && spec.runtime === undefined;
  if (permissions !== undefined && (runtime !== "deno" || itself)) {
    throw new TypeError(
      'Cannot make pool: permissions need Deno, as in runtime: "deno"; other runtimes have none',
    );
  }
  if (itself) return { program: process.execPath, args: self(module) };
  const program = runtime === ownRuntime && self === undefined ? process.execPath : runtime;
  return {
    program,
    args: runtime === "deno"
      ? denoArguments({ entry: entry.href, module, permissions, runtimeArgs })
      : [...runtimeArgs, fileURLToPath(entry)],
  };
}
