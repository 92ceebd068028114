/**
 * A pool: has two worker processes run the tasks of `tasks.ts`, from the queue at a URL, until it is
 * told to end.
 *
 *     deno run -A examples/pool.ts redis://localhost:6379/0
 */
import process from "node:process";
import { type Broker, getBroker, ProcessWorkerPool, startPools } from "@worq/worq";

/** A pool for the queue of `broker`. */
export function createPool(broker: Broker): ProcessWorkerPool {
  return new ProcessWorkerPool(broker, {
    module: new URL("./tasks.ts", import.meta.url),
    workers: 2,
  });
}

if (import.meta.main) {
  await using broker = getBroker(process.argv[2] ?? "redis://localhost:6379/0");
  await startPools(createPool(broker));
}
