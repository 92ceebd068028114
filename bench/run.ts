/**
 * Measures worq beside BullMQ, on a Redis server of its own: see `README.md`.
 *
 * Exit codes: 0 done, 1 something failed, 2 wrong usage.
 */
import { parseArgs } from "node:util";
import { RedisServer } from "../tests/support/redis_server.ts";
import { countFrom, type Run, runCommand } from "./command.ts";
import { Costs } from "./costs.ts";
import { measureAll, type Result } from "./measure.ts";
import { lineOf, reportOf } from "./report.ts";
import { TASKS, type Workload, workloadsFor } from "./workloads.ts";

const ROUNDS = 5;
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

function parse(args: string[]): Options | undefined {
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

async function run({ workloads, rounds }: Options, signal: AbortSignal): Promise<Run> {
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

await runCommand({ usage: USAGE, parse, run });
