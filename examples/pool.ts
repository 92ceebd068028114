/**
 * A worker: takes tasks from the queue at a URL, until it is told to end.
 *
 *     deno run -A examples/pool.ts redis://localhost:6379/0
 */
import { once } from "node:events";
import process from "node:process";
import { InlineWorkerPool } from "@worq/worq";
import { init } from "./tasks.ts";

/** Starts a pool; ends with its scope, and lets running tasks finish first. */
export function start(url: string): AsyncDisposable {
  const worker = new AsyncDisposableStack();
  worker.use(new InlineWorkerPool(worker.use(init(url))).start());
  return worker;
}

if (import.meta.main) {
  await using _worker = start(process.argv[2] ?? "redis://localhost:6379/0");
  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
}
