/**
 * Measures worq's pools of threads and of processes beside those of others: see `README.md`.
 *
 * Exit codes: 0 done (a peer may have failed), 1 something else failed, 2 wrong usage.
 */
import { parseArgs } from "node:util";
import { countFrom, listFrom, type Run, runCommand } from "./command.ts";
import { type Contestant, CONTESTANTS, isPeer } from "./pools/contestants.ts";
import { installFor } from "./pools/install.ts";
import { measureAll, type Result } from "./pools/measure.ts";
import { lineOf, reportOf } from "./pools/report.ts";
import { findRuntime, type RuntimeName, RUNTIMES } from "./pools/runtimes.ts";

const ROUNDS = 5;
const NAMES = CONTESTANTS.map(({ name }) => name);
const USAGE = `Usage
  deno task bench:pools [--rounds=${ROUNDS}] [--scale=1] [--runtime=${RUNTIMES}] [--pools=a,b]
                        [--out=FILE]

Pools (all when none is named)
${NAMES.map((name) => `  ${name}`).join("\n")}
`;

interface Options {
  readonly contestants: readonly Contestant[];
  readonly runtimes: readonly RuntimeName[];
  readonly rounds: number;
  readonly scale: number;
  readonly out: string | undefined;
}

function parse(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: `${ROUNDS}` },
      scale: { type: "string", default: "1" },
      runtime: { type: "string", default: `${RUNTIMES}` },
      pools: { type: "string", default: `${NAMES}` },
      out: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const names = listFrom("pools", values.pools, NAMES);
  return {
    contestants: CONTESTANTS.filter(({ name }) => names.includes(name)),
    runtimes: listFrom("runtime", values.runtime, RUNTIMES),
    rounds: countFrom("rounds", values.rounds),
    scale: scaleFrom(values.scale),
    out: values.out,
  };
}

function scaleFrom(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new TypeError(`--scale must be a number over 0, received "${text}"`);
}

async function run(options: Options, signal: AbortSignal): Promise<Run> {
  const { contestants, rounds, scale } = options;
  const runtimes = options.runtimes.map(findRuntime);
  installFor(contestants);
  const results: Result[] = [];
  for await (const result of measureAll({ contestants, runtimes, rounds, scale, signal })) {
    results.push(result);
    console.error(lineOf(result));
  }
  const failed = results.some(({ contestant, outcome }) =>
    outcome instanceof Error && !isPeer(contestant)
  );
  return { report: reportOf(results, runtimes, rounds), failed };
}

await runCommand({ usage: USAGE, parse, run });
