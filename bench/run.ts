/**
 * Measures worq beside BullMQ, on a Redis server of its own: see `README.md`.
 *
 * Exit codes: 0 done, 1 something failed, 2 wrong usage.
 */
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { RedisServer } from "../tests/support/redis_server.ts";
import { endChildren } from "./child.ts";
import { Costs } from "./costs.ts";
import { measureAll, type Result } from "./measure.ts";
import { lineOf, reportOf } from "./report.ts";
import { TASKS, type Workload, workloadsFor } from "./workloads.ts";

const ROUNDS = 5;
const SIGNALS = ["SIGINT", "SIGTERM"] as const;
const USAGE = `Usage
  deno task bench [workload…] [--rounds=${ROUNDS}] [--tasks=${TASKS}] [--out=FILE]

Workloads (all when none is named)
${workloadsFor(TASKS).map(({ name, title }) => `  ${name.padEnd(5)} ${title}`).join("\n")}
`;

interface Options {
  readonly workloads: readonly Workload[];
  readonly rounds: number;
  readonly out: string | undefined;
}

async function main(args: string[]): Promise<number> {
  const options = optionsFrom(args);
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const { report, failed } = await unlessStopped((signal) => run(options, signal));
  console.log(report);
  if (options.out !== undefined) await writeFile(options.out, report);
  return failed ? 1 : 0;
}

/** The options, or undefined when only the usage is wanted. Throws for what cannot be. */
function optionsFrom(args: string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: `${ROUNDS}` },
      tasks: { type: "string", default: `${TASKS}` },
      out: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const known = workloadsFor(countFrom("tasks", values.tasks));
  for (const name of positionals) {
    if (!known.some((one) => one.name === name)) throw new TypeError(`No workload "${name}"`);
  }
  const workloads = known.filter(({ name }) =>
    positionals.length === 0 || positionals.includes(name)
  );
  return { workloads, rounds: countFrom("rounds", values.rounds), out: values.out };
}

function countFrom(name: string, text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new TypeError(`--${name} must be a whole number, 1 or more, received "${text}"`);
}

async function run({ workloads, rounds }: Options, signal: AbortSignal) {
  await using server = await RedisServer.start();
  await using costs = await Costs.open(server.url);
  const results: Result[] = [];
  for await (const result of measureAll(workloads, { url: server.url, costs, rounds, signal })) {
    results.push(result);
    console.error(lineOf(result));
  }
  const failed = results.some(({ outcome }) => outcome instanceof Error);
  return { report: reportOf(results, rounds, costs.info), failed };
}

/** Has `work` end early, with its server and processes, when this process is told to stop. */
async function unlessStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const onSignal = (name: string) => {
    stop.abort(new Error(`Stopped by ${name}`));
    endChildren();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(stop.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const wrong = error instanceof TypeError;
  console.error(wrong ? `bench: ${error.message}\n\n${USAGE}` : error);
  process.exitCode = wrong ? 2 : 1;
}
