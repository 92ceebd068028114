/**
 * A process that runs a pool with `startPools`, as a server does; it may call tasks of its own first,
 * which is what memory:// needs.
 */
import process from "node:process";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import {
  type Deferred,
  getBroker,
  ProcessWorkerPool,
  type ProcessWorkerPoolOptions,
  startPools,
  ThreadWorkerPool,
  type ThreadWorkerPoolOptions,
} from "@worq/worq";
import { isDeno } from "../../src/runtime.ts";
import type { Kind } from "./worker_pools.ts";

/** What the host is told. */
export interface PoolHostOptions {
  readonly kind: Kind;
  readonly url: string;
  readonly queue: string;
  readonly pool?: Partial<ThreadWorkerPoolOptions & ProcessWorkerPoolOptions>;
  /** Names and arguments of tasks to call. */
  readonly calls?: readonly (readonly [name: string, ...args: unknown[]])[];
  /** Permissions that it runs with, on Deno. @default {["-A"]} */
  readonly flags?: readonly string[];
}

/** A host as a test sees it; it ends with its scope. */
export class PoolHost implements AsyncDisposable {
  readonly #child: ChildProcess;
  /** Its exit code, or the signal that it died of. */
  readonly ended: Promise<number | string>;
  /** All that it and its workers wrote so far. */
  stdout = "";
  stderr = "";

  constructor(options: PoolHostOptions) {
    const script = fileURLToPath(import.meta.url);
    const args = isDeno ? ["run", "--no-prompt", ...(options.flags ?? ["-A"]), script] : [script];
    this.#child = spawn(process.execPath, [...args, JSON.stringify(options)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child.stdout!.on("data", (data) => this.stdout += data);
    this.#child.stderr!.on("data", (data) => this.stderr += data);
    this.ended = once(this.#child, "close").then(([code, signal]) => code ?? signal);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Sends a signal; not with child.kill(), with which Deno reports any later end as this one. */
  kill(signal: "SIGTERM" | "SIGINT" | "SIGKILL"): void {
    process.kill(this.pid, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.kill("SIGKILL");
    await this.ended;
  }
}

if (import.meta.main) {
  const { kind, url, queue, pool, calls = [] }: PoolHostOptions = JSON.parse(process.argv[2]!);
  await using broker = getBroker(url, queue);
  const q = broker.queue();
  const told = new Set<Deferred<unknown>>();
  const tell = (deferred: Deferred<unknown>, text: string) => {
    if (!told.has(deferred)) console.log(text);
    told.add(deferred);
  };
  const report = (deferred: Deferred<unknown>, options: { timeout?: number } = {}) =>
    deferred.result(options).then(
      (value) => tell(deferred, `${deferred.name} gave ${JSON.stringify(value)}`),
      (error) => tell(deferred, `${error}`),
    );
  const called: Deferred<unknown>[] = [];
  for (const [name, ...args] of calls) {
    const deferred = await q[name]!(...args);
    called.push(deferred);
    void report(deferred);
  }
  const options = {
    module: new URL("./worker_tasks.ts", import.meta.url),
    workers: 1,
    ...pool,
  };
  await startPools(
    kind === "thread"
      ? new ThreadWorkerPool(broker, options)
      : new ProcessWorkerPool(broker, options),
  ); // What came in last is in the queue, even if the news of it are still on their way.
  for (const deferred of called) if (!told.has(deferred)) await report(deferred, { timeout: 0 });
}
