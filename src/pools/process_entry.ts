/** Where a worker process begins. */
import process from "node:process";
import type { FromWorker, ToWorker } from "./frames.ts";
import { type LoadModule, WorkerMain } from "./worker_main.ts";

/** Results longer than this are on their way before the next task begins. */
const LONG = 16_384;
/** Milliseconds between looks at whether the pool's process is still there. */
const WATCH = 200;

/** Serves the pool that this process was started by, with the module that `load` imports. */
export function serve(load: LoadModule): void {
  watchParent();
  const send = process.send!.bind(process) as (frame: FromWorker, sent?: () => void) => boolean;
  // The way to the pool is not for the user's modules, some of which use one when they find it.
  Object.assign(process, { send: undefined });
  const worker = new WorkerMain(
    {
      post(frame) {
        if (frame[0] !== "done" || frame[3].length < LONG) return void send(frame);
        return new Promise((resolve) => send(frame, () => resolve()));
      },
      memory: () => process.memoryUsage.rss(),
      exit: () => process.exit(0),
    },
    load,
  );
  process.on("message", (frame) => worker.receive(frame as ToWorker));
  process.on("disconnect", () => process.exit(1));
  // Of the terminal or the service manager, and meant for the pool, which tells us what to do.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => worker.leave());
  send(["up"]);
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
  const watcher = new Worker(`data:application/javascript,${encodeURIComponent(code)}`, {
    type: "module",
  });
  (watcher as { unref?: () => void }).unref?.();
}

if (import.meta.main) serve((url) => import(url));
