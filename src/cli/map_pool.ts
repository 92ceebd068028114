/** The pool of `worq map`: ready for one task, and silent where results are written. */
import { format } from "node:util";
import { type Broker, type Logger, ModuleWorkerPool, type WorkerPool } from "../../mod.ts";
import { CliError } from "./failure.ts";
import { didYouMean } from "./nearest.ts";
import { kindOf, makePool, type PoolSettings, reasonOf, tasksOf } from "./pool.ts";
import { binary } from "./self.ts";
import { findModule } from "./user_module.ts";

/** A task of a module. */
export interface ModuleTask {
  /** Path or URL. */
  readonly module: string;
  /** Its full name. */
  readonly task: string;
}

/** Who follows what happens. */
export interface Audience {
  /** Resolves when there is nothing to do any more. */
  readonly stopped: Promise<void>;
  /** Gets what tasks print, and what goes wrong with the pool. */
  say(line: string): void;
}

/**
 * Starts a pool, and gives it when it is ready, or nothing is to be done any more. Throws a
 * `CliError` when the module cannot be run, or has no such task.
 */
export async function startPool(
  broker: Broker,
  { module, task }: ModuleTask,
  settings: PoolSettings,
  { stopped, say }: Audience,
): Promise<WorkerPool> {
  const shown = module === binary?.module ? "this binary" : module;
  let pool: WorkerPool | undefined;
  let isUp = false;
  const logger = errorsTo((error) => {
    if (isUp) say(`worq: ${error}`); // before, the caller hears of it
  });
  try {
    if (kindOf(settings) === "inline") printTo(say);
    pool = await makePool([broker], findModule(module), { name: "map", ...settings }, logger, say);
    pool.start();
    const ready = pool instanceof ModuleWorkerPool ? pool.ready : Promise.resolve();
    isUp = await Promise.race([ready.then(() => true), stopped.then(() => false)]);
    if (isUp) checkTask(task, shown, tasksOf(pool));
    return pool;
  } catch (error) {
    await pool?.stop({ grace: 0 });
    if (error instanceof CliError) throw error;
    throw new CliError(`cannot run ${shown}: ${reasonOf(error)}`);
  }
}

function checkTask(task: string, place: string, tasks: readonly string[]): void {
  if (tasks.includes(task)) return;
  const hint = didYouMean(task, tasks) || `; it has ${tasks.join(", ")}`;
  throw new CliError(`there is no task ${task} in ${place}${hint}`);
}

function errorsTo(hear: (error: string) => void): Logger {
  const ignore = () => {};
  return { debug: ignore, info: ignore, warn: ignore, error: hear };
}

/** Keeps what tasks in this very process print from among the results. */
function printTo(say: (line: string) => void): void {
  const print = (...words: unknown[]) => say(format(...words));
  Object.assign(globalThis.console, { log: print, info: print, debug: print });
}
