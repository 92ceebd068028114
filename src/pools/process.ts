/**
 * {@linkcode ProcessWorkerPool}: runs tasks in processes of their own.
 *
 * Each of these loads this file, too, and has no use for what it takes to start a process: on Bun
 * that is 5 ms, and reading lines 12 more. So a pool loads it.
 */
import type { ChildProcess } from "node:child_process";
import process from "node:process";
import type { Readable } from "node:stream";
import type { Broker } from "../broker.ts";
import type { Runtime } from "../runtime.ts";
import { waitUntil } from "../wait.ts";
import { mayUseFiles, type WorkerPermissions } from "./deno_flags.ts";
import { moduleUrl, ModuleWorkerPool, type ModuleWorkerPoolOptions } from "./module_pool.ts";
import { ShelfFile } from "./shelf.ts";
import { type WorkerCommand, workerCommand } from "./worker_command.ts";
import type { Launch, WorkerEvents, WorkerHandle } from "./worker_handle.ts";

/** What a `ProcessWorkerPool` can be told. */
export interface ProcessWorkerPoolOptions extends ModuleWorkerPoolOptions {
  /**
   * What workers may do: only for workers on Deno, where they are started with exactly these flags.
   * A task that goes further fails with an error that names the permission. Workers may do what
   * this process may when omitted.
   */
  permissions?: WorkerPermissions;
  /** Begin each line that a worker writes with `[pool:worker]`. @default {false} */
  prefixOutput?: boolean;
  /**
   * Hears of each line that a worker writes to its standard output or error. Without it, they
   * appear where this process writes.
   */
  onOutput?: (line: string) => void;
  /**
   * What runs the workers: a program of that name on the PATH. Its own configuration of the module
   * holds (`deno.json`, `package.json`). @default {the runtime of this process}
   */
  runtime?: Runtime;
  /** More arguments for the runtime, such as `--v8-flags=--max-old-space-size=512`. @default {[]} */
  runtimeArgs?: readonly string[];
}

/** Characters of what a worker wrote to standard error that go into the reason of its end. */
const TAIL = 2_000;
/** Milliseconds that the rest of a dead worker's words may take; a child of its may hold the pipe. */
const LAST_WORDS = 200;

/**
 * Runs tasks in processes, `workers` of them. Whatever a task does to its process, the pool notices
 * at once, gives the tasks that were lost with it to another worker (or tells who waits for them
 * how it ended), and starts a new one. A process can be killed in the middle of a computation, so
 * `taskTimeout` holds for every task.
 *
 * What tasks write to standard output and error appears where this process writes. When this
 * process dies, even by `kill -9`, so do the workers.
 *
 * @example
 * ```ts
 * import { getBroker, getQueue, ProcessWorkerPool } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 * import type { tasks } from "../../examples/tasks.ts";
 *
 * await using broker = getBroker("memory://");
 * const module = "examples/tasks.ts"; // exports init(url), which returns a broker
 * await using _pool = new ProcessWorkerPool(broker, { module, workers: 2 }).start();
 *
 * await using q = getQueue<typeof tasks>("memory://");
 * const sum = await q.tasks.add([q.tasks.num("1"), q.tasks.num("2")]);
 * strictEqual(await sum.result({ timeout: 30_000 }), 3);
 * ```
 */
export class ProcessWorkerPool extends ModuleWorkerPool {
  /**
   * A pool for the tasks of one broker or several. With several, it takes from the first queue as
   * long as that has tasks, then from the next. The brokers stay open when the pool stops, and need
   * not know any tasks: the workers' own do.
   *
   * Throws a `TypeError` or `RangeError` for options that cannot be, among them `permissions` where
   * nothing could hold a worker to them.
   */
  constructor(broker: Broker | readonly Broker[], options: ProcessWorkerPoolOptions) {
    const { permissions, runtime, runtimeArgs = [] } = options;
    const module = moduleUrl(options.module);
    const command = workerCommand({ module, permissions, runtime, runtimeArgs });
    super(broker, options, {
      kind: "processes",
      launch: launcher(command, options),
      canKill: true,
    });
  }
}

function launcher(
  { program, args, env }: WorkerCommand,
  { prefixOutput = false, onOutput }: ProcessWorkerPoolOptions,
): Launch {
  const whole = prefixOutput || onOutput !== undefined;
  const { spawn } = process.getBuiltinModule("node:child_process");
  return (title, events) => {
    const shelf = mayUseFiles() ? ShelfFile.open() : undefined;
    const child = spawn(program, args, {
      ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
      // Frames come on 3: cheaper than messages, and sent when the call that writes them returns.
      stdio: [
        ...["ignore", whole ? "pipe" : "inherit", "pipe", "pipe"] as const,
        ...[shelf?.fd ?? "ignore", "ipc"] as const,
      ],
    });
    const prefix = prefixOutput ? `[${title}] ` : "";
    for (const name of ["stdout", "stderr"] as const) {
      const from = child[name];
      if (!from) continue; // it could not be started, or writes where this process does
      const hear = onOutput ?? ((line) => process[name].write(`${line}\n`));
      if (whole) linesOf(from).on("line", (line) => hear(prefix + line));
      else from.on("data", (data) => process[name].write(data));
    }
    return new ProcessHandle(child, shelf, events);
  };
}

function linesOf(input: Readable) {
  return process.getBuiltinModule("node:readline").createInterface({ input });
}

class ProcessHandle implements WorkerHandle {
  readonly keepsFrames = true;
  readonly #child: ChildProcess;
  readonly #shelf: ShelfFile | undefined;
  readonly #events: WorkerEvents;
  #tail = "";
  #ended = false;

  constructor(child: ChildProcess, shelf: ShelfFile | undefined, events: WorkerEvents) {
    this.#child = child;
    this.#shelf = shelf;
    this.#events = events;
    child.on("error", (error) => this.#failed(error));
    if (child.pid === undefined) return; // it has no pipes; why it is not there is on its way
    child.stderr!.on("data", (data) => this.#tail = (this.#tail + data).slice(-TAIL));
    const frames = child.stdio[3] as Readable;
    onLine(frames, (line) => events.frames(parsed(line)));
    const exited = new Promise<true>((resolve) => child.once("exit", () => resolve(true)));
    const [gone, quiet] = [frames, child.stderr!].map((stream) =>
      new Promise<void>((resolve) => stream.once("close", () => resolve()))
    );
    child.once("exit", async (code, signal) => {
      if (child.connected) child.disconnect();
      // What it said last may still be on its way.
      await waitUntil(Promise.all([gone, quiet]), { timeout: LAST_WORDS });
      this.#end(signal === null ? `exited with code ${code}` : `was killed by ${signal}`);
    });
    // Without its way to the pool it is of no use to anyone; but most often, it just ends.
    gone!.then(async () => await waitUntil(exited, { timeout: LAST_WORDS }) ?? this.kill());
    events.pid(child.pid);
    if (shelf !== undefined) this.post(["shelf"]);
  }

  post(frame: Parameters<WorkerHandle["post"]>[0]): void {
    // It may be gone already: then its end is on its way, and what it had is given to another one.
    if (this.#child.connected) this.#child.send(frame, () => {});
  }

  shelf(): Uint8Array | undefined {
    return this.#shelf?.read();
  }

  kill(): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    // Not child.kill(), with which Deno would report any later end as this one.
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has just ended.
    }
  }

  #failed(error: Error): void {
    if (this.#child.pid === undefined) this.#end(`could not be started: ${error.message}`);
    else this.kill();
  }

  #end(how: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const said = this.#tail.trim();
    this.#events.ended({ how: said === "" ? how : `${how}; the last it wrote: ${said}` });
    this.#shelf?.close();
  }
}

/** Hears of each line that is whole. */
function onLine(from: Readable, hear: (line: string) => void): void {
  let rest = "";
  from.setEncoding("utf8");
  from.on("data", (text: string) => {
    rest += text;
    if (!text.includes("\n")) return;
    const lines = rest.split("\n");
    rest = lines.pop()!;
    lines.forEach(hear);
  });
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
