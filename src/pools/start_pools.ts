/** {@linkcode startPools}: the life of a process that is there to run tasks. */
import process from "node:process";
import type { WorkerPool } from "./worker_pool.ts";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/**
 * Starts pools and runs them until this process gets SIGTERM or SIGINT: then they take no more
 * tasks, let the running ones finish within their `grace`, hand back the others, and this function
 * returns. A second signal ends the grace at once; a third one ends the process.
 *
 * When a pool of threads lost one that cannot be stopped, only the end of the process can end that
 * thread: then this function ends the process where it would have returned.
 *
 * Throws an `Error` when one of the pools was started before; the others are stopped then.
 *
 * @example
 * ```ts
 * import { getBroker, ProcessWorkerPool, startPools } from "@worq/worq";
 *
 * if (Deno.args[0] === "work") {
 *   await using broker = getBroker("redis://localhost:6379/0");
 *   const module = new URL("./tasks.ts", import.meta.url);
 *   await startPools(new ProcessWorkerPool(broker, { module }));
 * }
 * ```
 */
export async function startPools(...pools: WorkerPool[]): Promise<void> {
  const signalled = Promise.withResolvers<void>();
  const [first] = pools;
  let count = 0;
  const onSignal = (signal: string) => {
    first?.logger.info(`${signal}: ${count === 0 ? "stopping" : "stopping at once"}`, {});
    signalled.resolve();
    if (++count < 2) return;
    for (const pool of pools) void pool.stop({ grace: 0 });
    for (const one of SIGNALS) process.off(one, onSignal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    for (const pool of pools) pool.start();
    first?.logger.info("ready", { pools: pools.map(({ id }) => id).join(",") });
    await signalled.promise;
  } finally {
    await Promise.all(pools.map((pool) => pool.stop()));
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
  if (pools.some(({ lostWorkers }) => lostWorkers > 0)) process.exit(0);
}
