/** The pool of a command: its options, and what they make. */
import { Option } from "commander";
import {
  type Broker,
  type Logger,
  ModuleWorkerPool,
  type ModuleWorkerPoolOptions,
  ProcessWorkerPool,
  type Runtime,
  ThreadWorkerPool,
  type Waiting,
  type WorkerPermissions,
  WorkerPool,
  type WorkerPoolOptions,
} from "../../mod.ts";
import { InlineCrew } from "../pools/inline.ts";
import { workerEntries } from "../pools/worker_entries.ts";
import { describeUnfit } from "../pools/worker_main.ts";
import { isDeno, RUNTIMES } from "../runtime.ts";
import { CliError } from "./failure.ts";
import { unpackKit, urlIn } from "./kit.ts";
import { choice, setting } from "./options.ts";
import { oneLine } from "./one_line.ts";
import { PERMISSIONS } from "./permissions.ts";
import { binary } from "./self.ts";
import { findProgram } from "./tools.ts";
import { loadModule } from "./user_module.ts";
import { bytes, count, duration, list, permission, workerCount } from "./values.ts";

const POOLS = ["processes", "threads", "inline"] as const;
type PoolKind = typeof POOLS[number];

/** What the options of a pool give. */
export interface PoolSettings {
  pool: PoolKind;
  processes?: boolean;
  threads?: boolean;
  inline?: boolean;
  workers?: number;
  concurrency?: number;
  init?: string;
  runtime?: Runtime;
  runtimeArgs?: string[];
  maxWorkerTasks?: number;
  maxWorkerMemory?: number;
  waiting?: Waiting;
  taskTimeout?: number;
  startTimeout?: number;
  grace?: number;
  weights?: number[];
  name?: string;
  prefixOutput?: boolean;
  allowAll?: boolean;
  allowEnv?: true | string[];
  allowFfi?: true | string[];
  allowImport?: true | string[];
  allowNet?: true | string[];
  allowRead?: true | string[];
  allowRun?: true | string[];
  allowSys?: true | string[];
  allowWrite?: true | string[];
}

/** Options of every command that has a pool. */
export function poolOptions(): Option[] {
  const others = (one: string) => POOLS.filter((pool) => pool !== one);
  return [
    choice(setting("--pool <kind>", "what runs the tasks"), POOLS).default("processes"),
    new Option("--processes", "the same as --pool processes").conflicts(others("processes")),
    new Option("--threads", "the same as --pool threads").conflicts(others("threads")),
    new Option("--inline", "the same as --pool inline: in the command itself").conflicts(
      others("inline"),
    ),
    setting("--workers <n>", "number of workers").argParser(workerCount)
      .default(undefined, "one for each core"),
    setting("--concurrency <n>", "tasks at the same time in each worker").argParser(count)
      .default(undefined, "1, inline 10"),
    choice(setting("--waiting <how>", "whether a task that waits for another lends its place"), [
      "lend",
      "refuse",
    ]).default(undefined, "lend"),
    setting("--init <name>", "export that gets the URL and returns the broker")
      .default(undefined, "init, or else all that the module exports"),
    choice(setting("--runtime <name>", "program that runs the workers"), RUNTIMES)
      .default(undefined, "worq itself"),
    setting("--runtime-args <list>", "arguments for that program").argParser(list),
    setting("--task-timeout <time>", "stop a task after that time").argParser(duration),
    setting("--start-timeout <time>", "time for a worker to get ready").argParser(duration)
      .default(undefined, "60s"),
    setting("--grace <time>", "time for running tasks when the pool ends").argParser(duration)
      .default(undefined, "10s"),
    setting("--max-worker-tasks <n>", "replace a worker after so many tasks").argParser(count),
    setting("--max-worker-memory <bytes>", "replace a worker that uses more").argParser(bytes),
    setting("--prefix-output", "begin each line that a worker writes with its name"),
    new Option("--allow-all", "workers may do everything (where worq runs on Deno)"),
    ...PERMISSIONS.map((kind) =>
      setting(`--allow-${kind} [list]`, `workers may use ${kind}: all of it, or what is listed`)
        .argParser(permission)
    ),
  ];
}

/** Which kind of pool was asked for. */
export function kindOf(settings: PoolSettings): PoolKind {
  return POOLS.find((kind) => settings[kind]) ?? settings.pool;
}

/**
 * A pool, not started, for tasks of the module at `module`. Each line that a worker process writes
 * goes to `onOutput`, if there is one.
 */
export async function makePool(
  brokers: readonly Broker[],
  module: string,
  settings: PoolSettings,
  logger: Logger,
  onOutput?: (line: string) => void,
): Promise<WorkerPool> {
  const kind = kindOf(settings);
  const given = permissionsOf(settings);
  const { name, grace, waiting, weights, runtime, runtimeArgs, prefixOutput } = settings;
  const common: WorkerPoolOptions = defined({ name, grace, waiting, weights, logger });
  if (kind !== "processes") {
    const only = { runtime, "runtime-args": runtimeArgs, "prefix-output": prefixOutput };
    const misplaced = Object.entries(only).find(([, value]) => value !== undefined)?.[0] ??
      (given && "allow-…");
    if (misplaced) throw new CliError(`--${misplaced} needs processes: leave out --${kind}`);
  }
  if (kind === "inline") return await inlinePool(brokers, module, settings, common);
  const { init, workers, concurrency, maxWorkerTasks, maxWorkerMemory, taskTimeout, startTimeout } =
    settings;
  const options: ModuleWorkerPoolOptions = {
    module,
    ...common,
    ...defined({
      ...{ export: init, workers, concurrency, maxWorkerTasks, maxWorkerMemory },
      ...{ taskTimeout, startTimeout },
    }),
  };
  if (kind === "threads") return new ThreadWorkerPool(brokers, options);
  const isHeld = runtime === "deno" || (runtime === undefined && isDeno && binary === undefined);
  if (given !== undefined && !isHeld) {
    throw new CliError("--allow-… needs workers that run on Deno: add --runtime deno");
  }
  if (runtime !== undefined) enterRuntime(runtime, module);
  const more = defined({ permissions: given, runtime, runtimeArgs, prefixOutput, onOutput });
  return new ProcessWorkerPool(brokers, { ...options, ...more });
}

/** In one line, why a pool has no worker that is ready. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return oneLine(cause instanceof Error ? cause.message : message);
}

/** Names of the tasks that a pool can run. */
export function tasksOf(pool: WorkerPool): readonly string[] {
  return pool instanceof ModuleWorkerPool || pool instanceof InlinePool ? pool.tasks : [];
}

class InlinePool extends WorkerPool {
  readonly tasks: readonly string[];

  constructor(
    brokers: readonly Broker[],
    own: Broker,
    concurrency: number,
    options: WorkerPoolOptions,
  ) {
    super(brokers, new InlineCrew(concurrency, options.waiting, own), options);
    this.tasks = own.tasks;
  }
}

async function inlinePool(
  brokers: readonly Broker[],
  module: string,
  settings: PoolSettings,
  options: WorkerPoolOptions,
): Promise<WorkerPool> {
  const ignored = ["workers", "maxWorkerTasks", "maxWorkerMemory", "taskTimeout"] as const;
  const misplaced = ignored.find((name) => settings[name] !== undefined);
  if (misplaced) {
    const flag = misplaced.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new CliError(`--${flag} needs workers: leave out --inline`);
  }
  const { init: name = "init", concurrency = 10 } = settings;
  const own = await initHere(module, name, brokers[0]!.url);
  return new InlinePool(brokers, own, concurrency, options);
}

async function initHere(module: string, name: string, url: string): Promise<Broker> {
  try {
    const { [name]: init } = await loadModule(() => import(module));
    if (typeof init !== "function") throw new CliError(`it has no function "${name}"`);
    return await init(url);
  } catch (error) {
    throw new CliError(`cannot run ${module}: ${oneLine(describeUnfit(error))}`);
  }
}

/** Where a worker begins that another program than this one runs. */
function enterRuntime(runtime: Runtime, module: string): void {
  findProgram(runtime);
  if (binary === undefined) return;
  if (module === binary.module) {
    throw new CliError("--runtime needs a module on disk: the one in this binary runs here only");
  }
  workerEntries.process = urlIn(unpackKit(binary.kit()), "process_worker.js");
}

function permissionsOf(settings: PoolSettings): WorkerPermissions | undefined {
  const entries = PERMISSIONS.map((kind) => {
    const key = `allow${kind[0]!.toUpperCase()}${kind.slice(1)}` as keyof PoolSettings;
    return [kind, settings.allowAll ? true : settings[key]] as const;
  }).filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function defined<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
