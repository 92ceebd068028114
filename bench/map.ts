/**
 * Measures `worq map` beside `xargs -P`: the same function over the same lines, with 2 workers.
 *
 * Exit codes: 0 done, 1 something failed, 2 wrong usage.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { countFrom, listFrom, type Run, runCommand } from "./command.ts";
import { cellOf, headOf, tableOf } from "./markdown.ts";
import { findRuntime, type Runtime, type RuntimeName, RUNTIMES } from "./pools/runtimes.ts";

const CLI = fileURLToPath(new URL("../cli.ts", import.meta.url));
const TASKS = fileURLToPath(new URL("map_tasks.ts", import.meta.url));
/** Tasks of `map_tasks.ts`, and lines that each gets. */
const WORKLOADS = [["work", 400], ["tiny", 2_000]] as const;
const USAGE = `Usage
  deno run -A bench/map.ts [--rounds=5] [--runtime=${RUNTIMES}] [--out=FILE]
`;

interface Options {
  readonly rounds: number;
  readonly runtimes: readonly RuntimeName[];
  readonly out: string | undefined;
}

interface Side {
  readonly name: string;
  command(runtime: Runtime, task: string): readonly string[];
}

const worq = (workers: number): Side => ({
  name: `worq map --workers ${workers}`,
  command: ({ runner: { program, args } }, task) => [
    ...[program, ...args, CLI, "map", `${TASKS}:${task}`, "--workers", `${workers}`],
  ],
});

const XARGS: Side = {
  name: "xargs -P 2 -n 1",
  command: ({ runner: { program, args } }, task) => [
    ...["xargs", "-P", "2", "-n", "1", program, ...args, TASKS, task],
  ],
};

const SIDES: readonly Side[] = [worq(2), worq(1), XARGS];

function parse(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: "string", default: "5" },
      runtime: { type: "string", default: `${RUNTIMES}` },
      out: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  return {
    rounds: countFrom("rounds", values.rounds),
    runtimes: listFrom("runtime", values.runtime, RUNTIMES),
    out: values.out,
  };
}

/** Seconds that it takes, from its start to its end. Throws when it fails, or a line is missing. */
function secondsOf([program = "", ...args]: readonly string[], lines: number): number {
  const input = Array.from({ length: lines }, (_, i) => `${i}\n`).join("");
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { input, encoding: "utf8" });
  const seconds = (performance.now() - start) / 1_000;
  if (status === 0 && stdout.split("\n").length === lines + 1) return seconds;
  throw new Error(`${program} ${args.join(" ")} ended with ${status}: ${stderr}`);
}

function run({ rounds, runtimes }: Options): Promise<Run> {
  const found = runtimes.map(findRuntime);
  const cases = WORKLOADS.flatMap(([task, lines]) =>
    found.map((runtime) => ({ task, lines, runtime, seconds: SIDES.map((): number[] => []) }))
  );
  for (let round = 0; round < rounds; round++) {
    for (const { task, lines, runtime, seconds } of cases) {
      for (let i = 0; i < SIDES.length; i++) {
        // Another one goes first in the next round.
        const at = (i + round) % SIDES.length;
        const side = SIDES[at]!;
        const took = secondsOf(side.command(runtime, task), lines);
        seconds[at]!.push(took);
        console.error(`${round + 1}: ${runtime.name} ${task} ${side.name}: ${took.toFixed(2)} s`);
      }
    }
  }
  const rows = cases.flatMap(({ task, lines, runtime, seconds }) =>
    SIDES.map(({ name }, at) => [
      ...[`${lines} × ${task}`, runtime.name, name],
      cellOf(seconds[at]!),
      cellOf(seconds[at]!.map((took, round) => took / seconds[0]![round]!)),
    ])
  );
  const versions = found.map(({ name, version }) => `${name} ${version}`);
  const head = headOf("worq map beside xargs", versions, rounds);
  const headers = ["lines", "runtime", "command", "seconds ↓", "times worq map --workers 2"];
  return Promise.resolve({ report: `${head}\n\n${tableOf(headers, rows, 3)}`, failed: false });
}

await runCommand({ usage: USAGE, parse, run });
