/** How long the `worq` binary takes to start. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getQueue } from "../mod.ts";
import { freePort, RedisServer } from "../tests/support/redis_server.ts";
import type { Figures } from "./protocol.ts";
import { OURS, sideOf } from "./sides.ts";
import { median } from "./statistics.ts";
import type { Workload } from "./workload.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TASKS = fileURLToPath(new URL("../examples/tasks.ts", import.meta.url));
const BINARY = fileURLToPath(new URL("../dist/worq", import.meta.url));
/** Starts that one figure is the median of. */
const STARTS = 5;

/** The binary that Bun makes, from nothing to what it is asked for. */
export function startWorkload(): Workload {
  return {
    name: "start",
    title: "start of the binary",
    columns: [
      { key: "version", header: "`worq version` has ended, ms ↓" },
      { key: "demo", header: "`worq demo` has ended, ms ↓" },
      { key: "ready", header: "`worq run` answers 200 at /readyz, ms ↓" },
      { key: "first", header: "first result of `worq run`, ms ↓" },
    ],
    cases: [{ label: "", entries: [{ side: sideOf(OURS, "bun"), measure }] }],
    prepare: compile,
  };
}

/** Makes the binary. */
function compile(): void {
  const args = ["run", "-A", "cli.ts", "build", "-o", BINARY, "--runtime", "bun"];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot make the binary: ${stderr}`);
  timeOf("version"); // reads it from disk
}

async function measure(): Promise<Figures> {
  await using server = await RedisServer.start();
  const ready: number[] = [];
  const first: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    ready.push(await timeToReady(server.url));
    first.push(await timeToFirst(server.url));
  }
  const times = (command: string) => Array.from({ length: STARTS }, () => timeOf(command));
  return {
    version: median(times("version")),
    demo: median(times("demo")),
    ready: median(ready),
    first: median(first),
  };
}

/** Milliseconds until a command has ended. */
function timeOf(...args: string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(BINARY, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`worq ${args.join(" ")} ended with ${status}: ${stderr}`);
  return performance.now() - start;
}

/** Milliseconds until a pool of one worker for each core is ready for tasks. */
async function timeToReady(url: string): Promise<number> {
  const port = await freePort();
  return await running(url, ["--health", `127.0.0.1:${port}`], async () => {
    while (await statusAt(port) !== 200) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  });
}

/** Milliseconds until the result of a task is here that waited for the pool. */
async function timeToFirst(url: string): Promise<number> {
  await using q = getQueue<{ tasks: { num(value: string): number } }>(url);
  const deferred = await q.tasks.num("1");
  return await running(url, [], async () => void await deferred.result());
}

/** Milliseconds that `moment` takes, from the start of a pool. Throws when the pool ends before. */
async function running(url: string, args: string[], moment: () => Promise<void>): Promise<number> {
  const start = performance.now();
  const child = spawn(BINARY, ["run", TASKS, "--url", url, ...args], { stdio: "ignore" });
  const ended = once(child, "close");
  try {
    const early = ended.then(([code]) => Promise.reject(new Error(`worq run ended with ${code}`)));
    await Promise.race([moment(), early]);
    return performance.now() - start;
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

function statusAt(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/readyz", agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    }).on("error", () => resolve(undefined));
  });
}
