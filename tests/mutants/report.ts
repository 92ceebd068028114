/** {@linkcode reportOf}: what became of the mutants, as Markdown. */
import { cpus } from "node:os";
import process from "node:process";
import { tableOf } from "../../bench/markdown.ts";
import { ORDERS, SEQUENCES } from "./bench.ts";
import { EXPLAINED } from "./explained.ts";
import { type Catch, STAGES } from "./protocol.ts";
import type { Kind } from "./mutate.ts";
import { type Mutant, nameOf } from "./sources.ts";

/** A mutant, and how it was caught; undefined when it survived. */
export interface Trial {
  readonly mutant: Mutant;
  readonly caught: Catch | undefined;
}

/** A run of mutants. */
export interface Run {
  readonly trials: readonly Trial[];
  /** How many mutants there are. */
  readonly all: number;
  /** What repeats it. */
  readonly command: string;
  readonly seconds: number;
  /** Version of the server. */
  readonly redis: string;
}

/** So many must be caught. */
const GOAL = 0.95;
/** The kinds that this is for. Off by one is often the same, so these are told only. */
const COUNTED: readonly Kind[] = ["drop", "swap"];

const namesOfSurvivors = (trials: readonly Trial[]) =>
  trials.filter(({ caught }) => caught === undefined).map(({ mutant }) => nameOf(mutant));

/** Survivors by their reasons, and those that have none. */
function explain(trials: readonly Trial[]) {
  const left = new Set(namesOfSurvivors(trials));
  const groups = EXPLAINED.map(({ why, names }) => ({
    why,
    names: names.filter((name) => left.delete(name)),
  }));
  return { groups: groups.filter(({ names }) => names.length > 0), unexplained: [...left] };
}

/** What keeps a run from being a success, in a line each. */
export function complaintsOf(trials: readonly Trial[]): string[] {
  const counted = trials.filter(({ mutant }) => COUNTED.includes(mutant.kind));
  const caught = counted.length - namesOfSurvivors(counted).length;
  const complaints = explain(trials).unexplained.map((name) => `Not explained: ${name}`);
  if (caught < GOAL * counted.length) {
    complaints.push(`Fewer than ${100 * GOAL} % of ${COUNTED.join(" and ")} are caught`);
  }
  const explained = new Set(EXPLAINED.flatMap(({ names }) => names));
  for (const { mutant, caught } of trials) {
    if (caught === undefined || !explained.has(nameOf(mutant))) continue;
    complaints.push(`Explained, but caught by ${caught.test}: ${nameOf(mutant)}`);
  }
  return complaints;
}

/** The whole report. */
export function reportOf({ trials, all, command, seconds, redis }: Run): string {
  const { groups, unexplained } = explain(trials);
  const [cpu] = cpus();
  const sections = groups.map(({ why, names }) => `${why}\n\n${listOf(names)}`);
  return `# Mutants of the Lua scripts

A mutant is the scripts with one small mistake. Each is given to the tests until one of them fails:
what no test notices is either a hole in the tests, or a line that makes no difference.

- Date: ${new Date().toISOString().slice(0, 10)}
- Machine: ${cpu?.model ?? "unknown"}, ${cpus().length} cores
- Versions: Deno ${process.versions.deno}, Redis ${redis}
- Command: \`${command}\`, which took ${Math.round(seconds / 60)} minutes and wrote this file
- Mutants: ${trials.length === all ? `all ${all}` : `${trials.length} of ${all}, drawn by the seed`}

The mistakes: a line is dropped; two neighbours change places; a condition is negated; a comparison
is off by one (\`<\` for \`<=\`). A mistake in a function that scripts share is in all scripts that have
it. What Redis refuses as no Lua does not count, nor does a swap of two lines that have nothing to do
with each other: neither sets a name that the other one has, and neither changes a key that the other
one uses (\`tests/mutants/independent.ts\`). At least ${100 * GOAL} % of ${
    COUNTED.join(" and ")
  } must be caught; the other
two kinds are more than that, and being off by one often comes to the same.

The tests, in this order: \`suite\`, the cases for every backend (\`src/testing/\`); \`redis\`, the cases
for Redis (\`tests/support/redis_cases.ts\`); \`model\`, ${SEQUENCES} random sequences beside the memory queue
(\`tests/support/model.ts\`); \`orders\`, clients in ${ORDERS} orders of each scenario
(\`tests/support/scenarios.ts\`). A test that takes far too long has noticed, too.

${tableFor(trials, "script", ({ mutant }) => mutant.part.script)}

${tableFor(trials, "mistake", ({ mutant }) => mutant.kind)}

## Survivors

${sections.join("\n\n") || "None."}
${unexplained.length > 0 ? `\n### Not explained\n\n${listOf(unexplained)}\n` : ""}`;
}

function listOf(names: readonly string[]): string {
  return names.map((name) => `- ${codeOf(name)}`).join("\n");
}

/** A name in one line, with control characters as they are called. */
function codeOf(name: string): string {
  return `\`${name.replaceAll("\x1f", "␟").replaceAll("\x1e", "␞")}\``;
}

function tableFor(
  trials: readonly Trial[],
  header: string,
  groupOf: (trial: Trial) => string,
): string {
  const groups = Map.groupBy(trials, groupOf);
  const rows = [...groups, ["all", trials] as const].map(([name, group]) => {
    const by = STAGES.map((stage) => group.filter(({ caught }) => caught?.by === stage).length);
    const survive = namesOfSurvivors(group).length;
    const share = (100 * (1 - survive / group.length)).toFixed(1);
    return [name, ...[group.length, ...by, survive].map(String), `${share} %`];
  });
  return tableOf([header, "mutants", ...STAGES, "survive", "caught"], rows);
}
