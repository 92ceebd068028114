/** `worq run`: a pool, until it is told to end. */
import { watch } from "node:fs";
import { basename, dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import {
  type Broker,
  getBroker,
  type Limits,
  type Logger,
  type LogLevel,
  ModuleWorkerPool,
  type Rate,
  startPools,
  stderrLogger,
  type WorkerPool,
} from "../../../mod.ts";
import { metricsText, type QueueMetrics } from "../../metrics.ts";
import { waitUntil } from "../../wait.ts";
import { CliError } from "../failure.ts";
import { choice, queuesOption, setting, urlOption, variableOf } from "../options.ts";
import { kindOf, makePool, poolOptions, type PoolSettings, reasonOf, tasksOf } from "../pool.ts";
import { binary } from "../self.ts";
import { applySettings } from "../settings.ts";
import { findModule } from "../user_module.ts";
import { type Address, address, count, counts, rate } from "../values.ts";

interface RunSettings extends PoolSettings {
  config?: string;
  module?: string;
  url: string;
  queue?: string[];
  health?: Address;
  watch?: boolean;
  logLevel: LogLevel;
  maxRunning?: number;
  rate?: Rate;
  maxRunningPerKey?: number;
  ratePerKey?: Rate;
}

const LEVELS = ["debug", "info", "warn", "error"] as const;
/** Milliseconds after a change in which more may follow. */
const SETTLE = 100;
/** Milliseconds that the server of a pool that is ready may take to answer: probes do not wait long. */
const ANSWER = 2_000;

const HELP = `
Settings come from flags, then from ${variableOf("…")} in the environment, then from the file of
--config, or worq.json in this folder: { "url": "redis://…", "workers": 8 }

Examples
  worq run ./tasks.ts
  worq run ./tasks.ts --url redis://10.0.0.5:6379/0 --queue mail,reports --workers 8
  worq run ./tasks.ts --queue mail,reports --weights 3,1 --rate 10/1s
  worq run ./tasks.ts --watch                      restart workers when the module changes
  worq run ./tasks.ts --allow-net=api.example.com  workers may do nothing else (on Deno)
  worq run --health :8080                          /livez, /readyz and /metrics, for containers
`;

/** The command `run`. */
export function runCommand(): Command {
  const command = new Command("run")
    .description("run a pool for the tasks of a module, until SIGTERM or Ctrl-C")
    .argument("[module]", "module that exports init(url), or tasks (or WORQ_MODULE)")
    .addOption(urlOption())
    .addOption(queuesOption().default(["default"], "default"));
  for (const option of poolOptions()) command.addOption(option);
  return command
    .addOption(
      setting("--weights <list>", "shares of the queues, as in 3,1").argParser(counts)
        .default(undefined, "strict order"),
    )
    .addOption(
      setting("--max-running <n>", "tasks of a queue at the same time, over all pools")
        .argParser(count),
    )
    .addOption(
      setting("--rate <n/time>", "tasks of a queue that start in a time, as in 10/1s")
        .argParser(rate),
    )
    .addOption(
      setting("--max-running-per-key <n>", "the same for tasks that share a key").argParser(count),
    )
    .addOption(
      setting("--rate-per-key <n/time>", "the same for tasks that share a key").argParser(rate),
    )
    .addOption(setting("--name <name>", "name of the pool, for logs"))
    .addOption(setting("--module <path>", "the module, where no argument can be").hideHelp())
    .addOption(
      setting("--health <address>", "serve /livez, /readyz and /metrics, as in :8080").argParser(
        address,
      ),
    )
    .addOption(setting("--watch", "restart workers when a file beside the module changes"))
    .addOption(
      choice(setting("--log-level <level>", "what to tell"), LEVELS).default("info"),
    )
    .addOption(setting("--config <file>", "settings file").default(undefined, "worq.json"))
    .addHelpText("after", HELP)
    .action(async (module: string | undefined, _, command: Command) => {
      applySettings(command, command.opts<RunSettings>().config);
      await run(module, command.opts<RunSettings>());
    });
}

async function run(argument: string | undefined, settings: RunSettings): Promise<void> {
  const given = argument ?? settings.module;
  const url = given === undefined ? binary?.module : findModule(given);
  if (url === undefined) {
    throw new CliError("which tasks? name a module, as in worq run ./tasks.ts");
  }
  if (settings.url.startsWith("memory:")) {
    throw new CliError(
      "nobody could reach a queue in the memory of this process: run a pool on redis://, or a " +
        "task on many inputs with worq map",
    );
  }
  if (settings.watch && kindOf(settings) === "inline") {
    throw new CliError("--watch needs workers that can be replaced: leave out --inline");
  }
  await using stack = new AsyncDisposableStack();
  const names = settings.queue ?? ["default"];
  if (settings.weights !== undefined && settings.weights.length !== names.length) {
    throw new CliError(
      `--weights needs as many numbers as there are queues: ${names.length} for ${names.join(",")}`,
    );
  }
  const limits = limitsOf(settings);
  const options = Object.keys(limits).length > 0 ? { limits } : {};
  const brokers = names.map((name) => stack.use(getBroker(settings.url, name, options)));
  const shown = given ?? "the module in this binary";
  const logger = heldBack(stderrLogger({ level: settings.logLevel }));
  const pool = stack.use(await makePool(brokers, url, settings, logger));
  pool.prepare(); // its workers start while this process connects
  await Promise.all(brokers.map((broker) => broker.size())); // a wrong URL is told at once
  let state = "starting";
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => state = "stopping");
  }
  if (settings.health) {
    const { serveHealth } = await import("../health.ts");
    stack.use(
      await serveHealth(settings.health, {
        readiness: () => readiness(state, brokers),
        metrics: async () => metricsText(await figuresOf(pool, brokers)),
      }),
    );
  }
  const running = startPools(pool);
  const problem = await whenReady(pool, running);
  if (state === "stopping") return await running;
  if (problem !== undefined) throw new CliError(`cannot run ${shown}: ${problem}`);
  state = "ready";
  logger.release();
  logger.info("serving", {
    tasks: tasksOf(pool).join(","),
    queues: brokers.map(({ name }) => name).join(","),
    module: shown,
  });
  if (settings.watch) stack.use(restartOnChange(url, pool as ModuleWorkerPool, logger));
  await running;
}

function limitsOf(settings: RunSettings): Limits {
  const { maxRunning, rate, maxRunningPerKey, ratePerKey } = settings;
  return {
    ...(maxRunning && { concurrency: maxRunning }),
    ...(rate && { rate }),
    ...((maxRunningPerKey || ratePerKey) && {
      perKey: {
        ...(maxRunningPerKey && { concurrency: maxRunningPerKey }),
        ...(ratePerKey && { rate: ratePerKey }),
      },
    }),
  };
}

/** What the pool did, and how its queues stand; that is not known while the server is away. */
async function figuresOf(pool: WorkerPool, brokers: readonly Broker[]): Promise<QueueMetrics[]> {
  const { cards } = pool;
  return await Promise.all(brokers.map(async ({ name, taskQueue }) => ({
    queue: name,
    stats: await waitUntil(taskQueue.stats().catch(() => undefined), { timeout: ANSWER }),
    pools: [cards.get(name)!],
  })));
}

async function readiness(state: string, brokers: readonly Broker[]): Promise<string | undefined> {
  if (state !== "ready") return state;
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve("the server does not answer"), ANSWER);
  try {
    const answers = Promise.all(brokers.map((broker) => broker.size()));
    return await Promise.race([answers.then(() => undefined), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves when the pool can have tasks or was told to end, else with what keeps it from that. */
async function whenReady(pool: WorkerPool, running: Promise<void>): Promise<string | undefined> {
  if (!(pool instanceof ModuleWorkerPool)) return undefined;
  try {
    await Promise.race([pool.ready, running]);
  } catch (error) {
    await pool.stop({ grace: 0 });
    return reasonOf(error);
  }
}

/** A logger that keeps everything to itself until it is released: what fails is told in a line. */
function heldBack(logger: Logger): Logger & { release(): void } {
  let held: (() => void)[] | undefined = [];
  const at = (level: LogLevel): Logger[LogLevel] => (event, fields) => {
    if (held === undefined) logger[level](event, fields);
    else held.push(() => logger[level](event, fields));
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    release() {
      held?.forEach((tell) => tell());
      held = undefined;
    },
  };
}

/** Files that editors write for themselves, and folders that are not the user's work. */
const IGNORED = /(^|\/)(node_modules|\.[^/]*)(\/|$)|~$|\.sw.$/;

function restartOnChange(url: string, pool: ModuleWorkerPool, logger: Logger): Disposable {
  if (!url.startsWith("file:")) throw new CliError(`cannot watch ${url}: it is not a file`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const folder = dirname(fileURLToPath(url));
  const watcher = watch(folder, { recursive: true }, (_, name) => {
    if (name && IGNORED.test(name)) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      // Nobody says which file it was when the folder itself was moved.
      logger.info("changed: new workers", { file: basename(name || folder) });
      pool.restart();
    }, SETTLE);
  });
  watcher.on("error", ({ message }) => logger.error("watches no longer", { folder, why: message }));
  return {
    [Symbol.dispose]() {
      clearTimeout(timer);
      watcher.close();
    },
  };
}
