/**
 * Measures worq beside others: see `README.md`.
 *
 * Exit codes: 0 done (a peer may have failed), 1 something else failed, 2 wrong usage.
 */
import { parseArgs } from "node:util";
import { countFrom, runCommand } from "./command.ts";
import { loadMeasured, type Measured, merge, saveMeasured } from "./data.ts";
import { installPackages } from "./install.ts";
import type { Row } from "./outcomes.ts";
import { reportOf, writeReport } from "./report.ts";
import { measureAll } from "./rounds.ts";
import { isPeer } from "./sides.ts";
import { lineOf } from "./tables.ts";
import { machine, versions } from "./versions.ts";
import type { Workload } from "./workload.ts";
import { restrict, workloadsFor } from "./workloads.ts";

const ROUNDS = 5;
const TASKS = 20_000;
const LONG = 10_000_000;
/** In their place for a quick look. */
const QUICK = { rounds: 1, tasks: 1_000, long: 5_000 };
const KNOWN = workloadsFor({ tasks: TASKS, long: LONG });
const USAGE = `Usage
  deno task bench [workload…] [option…]

Workloads (all when none is named, but for those with a *)
${
  KNOWN.map(({ name, title, apart }) => `${apart ? "*" : " "} ${name.padEnd(9)} ${title}`).join(
    "\n",
  )
}

Options
  --rounds=${ROUNDS}      how often each is measured
  --tasks=${TASKS}   what all numbers of tasks are derived from
  --long=${LONG} tasks of long, which is measured in one round
  --quick         --rounds=${QUICK.rounds} --tasks=${QUICK.tasks} --long=${QUICK.long}
  --sides=a,b     only those whose names have one of these in them: worq/deno, bare, bullmq
  --data=FILE     what earlier runs have measured of other workloads goes into the report; what this
                  one measures goes into the file
  --report        measure nothing: only write the report of that file
  --out=FILE.md   the report, and charts beside it, FILE.svg and, of long, FILE-long.svg; else it
                  goes to standard output

What so many tasks a day need is computed for the report from w1c, w2, w6, payloads and hosts.
`;

interface Options {
  readonly workloads: readonly Workload[];
  readonly rounds: number;
  readonly data: string | undefined;
  readonly out: string | undefined;
}

function parse(args: string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: "string" },
      tasks: { type: "string" },
      long: { type: "string" },
      quick: { type: "boolean", default: false },
      sides: { type: "string", default: "" },
      data: { type: "string" },
      report: { type: "boolean", default: false },
      out: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const usual = values.quick ? QUICK : { rounds: ROUNDS, tasks: TASKS, long: LONG };
  const tasks = countFrom("tasks", values.tasks ?? `${usual.tasks}`);
  const long = countFrom("long", values.long ?? `${usual.long}`);
  const unknown = positionals.find((name) => !KNOWN.some((one) => one.name === name));
  if (unknown !== undefined) throw new TypeError(`No workload "${unknown}"`);
  if (values.report && values.data === undefined) throw new TypeError("--report needs --data=FILE");
  const sides = values.sides.split(",");
  const workloads = workloadsFor({ tasks, long })
    .filter(({ name, apart }) => positionals.length === 0 ? !apart : positionals.includes(name))
    .map((workload) => restrict(workload, (side) => sides.some((part) => side.includes(part))))
    // One without sides would take the place of what was measured of it before.
    .filter(({ cases }) => cases.some(({ entries }) => entries.length > 0));
  if (workloads.length === 0) {
    throw new TypeError(`No side that takes part has one of these in its name: ${values.sides}`);
  }
  return {
    workloads: values.report ? [] : workloads,
    rounds: countFrom("rounds", values.rounds ?? `${usual.rounds}`),
    data: values.data,
    out: values.out,
  };
}

async function run(options: Options, signal: AbortSignal): Promise<number> {
  const { workloads, rounds, data, out } = options;
  const rows: Row[] = [];
  const about = { date: today(), machine: machine(), versions: versions() };
  if (workloads.length > 0) installPackages();
  for (const workload of workloads) workload.prepare?.();
  for await (const row of measureAll(workloads, rounds, signal)) {
    rows.push(row);
    console.error(lineOf(row, workloads));
  }
  const earlier = data === undefined ? [] : await loadMeasured(data);
  const newer = workloads.map(({ name, apart }): Measured => ({
    workload: name,
    ...about,
    rounds: apart ? 1 : rounds,
    rows: rows.filter(({ workload }) => workload === name),
  }));
  const measured = merge(earlier, newer);
  if (data !== undefined) await saveMeasured(data, measured);
  if (out === undefined) console.log(reportOf(measured, KNOWN));
  else await writeReport(out, measured, KNOWN);
  return rows.some(({ side, error }) => error !== undefined && !isPeer(side)) ? 1 : 0;
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

await runCommand({ usage: USAGE, parse, run });
