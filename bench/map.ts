/**
 * Measures `worq map` beside `xargs -P`: the same function over the same lines, with 2 workers.
 *
 * Exit codes: 0 done, 1 something failed, 2 wrong usage.
 */
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { countFrom, listFrom, runCommand } from "./command.ts";
import { cellOf, tableOf } from "./markdown.ts";
import { RUNNERS, type RuntimeName, RUNTIMES, versionOf } from "./runtimes.ts";
import { machine } from "./versions.ts";

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
  command(runtime: RuntimeName, task: string): readonly string[];
}

const worq = (workers: number): Side => ({
  name: `worq map --workers ${workers}`,
  command: (runtime, task) => [
    ...[RUNNERS[runtime].program, ...RUNNERS[runtime].args],
    ...[CLI, "map", `${TASKS}:${task}`, "--workers", `${workers}`],
  ],
});

const XARGS: Side = {
  name: "xargs -P 2 -n 1",
  command: (runtime, task) => [
    ...["xargs", "-P", "2", "-n", "1", RUNNERS[runtime].program, ...RUNNERS[runtime].args],
    ...[TASKS, task],
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

async function run({ rounds, runtimes, out }: Options): Promise<number> {
  const cases = WORKLOADS.flatMap(([task, lines]) =>
    runtimes.map((runtime) => ({ task, lines, runtime, seconds: SIDES.map((): number[] => []) }))
  );
  for (let round = 0; round < rounds; round++) {
    for (const { task, lines, runtime, seconds } of cases) {
      for (let i = 0; i < SIDES.length; i++) {
        // Another one goes first in the next round.
        const at = (i + round) % SIDES.length;
        const side = SIDES[at]!;
        const took = secondsOf(side.command(runtime, task), lines);
        seconds[at]!.push(took);
        console.error(`${round + 1}: ${runtime} ${task} ${side.name}: ${took.toFixed(2)} s`);
      }
    }
  }
  const rows = cases.flatMap(({ task, lines, runtime, seconds }) =>
    SIDES.map(({ name }, at) => [
      ...[`${lines} × ${task}`, runtime, name],
      cellOf(seconds[at]!),
      cellOf(seconds[at]!.map((took, round) => took / seconds[0]![round]!)),
    ])
  );
  const headers = ["lines", "runtime", "command", "seconds ↓", "times worq map --workers 2"];
  const report = [
    "# worq map beside xargs",
    "",
    `- Date: ${new Date().toISOString().slice(0, 10)}`,
    `- Machine: ${machine()}`,
    `- Versions: ${runtimes.map((name) => `${name} ${versionOf(name)}`).join(", ")}`,
    "",
    `Median [least–most] of ${rounds} rounds. Ratios are taken inside each round.`,
    "",
    tableOf(headers, rows, 3),
    "",
  ].join("\n");
  console.log(report);
  if (out !== undefined) await writeFile(out, report);
  return 0;
}

await runCommand({ usage: USAGE, parse, run });
