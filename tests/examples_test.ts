import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { getQueue } from "@worq/worq";
import { redisUrl, testOn, testOnAll } from "./support/backends.ts";

const NAMES = [
  "dependency_graph",
  "expose_method",
  "ignore_result",
  "more_deferred_arguments",
  "more_namespaces",
  "named_queue",
  "no_such_task",
  "result_status",
  "simple",
  "task_error",
  "task_namespaces",
  "task_with_deferred_arguments",
  "task_with_failed_deferred_arguments",
  "wait_for_result",
];
// All that the examples use, which therefore run one at a time.
const QUEUES = ["default", "foo", "bar"];
const FOLDER = new URL("../examples/", import.meta.url);
const MAIN = /^export async function main\(url: string\): Promise<void> \{$/m;

interface Example {
  main(url: string): Promise<void>;
}

const runnable = readdirSync(FOLDER)
  .filter((file) => MAIN.test(read(file)))
  .map((file) => file.replace(/\.ts$/, ""));

Deno.test("examples/ has every example, each with a main", () => {
  deepStrictEqual(NAMES.filter((name) => !runnable.includes(name)), []);
});

for (const name of runnable) {
  testOnAll(`examples/${name}.ts prints what it says`, async (url) => {
    const expected = outputIn(`${name}.ts`);
    const { main }: Example = await import(new URL(`${name}.ts`, FOLDER).href);
    await clearQueues(url);
    strictEqual(await printed(() => main(url)), expected);
  });
}

Deno.test("examples/mem.ts runs without an argument", async () => {
  const mem = run("mem.ts");
  strictEqual(await mem.output, outputIn("mem.ts"));
  strictEqual(await mem.code, 0);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  testOn(redisUrl, `examples/pool.ts serves main.ts and ends with ${signal}`, async (url) => {
    await clearQueues(url);
    await using pool = run("pool.ts", url);
    await using main = run("main.ts", url);
    strictEqual(await main.output, outputIn("main.ts"));
    strictEqual(await main.code, 0);
    ok(pool.child.kill(signal));
    strictEqual(await pool.code, 0);
  });
}

function read(file: string): string {
  return readFileSync(new URL(file, FOLDER), "utf8");
}

/** The comment at the end of an example. */
function outputIn(file: string): string {
  const block = /\n\/\/ Output:\n((?:\/\/ .*\n)+)$/.exec(read(file))?.[1];
  if (block === undefined) throw new Error(`Cannot find "// Output:" at the end of ${file}`);
  return block.replace(/^\/\/ /gm, "");
}

/** What `body` writes with `console.log`. */
async function printed(body: () => Promise<void>): Promise<string> {
  const { log } = console;
  let text = "";
  console.log = (...args: unknown[]) => text += `${format(...args)}\n`;
  try {
    await body();
  } finally {
    console.log = log;
  }
  return text;
}

async function clearQueues(url: string): Promise<void> {
  for (const name of QUEUES) {
    await using q = getQueue(url, { name });
    await q.clear();
  }
}

interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  /** All that it wrote. */
  readonly output: Promise<string>;
  /** Its exit code; null when a signal killed it. */
  readonly code: Promise<number | null>;
}

/** An example in a process of its own, which does not outlive its scope. */
function run(file: string, ...args: string[]): Running {
  const path = fileURLToPath(new URL(file, FOLDER));
  const child = spawn(process.execPath, [...runtimeArgs(), path, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data) => text += data);
  const closed = once(child, "close");
  return {
    child,
    output: closed.then(() => text),
    code: closed.then(([code]) => code),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await closed;
    },
  };
}

/** What the runtime needs so that an example finds this package by its name. */
function runtimeArgs(): string[] {
  if ("deno" in process.versions) return ["run", "-A"];
  return ["--preload", fileURLToPath(new URL("./support/bun.js", import.meta.url))];
}
