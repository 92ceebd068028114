#!/usr/bin/env -S deno run -A
/**
 * The `worq` command.
 *
 * Exit codes: 0 done, 1 failed, 2 wrong usage.
 *
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { parseArgs } from "node:util";
import { getBroker, getQueue, InlineWorkerPool, TaskSpace, WorqError } from "./mod.ts";
import config from "./deno.json" with { type: "json" };

const HELP = `worq ${config.version}, a task queue for TypeScript

Usage
  worq demo [URL]    ten tasks in parallel, summed by an eleventh; on memory:// or redis://…
  worq version       the version

Options
  -h, --help         this text
      --version      the version

Examples
  worq demo
  worq demo redis://localhost:6379/0
`;

const COMMANDS = ["demo", "version", "help"];

/** A mistake on the command line: told in a sentence, without a stack. */
class UsageError extends Error {}

const demoTasks = new TaskSpace("demo", {
  num: (value: string) => Number(value),
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
});
// Apart from the queues of whoever owns the server.
const DEMO_QUEUE = "worq-demo";
const DEMO_TIMEOUT = 30_000;

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parse(args);
  const [command = "help", ...rest] = positionals;
  if (values.version || command === "version") return console.log(config.version);
  if (values.help || command === "help") return console.log(HELP);
  if (command !== "demo") {
    throw new UsageError(`unknown command "${command}", expected one of ${COMMANDS.join(", ")}`);
  }
  if (rest.length > 1) throw new UsageError(`demo takes one URL, received ${rest.length}`);
  const [url = "memory://"] = rest;
  if (values.worker) await demoWorker(url);
  else await demo(url);
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" },
        version: { type: "boolean" },
        worker: { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function demo(url: string): Promise<void> {
  await using q = getQueue<typeof demoTasks>(url, { name: DEMO_QUEUE, resultTimeout: 60_000 });
  await using _worker = url.startsWith("memory:") ? workHere(url) : await workElsewhere(url, q);
  // Enqueue tasks to be run in parallel, and one that takes their results.
  const numbers = Array.from({ length: 10 }, (_, i) => q.demo.num(`${i}`));
  const sum = await q.demo.add(numbers);
  console.log(`0 + 1 + ... + 9 = ${await sum.result({ timeout: DEMO_TIMEOUT })}`);
}

function workHere(url: string): AsyncDisposable {
  const broker = getBroker(url, DEMO_QUEUE).expose(demoTasks);
  const pool = new InlineWorkerPool(broker).start();
  return {
    async [Symbol.asyncDispose]() {
      await pool.stop();
      await broker[Symbol.asyncDispose]();
    },
  };
}

/** A worker in a process of its own; it ends when its standard input does. */
async function workElsewhere(
  url: string,
  q: { size(): Promise<number> },
): Promise<AsyncDisposable> {
  await q.size(); // a server that cannot be reached is better told once, by this process
  const child = spawn(process.execPath, [...selfArgs(), "demo", url, "--worker"], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    async [Symbol.asyncDispose]() {
      child.stdin?.end();
      await ended;
    },
  };
}

async function demoWorker(url: string): Promise<void> {
  await using _worker = workHere(url);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once("end", resolve));
}

/** What the runtime needs before our own arguments, to run this program again. */
function selfArgs(): string[] {
  const script = process.argv[1] ?? "";
  return "deno" in process.versions ? ["run", "-A", script] : [script];
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof WorqError || error instanceof TypeError ||
    error instanceof DOMException;
  if (error instanceof UsageError) console.error(`worq: ${error.message}; see worq --help`);
  else console.error(known ? `worq: ${error.message}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
