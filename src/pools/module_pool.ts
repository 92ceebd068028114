/** {@linkcode ModuleWorkerPool}: what pools of threads and pools of processes have in common. */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Broker } from "../broker.ts";
import type { PoolCard } from "../cards.ts";
import { encodeValue } from "../codec.ts";
import { checkCount, checkMilliseconds } from "../wait.ts";
import { Supervisor } from "./supervisor.ts";
import type { Launch } from "./worker_handle.ts";
import { WorkerPool, type WorkerPoolOptions } from "./worker_pool.ts";

/** What pools of threads and pools of processes can be told. */
export interface ModuleWorkerPoolOptions extends WorkerPoolOptions {
  /**
   * URL of the module that has the tasks, such as `new URL("./tasks.ts", import.meta.url)`, or a
   * path, seen from the current folder. Every worker imports it.
   */
  module: string | URL;
  /**
   * Name of the module's export that makes the broker: `init(url, ...initArgs)`, which may be
   * async. It gets the URL of the pool's first queue, and its tasks run for all of them.
   * @default {"init"}
   */
  export?: string;
  /** More arguments for `init`: whatever a task could take. @default {[]} */
  initArgs?: readonly unknown[];
  /** Number of workers. @default {the number of cores that this process may use} */
  workers?: number;
  /**
   * Tasks that run at the same time in each worker; more than 1 is for tasks that wait for the
   * world. One that waits for another task makes room anyway, see `waiting`. @default {1}
   */
  concurrency?: number;
  /**
   * Tasks after which a worker is replaced by a new one. When its last ones wait for other tasks,
   * the new one begins beside it; of workers that end so there are as many as `workers` at most,
   * and one more takes further tasks instead until those it has are over. @default {Infinity}
   */
  maxWorkerTasks?: number;
  /**
   * Bytes of memory with which a worker is replaced, once the task that used them is over: all
   * memory of a process, the JavaScript heap of a thread. @default {Infinity}
   */
  maxWorkerMemory?: number;
  /**
   * Milliseconds that a task may take, with the time that it waits for others. Then its `currentTask().signal` aborts; a second later, its
   * worker is killed. The task fails, unless it returns a result in that second.
   * @default {Infinity}
   */
  taskTimeout?: number;
  /** Milliseconds that importing the module and `init` may take. @default {60_000} */
  startTimeout?: number;
}

/** Which workers to start, and how many may be lost. */
export interface ModuleCrew {
  /** What the workers are. */
  readonly kind: PoolCard["kind"];
  /** Starts a worker. */
  readonly launch: Launch;
  /** Whether a worker can be killed in the middle of a computation. */
  readonly canKill: boolean;
  /** Workers that may be lost for good before the process has to end. */
  readonly maxLostWorkers?: number;
}

/** A pool whose workers import the user's module. */
export class ModuleWorkerPool extends WorkerPool {
  readonly #supervisor: Supervisor;

  /** A pool for the tasks of `brokers`, run by workers that `crew` launches. */
  constructor(
    brokers: Broker | readonly Broker[],
    options: ModuleWorkerPoolOptions,
    crew: ModuleCrew,
  ) {
    const {
      export: name = "init",
      initArgs = [],
      workers = availableParallelism(),
      concurrency = 1,
      maxWorkerTasks = Infinity,
      maxWorkerMemory = Infinity,
      taskTimeout = Infinity,
      startTimeout = 60_000,
    } = options;
    checkCount("make pool", "workers", workers);
    checkCount("make pool", "concurrency", concurrency);
    if (maxWorkerTasks !== Infinity) checkCount("make pool", "maxWorkerTasks", maxWorkerTasks);
    if (maxWorkerMemory !== Infinity) checkCount("make pool", "maxWorkerMemory", maxWorkerMemory);
    checkMilliseconds("make pool", "taskTimeout", taskTimeout);
    checkMilliseconds("make pool", "startTimeout", startTimeout);
    const { maxLostWorkers = workers } = crew;
    const supervisor = new Supervisor(crew.launch, {
      kind: crew.kind,
      workers,
      maxLostWorkers,
      concurrency,
      maxTasks: maxWorkerTasks,
      maxMemory: maxWorkerMemory,
      taskTimeout,
      startTimeout,
      canKill: crew.canKill,
      start: {
        module: moduleUrl(options.module),
        export: name,
        waiting: options.waiting ?? "lend",
        args: encodeValue("make pool", "initArgs", initArgs, Infinity),
        url: firstOf(brokers).url,
      },
    });
    super(brokers, supervisor, options);
    this.#supervisor = supervisor;
  }

  /**
   * Resolves when the first worker is ready for tasks. Rejects with a `WorqError` that has the
   * reason when no worker gets there: the module does not load, or `init` fails, again and again.
   * The pool then takes no tasks, and goes on trying every half minute.
   */
  get ready(): Promise<void> {
    return this.#supervisor.ready;
  }

  /** Names of the tasks that the workers can run; none before the first one is ready. */
  get tasks(): readonly string[] {
    return this.#supervisor.tasks;
  }

  /**
   * Replaces every worker by a new one as soon as it has finished what it has: for a module that
   * has changed.
   */
  restart(): void {
    this.#supervisor.restart();
  }
}

/** URL of a module given as a URL or as a path. Throws a `TypeError` for anything else. */
export function moduleUrl(module: unknown): string {
  if (module instanceof URL) return module.href;
  if (typeof module !== "string" || module === "") {
    throw new TypeError(
      `Cannot make pool: module must be the URL or path of a module that exports init, received ` +
        `${String(module)}`,
    );
  }
  // One letter is a drive of Windows.
  if (/^[a-z][a-z\d+.-]+:/i.test(module)) return module;
  return pathToFileURL(resolve(module)).href;
}

function firstOf(brokers: Broker | readonly Broker[]): Broker {
  const broker = Array.isArray(brokers) ? brokers[0] : brokers;
  if (broker === undefined) throw new TypeError("Cannot make pool: expected at least one broker");
  return broker;
}
