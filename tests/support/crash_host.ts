/**
 * A process that runs a pool for one cell of the crash matrix until it is told to end, or dies of it.
 * On memory:// it also gives the play, and prints the verdict.
 */
import process from "node:process";
import {
  type Broker,
  getBroker,
  ProcessWorkerPool,
  startPools,
  ThreadWorkerPool,
  type WorkerPool,
} from "@worq/worq";
import { isDeno } from "../../src/runtime.ts";
import { play, type Spec } from "./crash_tasks.ts";
import type { Kind } from "./worker_pools.ts";

/** What the host is told. */
export interface HostOptions extends Omit<Spec, "faults"> {
  readonly kind: Kind;
  readonly url: string;
  readonly queue: string;
}

/** For those whose heap has a limit: small, to be reached soon. */
export const SMALL_HEAP = "--v8-flags=--max-old-space-size=100";

const quiet = () => {};
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };

function makePool(broker: Broker, { kind, fault }: HostOptions): WorkerPool {
  const options = {
    module: new URL("./crash_tasks.ts", import.meta.url),
    workers: 1,
    logger,
    ...(fault === "spin" ? { taskTimeout: 300 } : {}),
  };
  if (kind === "thread") return new ThreadWorkerPool(broker, { ...options, maxLostWorkers: 10 });
  const runtimeArgs = isDeno && fault === "out of memory" ? [SMALL_HEAP] : [];
  return new ProcessWorkerPool(broker, { ...options, runtimeArgs });
}

if (import.meta.main) {
  const options: HostOptions = JSON.parse(process.argv[2]!);
  await using broker = getBroker(options.url, options.queue);
  const pool = makePool(broker, options);
  const stopped = startPools(pool);
  if (options.url.startsWith("memory:")) {
    const verdict = play(broker, options);
    verdict.then((one) => {
      process.stdout.write(`${JSON.stringify(one)}\n`);
      process.kill(process.pid, "SIGTERM");
    }, quiet);
  }
  await stopped;
  // Threads that spin can only end like this, and what waits for a result in a pool that is gone.
  process.exit(0);
}
