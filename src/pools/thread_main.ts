/// <reference lib="deno.worker" />
/** What a worker thread does: {@linkcode serve}. */
import process from "node:process";
import type { ToWorker } from "./frames.ts";
import { Shelf } from "./shelf.ts";
import { type LoadModule, WorkerMain } from "./worker_main.ts";

/** The global scope of this thread, which lacks some of this on some runtimes. */
interface Scope {
  name?: string;
  postMessage(data: unknown): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  close?(): void;
  Deno?: { exit(code?: number): never };
  navigator?: { locks?: LockManager };
}

interface LockManager {
  request(name: string, held: () => Promise<unknown>): Promise<unknown>;
}

/** Serves the pool that this thread was started by, with the module that `load` imports. */
export async function serve(load: LoadModule): Promise<void> {
  const scope = globalThis as unknown as Scope;
  const post = scope.postMessage.bind(scope);
  const exit = process.exit.bind(process);
  const close = scope.close?.bind(scope) ?? exit;

  const worker = new WorkerMain(
    {
      post: (frames) => post(frames),
      memory: () => process.memoryUsage().heapUsed,
      exit: () => close(),
    },
    load,
  );

  if (scope.Deno) {
    const { exit: leave } = scope.Deno;
    scope.Deno.exit = (code = Number(process.exitCode ?? 0)) => {
      worker.die(`exited with code ${code}`);
      return leave(code);
    };
  }
  if (scope.close) {
    scope.close = () => {
      worker.die("closed itself");
      close();
    };
  }

  const fail = (error: unknown) => worker.fail(error);
  // Without listeners, the error would reach the pool ahead of what was posted before it.
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    fail((event as ErrorEvent).error ?? (event as ErrorEvent).message);
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail((event as PromiseRejectionEvent).reason);
  });
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);

  scope.addEventListener("message", (event) => {
    const frame = (event as MessageEvent<ToWorker>).data;
    if (frame[0] !== "shelf") return worker.receive(frame);
    const memory = new Uint8Array(frame[1]!);
    worker.shelf = new Shelf((bytes, at) => memory.set(bytes, at));
  });
  // The lock is free again when this thread is gone, however it went.
  const { locks } = scope.navigator ?? {};
  if (locks) await new Promise((resolve) => locks.request(scope.name!, () => holdFor(resolve)));
  post([["up"]]);
}

function holdFor(held: (value: unknown) => void): Promise<never> {
  held(undefined);
  return new Promise(() => {});
}
