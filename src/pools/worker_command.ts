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

/** A program, its arguments, and what its environment has besides this process's. */
export interface WorkerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Which files beyond the first three a process finds open; Deno tells its children, others do not. */
const OPEN_FILES = { DENO_EXTRA_STDIO_FDS: "3,4" };

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
  if (runtime === "deno") {
    const args = denoArguments({ entry: entry.href, module, permissions, runtimeArgs });
    return { program, args, ...(ownRuntime === "deno" ? {} : { env: OPEN_FILES }) };
  }
  if (entry.protocol !== "file:") {
    throw new TypeError(`Cannot make pool: ${runtime} cannot begin with ${entry}; use Deno`);
  }
  return { program, args: [...runtimeArgs, fileURLToPath(entry)] };
}
