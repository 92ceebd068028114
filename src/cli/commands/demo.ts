/** `worq demo`: the main job, in its first minute. */
import { spawn } from "node:child_process";
import process from "node:process";
import { Command, Option } from "commander";
import { getBroker, getQueue, InlineWorkerPool, TaskSpace } from "../../../mod.ts";
import { writeLine } from "../output.ts";
import { selfArguments } from "../self.ts";

const demoTasks = new TaskSpace("demo", {
  num: (value: string) => Number(value),
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
});
// Apart from the queues of whoever owns the server.
const DEMO_QUEUE = "worq-demo";
const DEMO_TIMEOUT = 30_000;

const HELP = `
Examples
  worq demo
  worq demo redis://localhost:6379/0
`;

/** The command `demo`. */
export function demoCommand(): Command {
  return new Command("demo")
    .description("ten tasks in parallel, summed by an eleventh")
    .argument("[url]", "server; with redis:// a worker runs in a process of its own", "memory://")
    .addOption(new Option("--worker").hideHelp())
    .addHelpText("after", HELP)
    .action((url: string, { worker }: { worker?: boolean }) =>
      worker ? demoWorker(url) : demo(url)
    );
}

async function demo(url: string): Promise<void> {
  await using q = getQueue<typeof demoTasks>(url, { name: DEMO_QUEUE, resultTimeout: 60_000 });
  await using _worker = url.startsWith("memory:") ? workHere(url) : await workElsewhere(url, q);
  // Enqueue tasks to be run in parallel, and one that takes their results.
  const numbers = Array.from({ length: 10 }, (_, i) => q.demo.num(`${i}`));
  const sum = await q.demo.add(numbers);
  await writeLine(`0 + 1 + ... + 9 = ${await sum.result({ timeout: DEMO_TIMEOUT })}`);
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
  const child = spawn(process.execPath, [...selfArguments(), "demo", url, "--worker"], {
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
