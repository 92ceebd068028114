/** Pools of workers for tests: threads and processes, with the tasks of `worker_tasks.ts`. */
import {
  type Broker,
  getBroker,
  type Logger,
  type ModuleWorkerPoolOptions,
  ProcessWorkerPool,
  type Queue,
  ThreadWorkerPool,
} from "@worq/worq";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freshName, testOnAll } from "./backends.ts";
import type { tasks } from "./worker_tasks.ts";

/** URL of the module that their workers import. */
export const MODULE: URL = new URL("./worker_tasks.ts", import.meta.url);

/** Kinds of pools that import a module. */
export const KINDS = ["thread", "process"] as const;
export type Kind = typeof KINDS[number];

/** What a test can tell a pool. */
export type PoolOptions = Partial<ModuleWorkerPoolOptions>;

/** An event that a pool logged. */
export interface LoggedEvent {
  readonly level: keyof Logger;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Keeps what pools tell, instead of writing it. */
export class EventLog implements Logger {
  readonly events: LoggedEvent[] = [];
  #onEvent: ((event: LoggedEvent) => void)[] = [];

  debug = this.#keeper("debug");
  info = this.#keeper("info");
  warn = this.#keeper("warn");
  error = this.#keeper("error");

  /** The fields of the events of that name, so far. */
  of(name: string): LoggedEvent["fields"][] {
    return this.events.filter(({ event }) => event === name).map(({ fields }) => fields);
  }

  /** Resolves with the next event of that name. */
  next(name: string): Promise<LoggedEvent["fields"]> {
    return new Promise((resolve) => {
      this.#onEvent.push(({ event, fields }) => event === name && resolve(fields));
    });
  }

  #keeper(level: keyof Logger) {
    return (event: string, fields: LoggedEvent["fields"]) => {
      const one = { level, event, fields };
      this.events.push(one);
      this.#onEvent.forEach((hear) => hear(one));
    };
  }
}

/** A pool of that kind. */
export function makePool(
  kind: Kind,
  broker: Broker | readonly Broker[],
  options: PoolOptions = {},
): ThreadWorkerPool | ProcessWorkerPool {
  const Pool = kind === "thread" ? ThreadWorkerPool : ProcessWorkerPool;
  return new Pool(broker, { module: MODULE, workers: 1, ...options });
}

/** A running pool with what a test needs around it. */
export interface Setting {
  readonly kind: Kind;
  readonly broker: Broker;
  readonly q: Queue<typeof tasks>;
  readonly log: EventLog;
  /** A path at which there is no file yet. */
  path(): string;
  /** Makes and starts a pool, which ends with the test. */
  start(options?: PoolOptions): ThreadWorkerPool | ProcessWorkerPool;
}

/** The same test with threads and with processes, on every backend. */
export function testWorkers(name: string, body: (setting: Setting) => Promise<void>): void {
  for (const kind of KINDS) {
    testOnAll(`${kind}: ${name}`, async (url, queue) => {
      const log = new EventLog();
      await using broker = getBroker(url, queue);
      const folder = await mkdtemp(join(tmpdir(), "worq-test-"));
      await using stack = new AsyncDisposableStack();
      stack.defer(() => rm(folder, { recursive: true }));
      const start = (options: PoolOptions = {}) =>
        stack.use(makePool(kind, broker, { logger: log, ...options }).start());
      const path = () => join(folder, freshName());
      await body({ kind, broker, q: broker.queue<typeof tasks>(), log, path, start });
    });
  }
}
