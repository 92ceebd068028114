import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { getQueue } from "@worq/worq";
import { redisUrl, testOn, testOnAll } from "./support/backends.ts";

interface Example {
  main(url: string): Promise<void>;
}

interface Running extends AsyncDisposable {
  /** All that it wrote, once it has ended. */
  readonly output: Promise<string>;
  /** Its exit code; null when a signal killed it. */
  readonly code: Promise<number | null>;
  send(signal: "SIGTERM" | "SIGINT"): void;
}

const FOLDER = new URL("../examples/", import.meta.url);
const NAMES = [
  "all_cores",
  "dependency_graph",
  "expose_method",
  "ignore_result",
  "more_deferred_arguments",
  "more_namespaces",
  "named_queue",
  "no_such_task",
  "recursive",
  "result_status",
  "simple",
  "task_error",
  "task_namespaces",
  "task_with_deferred_arguments",
  "task_with_failed_deferred_arguments",
  "wait_for_result",
];
// Parts of one example that takes two processes.
const PARTS = ["tasks", "pool", "main"];
// What it prints has a figure in it.
const MEASURES = ["all_cores"];
// All that the examples use. They share them, so they run one at a time.
const QUEUES = ["default", "foo", "bar"];

const examples = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.replace(/\.ts$/, ""))
  .filter((name) => !PARTS.includes(name))
  .sort();

Deno.test("examples/ has an example of everything", () => {
  deepStrictEqual(NAMES.filter((name) => !examples.includes(name)), []);
});

for (const name of examples.filter((name) => !MEASURES.includes(name))) {
  testOnAll(`examples/${name}.ts prints what it says`, async (url) => {
    const expected = outputIn(name);
    const { main }: Example = await import(new URL(`${name}.ts`, FOLDER).href);
    await clearQueues(url);
    strictEqual(await printed(() => main(url)), expected);
  });
}

Deno.test("examples/mem.ts runs by itself, without a URL", async () => {
  await using mem = run("mem");
  strictEqual(await mem.output, outputIn("mem"));
  strictEqual(await mem.code, 0);
});

testOnAll("examples/all_cores.ts tells a speed-up", async (url) => {
  const { main }: Example = await import(new URL("all_cores.ts", FOLDER).href);
  await clearQueues(url);
  const output = await printed(() => main(url));
  match(output, /^283146 primes below 4000000, by one worker and by \d+: true\n/);
  match(output, /\nspeed-up over one core: \d+\.\d\d with \d+ cores\n$/);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  testOn(redisUrl, `examples/pool.ts serves main.ts and ends on ${signal}`, async (url) => {
    await clearQueues(url);
    await using pool = run("pool", url);
    await using main = run("main", url);
    strictEqual(await main.output, outputIn("main"));
    strictEqual(await main.code, 0);
    pool.send(signal);
    strictEqual(await pool.code, 0);
  });
}

/** What the comment at the end of an example says it prints. */
function outputIn(name: string): string {
  const source = readFileSync(new URL(`${name}.ts`, FOLDER), "utf8");
  const lines = /\n\/\/ Output:\n((?:\/\/ .*\n)+)$/.exec(source)?.[1];
  if (lines === undefined) throw new Error(`Cannot find "// Output:" at the end of ${name}.ts`);
  return lines.replace(/^\/\/ /gm, "");
}

/** What `body` writes with `console.log`. */
async function printed(body: () => Promise<void>): Promise<string> {
  const { log } = console;
  let text = "";
  console.log = (...args: unknown[]) => {
    text += `${format(...args)}\n`;
  };
  try {
    await body();
  } finally {
    console.log = log;
  }
  return text;
}

/** Removes what a test that failed may have left on a server. */
async function clearQueues(url: string): Promise<void> {
  for (const name of QUEUES) {
    await using q = getQueue(url, { name });
    await q.clear();
  }
}

/** An example in a process of its own, which does not outlive its scope. */
function run(name: string, ...args: string[]): Running {
  const script = fileURLToPath(new URL(`${name}.ts`, FOLDER));
  const child = spawn(process.execPath, [...runtimeArgs(), script, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data) => text += data);
  const closed = once(child, "close");
  return {
    output: closed.then(() => text),
    code: closed.then(([code]) => code),
    // Not child.kill(): on Deno, a child that was sent a signal that way always seems killed by it.
    send: (signal) => process.kill(child.pid!, signal),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await closed;
    },
  };
}

/** What the runtime needs before the script. */
function runtimeArgs(): string[] {
  if ("deno" in process.versions) return ["run", "-A"];
  return [];
}
