/** Starts and stops a pool again and again, and prints what this process holds in between. */
import { readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { getBroker } from "@worq/worq";
import { type Kind, makePool } from "./worker_pools.ts";
import type { tasks } from "./worker_tasks.ts";

/** What a process holds. */
export interface Holdings {
  readonly children: number;
  readonly threads: number;
  readonly files: number;
  readonly temporary: number;
  /** Bytes of live objects. */
  readonly heap: number;
  /** Bytes of memory in all. */
  readonly resident: number;
}

/** Pools before the first look: caches, and code that gets compiled. */
const FIRST = 100;

/** Milliseconds that a runtime gets to let go of what it does not need. */
const SETTLE = 20_000;

function collect(): void {
  const { gc, Bun: bun } = globalThis as { gc?: () => void; Bun?: { gc(now: true): void } };
  gc?.();
  bun?.gc(true);
}

async function holdings(): Promise<Holdings> {
  // Twice: what a first one finds to be dead is finalized after it, and holds more; on Bun megabytes.
  collect();
  await new Promise((resolve) => setTimeout(resolve, 200));
  collect();
  const status = readFileSync("/proc/self/status", "utf8");
  const numberOf = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8");
  return {
    children: children.split(" ").filter((pid) => pid !== "").length,
    threads: numberOf("Threads"),
    files: readdirSync("/proc/self/fd").length,
    temporary: readdirSync(tmpdir()).filter((name) => /^worq-[\da-f]{8}-/.test(name)).length,
    heap: process.memoryUsage().heapUsed,
    resident: process.memoryUsage().rss,
  };
}

/**
 * What it holds when threads and files are as few as before; else after a while. A runtime that had
 * much to do keeps threads of its own for some seconds.
 */
async function whenSettled(before: Holdings): Promise<Holdings> {
  const end = Date.now() + SETTLE;
  while (true) {
    const now = await holdings();
    const settled = now.threads <= before.threads && now.files <= before.files;
    if (settled || Date.now() > end) return now;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function cycle(kind: Kind): Promise<void> {
  await using broker = getBroker("memory://");
  await using _pool = makePool(kind, broker).start();
  await (await broker.queue<typeof tasks>().add(1, 2)).result({ timeout: 20_000 });
}

if (import.meta.main) {
  const [kind, count] = process.argv.slice(2) as [Kind, string];
  for (let i = 0; i < FIRST; i++) await cycle(kind);
  const before = await holdings();
  for (let i = FIRST; i < Number(count); i++) await cycle(kind);
  process.stdout.write(`${JSON.stringify([before, await whenSettled(before)])}\n`);
  // Whatever is still running keeps this process from ending.
}
