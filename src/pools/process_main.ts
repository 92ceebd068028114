/**
 * What a worker process does: {@linkcode serve}.
 *
 * Workers start often, and what comes with a runtime takes its time, too: on Bun 5 ms for each of
 * the larger parts. So these are loaded by who needs them.
 */
import { writeSync } from "node:fs";
import process from "node:process";
import type { FromWorker, ToWorker } from "./frames.ts";
import { Shelf } from "./shelf.ts";
import { type LoadModule, WorkerMain } from "./worker_main.ts";

/** File descriptors that every worker begins with; see `process.ts`. */
const FRAMES = 3;
const SHELF = 4;
/** Milliseconds between looks at whether the pool's process is still there. */
const WATCH = 200;

/** Serves the pool that this process was started by, with the module that `load` imports. */
export function serve(load: LoadModule): void {
  watchParent();
  const worker = new WorkerMain(
    { post: send, memory: () => process.memoryUsage.rss(), exit: () => process.exit(0) },
    load,
  );
  // The way to the pool is not for the user's modules, some of which use one when they find it.
  Object.assign(process, { send: undefined });
  process.on("message", (frame: ToWorker) => {
    if (frame[0] === "shelf") {
      worker.shelf = new Shelf((bytes, at) => writeSync(SHELF, bytes, 0, bytes.length, at));
    } else worker.receive(frame);
  });
  process.on("disconnect", () => process.exit(1));
  // Not left to the runtime: Bun runs on for a moment before it ends.
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      if (process.listenerCount(event) > 1) return; // the user's module sees to it
      process.stderr.write(`${process.getBuiltinModule("node:util").inspect(error)}\n`);
      worker.fail(error);
      process.exit(1);
    });
  }
  process.on("exit", worker.flush);
  // Of the terminal or the service manager, and meant for the pool, which tells us what to do.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => worker.leave());
}

const encoder = new TextEncoder();

/** The frames are in the pipe when it returns, even when this process is killed then. */
function send(frames: readonly FromWorker[]): void {
  const bytes = encoder.encode(`${JSON.stringify(frames)}\n`);
  try {
    for (let sent = 0; sent < bytes.length;) sent += writeSync(FRAMES, bytes, sent);
  } catch {
    process.exit(1); // the pool is gone
  }
}

/**
 * Ends this process when the pool's is gone, also in the middle of a computation. Only another
 * thread can see to that: the parent of an orphan changes.
 */
function watchParent(): void {
  const code = `
    import process from "node:process";
    const parent = ${process.ppid};
    setInterval(() => {
      if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
    }, ${WATCH});`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  const watcher: object = typeof Worker === "function"
    ? new Worker(url, { type: "module" })
    : new (process.getBuiltinModule("node:worker_threads").Worker)(new URL(url));
  (watcher as { unref?: () => void }).unref?.();
}
