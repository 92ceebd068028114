/**
 * Makes mistakes in the Lua scripts, one at a time, and sees whether the tests notice:
 *
 *     deno task mutants [--sample=N] [--seed=S] [--script=NAME] [--name=WORDS]
 *         [--stages=suite,redis,model,orders] [--processes=N]
 *
 * Writes `docs/mutants.md`, unless only some scripts, names or tests are asked for. Fails when fewer
 * than 95 % are caught, and when `explained.ts` does not explain exactly those that survive.
 */
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { farm } from "./farm.ts";
import { STAGES, type Verdict } from "./protocol.ts";
import { complaintsOf, reportOf, type Trial } from "./report.ts";
import { allMutants, nameOf } from "./sources.ts";
import { onlyValid } from "./valid.ts";

const REPORT = fileURLToPath(new URL("../../docs/mutants.md", import.meta.url));

/** So many of `all`, in their order; the same ones for the same seed. */
function sampleOf<T>(all: readonly T[], size: number, seed: number): T[] {
  let state = seed;
  // The generator of "Numerical Recipes": enough to choose by.
  const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  const drawn = all.map((one, i) => ({ one, i, draw: random() }));
  drawn.sort((a, b) => a.draw - b.draw).length = Math.min(size, all.length);
  return drawn.sort((a, b) => a.i - b.i).map(({ one }) => one);
}

function optionsFrom(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      sample: { type: "string" },
      seed: { type: "string", default: "1" },
      script: { type: "string" },
      name: { type: "string", default: "" },
      stages: { type: "string", default: STAGES.join() },
      processes: { type: "string", default: "2" },
    },
  });
  const { sample, seed, script, name, stages, processes } = values;
  return {
    ...(sample === undefined ? {} : { sample: Number(sample) }),
    ...(script === undefined ? {} : { script }),
    name,
    seed: Number(seed),
    stages: STAGES.filter((stage) => stages.split(",").includes(stage)),
    processes: Number(processes),
  };
}

async function main(args: string[]): Promise<number> {
  const { sample, seed, script, name, ...how } = optionsFrom(args);
  const all = allMutants();
  const wanted = all.filter((mutant) =>
    (script === undefined || mutant.part.script === script) && nameOf(mutant).includes(name)
  );
  const { valid, redis } = await onlyValid(wanted);
  const mutants = sampleOf(valid, sample ?? Infinity, seed);
  await farm([-1], { ...how, processes: 1 }, (_, { caught }) => {
    if (caught) throw new Error(`The scripts fail as they are: ${caught.test}: ${caught.error}`);
  });
  console.log(`${mutants.length} mutants`);
  const begin = performance.now();
  const trials: Trial[] = [];
  const onVerdict = (number: number, { caught }: Verdict) => {
    const mutant = all[number]!;
    trials.push({ mutant, caught });
    const how = caught === undefined ? "survives" : `${caught.by}: ${caught.test}`;
    console.log(`${trials.length} ${nameOf(mutant)} → ${how}`);
  };
  await farm(mutants.map((mutant) => all.indexOf(mutant)), how, onVerdict);
  const seconds = (performance.now() - begin) / 1_000;
  const command = ["deno task mutants", ...args].join(" ");
  trials.sort((a, b) => all.indexOf(a.mutant) - all.indexOf(b.mutant));
  const report = reportOf({ trials, all: valid.length, command, seconds, redis });
  const whole = script === undefined && name === "" && how.stages.length === STAGES.length;
  if (whole) {
    await writeFile(REPORT, report);
    spawnSync(process.execPath, ["fmt", "--quiet", REPORT]);
  }
  if (!whole) console.log(report);
  const complaints = complaintsOf(trials);
  for (const complaint of complaints) console.error(complaint);
  return complaints.length === 0 ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2));
