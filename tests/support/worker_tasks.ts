/** The module that the workers of tests import: tasks that tell on their worker, or misbehave. */
import { appendFileSync, existsSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { isMainThread } from "node:worker_threads";
import { type Broker, currentTask, getBroker, listQueues } from "@worq/worq";

/** What can happen to a worker. */
export type Fault =
  | "SIGKILL"
  | "SIGTERM"
  | "exit(1)"
  | "exit(0)"
  | "out of memory"
  | "spin"
  | "uncaught error"
  | "unhandled rejection"
  | "garbage frame";

/** Makes it happen to this worker. */
export function misbehave(fault: Fault): void {
  switch (fault) {
    case "SIGKILL":
    case "SIGTERM":
      process.kill(process.pid, fault);
      break;
    case "exit(1)":
      process.exit(1);
      break;
    case "exit(0)":
      process.exit(0);
      break;
    case "out of memory":
      takeAllMemory();
      break;
    case "spin":
      spin();
      break;
    case "uncaught error":
      // Before this worker hears of anything else.
      queueMicrotask(() => {
        throw new RangeError("nobody catches this");
      });
      break;
    case "unhandled rejection":
      void Promise.reject(new RangeError("nobody handles this"));
      break;
    case "garbage frame":
      sendGarbage();
  }
}

function takeAllMemory(): void {
  const taken: number[][] = [];
  while (true) taken.push(Array.from({ length: 100_000 }, (_, i) => i + taken.length));
}

function spin(): never {
  while (true);
}

/** To where frames go: the pipe of a worker process, or out of a thread. */
function sendGarbage(): void {
  const scope = globalThis as unknown as { postMessage(data: unknown): void };
  // Deno tells by the one, Bun by the other.
  if ("WorkerGlobalScope" in scope || !isMainThread) scope.postMessage({ garbage: true });
  else writeSync(3, "garbage\n");
}

/** Tells this worker from others. */
const worker: string = crypto.randomUUID().slice(0, 8);
let runs = 0;
let greeting = "hello";

export const tasks = {
  /** This worker and its process. */
  who: () => ({ worker, pid: process.pid }),
  /** Tasks that this worker has run, and its process. */
  count: (_turn: number) => ({ worker, pid: process.pid, runs: ++runs }),
  greet: (name: string) => `${greeting} ${name}`,
  add: (a: number, b: number) => a + b,
  double: (n: number) => 2 * n,
  /** Blocks its worker until there is a file at `path`. */
  block(path: string): string {
    while (!existsSync(path)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    return worker;
  },
  /** Waits until there is a file at `gate`, then writes one at `path`. */
  async finish(gate: string, path: string): Promise<string> {
    writeFileSync(`${path}.begun`, "");
    while (!existsSync(gate)) await new Promise((go) => setTimeout(go, 5));
    writeFileSync(path, "finished");
    return worker;
  },
  /** Says how far it is while it blocks its worker, until there is a file at `path`. */
  tell(path: string): void {
    currentTask().log("begins");
    for (let i = 0; !existsSync(path); i++) {
      currentTask().progress(Math.min(0.5, i / 1_000), `step ${i}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
    currentTask().progress(1);
    currentTask().log("ends");
  },
  /** Waits until as many tasks have come to the file at `path`. */
  async meet(path: string, count: number): Promise<string> {
    appendFileSync(path, "x");
    while (readFileSync(path).length < count) await new Promise((go) => setTimeout(go, 5));
    return worker;
  },
  /** Ends when it is asked to. */
  async obey(how: "return" | "throw"): Promise<string> {
    const { signal } = currentTask();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    if (how === "throw") throw signal.reason;
    return signal.reason.message;
  },
  note: (path: string, text: string) => appendFileSync(path, `${text}\n`),
  fail(text: string): never {
    throw new RangeError(text);
  },
  async misbehave(fault: Fault): Promise<never> {
    misbehave(fault);
    return await new Promise(() => {});
  },
  /** What threads can do on some runtimes. */
  async closeItself(): Promise<never> {
    (globalThis as { close?: () => void }).close!();
    return await new Promise(() => {});
  },
  /** Holds that many bytes from now on. */
  hold(bytes: number): string {
    for (let i = 0; i < bytes; i += 8e6) held.push(new Array(1e6).fill(1.5));
    return worker;
  },
  say(text: string): void {
    console.log(text);
  },
  warn(text: string): void {
    console.error(text);
  },
  read: (path: string) => readFileSync(path, "utf8"),
  write: (path: string, text: string) => writeFileSync(path, text),
  env: (name: string) => process.env[name],
  async fetch(url: string): Promise<number> {
    return (await fetch(url)).status;
  },
  queues: (url: string) => listQueues(url),
  hasRedisClient,
  /** A task that needs a Redis client brings its own. */
  async loadRedisClient(): Promise<boolean> {
    await import("@redis/client");
    return hasRedisClient();
  },
};
const held: number[][] = [];

function hasRedisClient(): boolean {
  const { cache } = createRequire(import.meta.url);
  return Object.keys(cache).some((path) => path.includes("@redis"));
}

/** What workers call. */
export function init(url: string): Broker {
  return getBroker(url).expose(tasks);
}

/** The same, under another name, with arguments, and in its own time. */
export async function initGreeting(url: string, words: Map<string, string>): Promise<Broker> {
  greeting = await Promise.resolve(words.get("greeting")!);
  return init(url);
}
