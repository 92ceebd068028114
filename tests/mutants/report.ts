/** {@linkcode reportOf}: what became of the mutants, as Markdown. */
import process from "node:process";
import { tableOf } from "../../bench/markdown.ts";
import { EXPLAINED } from "./explained.ts";
import { type Catch, STAGES } from "./protocol.ts";
import { type Mutant, nameOf } from "./sources.ts";

/** A mutant, and how it was caught; undefined when it survived. */
export interface Trial {
  readonly mutant: Mutant;
  readonly caught: Catch | undefined;
}

/** A run of mutants. */
export interface Run {
  readonly trials: readonly Trial[];
  /** What repeats it. */
  readonly command: string;
  readonly seconds: number;
  /** How many mutants there are. */
  readonly valid: number;
}

const GOAL = 0.95;

const survivorsOf = (trials: readonly Trial[]) =>
  trials.filter(({ caught }) => caught === undefined).map(({ mutant }) => nameOf(mutant));

/** Survivors without a reason. */
function unexplained(trials: readonly Trial[]): string[] {
  const known = new Set(Object.values(EXPLAINED).flat());
  return survivorsOf(trials).filter((name) => !known.has(name));
}

/** Whether enough are caught, and all others explained. */
export function isGood(trials: readonly Trial[]): boolean {
  const caught = trials.length - survivorsOf(trials).length;
  return caught >= GOAL * trials.length && unexplained(trials).length === 0;
}

/** The whole report. */
export function reportOf(run: Run): string {
  const { trials } = run;
  return [
    "# Mutants of the Lua scripts",
    "",
    `Done on ${new Date().toISOString().slice(0, 10)} with Deno ${process.versions.deno}.`,
    "",
    tableFor(trials, "script", ({ mutant }) => mutant.part.script),
    "",
    tableFor(trials, "mistake", ({ mutant }) => mutant.kind),
    "",
    "## Survivors",
    "",
    ...survivorsOf(trials).map((name) => `- \`${name}\``),
    "",
  ].join("\n");
}

function tableFor(
  trials: readonly Trial[],
  header: string,
  groupOf: (trial: Trial) => string,
): string {
  const groups = Map.groupBy(trials, groupOf);
  const rows = [...groups, ["all", trials] as const].map(([name, group]) => {
    const by = STAGES.map((stage) => group.filter(({ caught }) => caught?.by === stage).length);
    const survive = survivorsOf(group).length;
    const share = (100 * (1 - survive / group.length)).toFixed(1);
    return [name, ...[group.length, ...by, survive].map(String), `${share} %`];
  });
  return tableOf([header, "mutants", ...STAGES, "survive", "caught"], rows);
}
