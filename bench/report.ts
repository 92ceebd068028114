/** Results as Markdown. */
import { cpus } from "node:os";
import process from "node:process";
import type { Result } from "./measure.ts";
import { SIDES } from "./sides.ts";
import { median } from "./statistics.ts";
import type { Workload } from "./workloads.ts";

const [OURS, THEIRS] = SIDES;
const DIGITS = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** The whole report. `redisInfo` is what the server says of itself. */
export function reportOf(results: readonly Result[], rounds: number, redisInfo: string): string {
  const workloads = [...new Set(results.map(({ workload }) => workload))];
  const parts = [
    headOf(rounds, redisInfo),
    ...workloads.map((workload) => tableOf(workload, results)),
    failuresOf(results),
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

/** One result, for who watches. */
export function lineOf({ workload, case: one, side, round, outcome }: Result): string {
  const subject = `round ${round} ${workload.name} ${one.label} ${side.name}`.replace(/ +/g, " ");
  if (outcome instanceof Error) return `${subject}: ${outcome.message}`;
  const figures = workload.columns.map(({ key, header }) =>
    `${DIGITS.format(outcome[key]!)} ${header.replace(/ [↑↓]/, "")}`
  );
  return `${subject}: ${figures.join("; ")}`;
}

function headOf(rounds: number, redisInfo: string): string {
  const [cpu] = cpus();
  const versions = [
    `Deno ${process.versions.deno}`,
    `Redis ${/^redis_version:(\S+)/m.exec(redisInfo)?.[1]}`,
    ...SIDES.map(({ name, version }) => `${name} ${version}`),
  ];
  return [
    `# ${OURS.name} beside ${THEIRS.name}`,
    "",
    `- Date: ${new Date().toISOString().slice(0, 10)}`,
    `- Machine: ${cpu?.model ?? "unknown"}, ${cpus().length} cores`,
    `- Versions: ${versions.join(", ")}`,
    "",
    `Median [min–max] of ${rounds} ${
      rounds === 1 ? "round" : "rounds"
    }. Ratios are taken inside each round. ↑ more is better, ` +
    "↓ less is better.",
  ].join("\n");
}

function tableOf(workload: Workload, results: readonly Result[]): string {
  const { name, title, caseHeader, columns, cases } = workload;
  const headers = ["side", ...columns.map(({ header }) => header)];
  if (caseHeader !== undefined) headers.unshift(caseHeader);
  const own = results.filter((result) => result.workload === workload);
  const rows = cases.flatMap((one) => {
    const lines = rowsOf(workload, own.filter((result) => result.case === one));
    return caseHeader === undefined ? lines : lines.map((cells) => [one.label, ...cells]);
  });
  const rule = headers.map((_, i) => i < headers.length - columns.length ? "---" : "---:");
  return [`## ${name}: ${title}`, "", ...[headers, rule, ...rows].map(lineFrom)].join("\n");
}

function lineFrom(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** A row for each side, and one for the ratio. */
function rowsOf({ columns }: Workload, results: readonly Result[]): string[][] {
  const sides = SIDES.map(({ name }) => [
    name,
    ...columns.map(({ key }) => cellOf([...valuesOf(results, name, key).values()])),
  ]);
  const ratios = columns.map(({ key }) => cellOf(ratiosOf(results, key), "x"));
  return [...sides, [`${OURS.name} / ${THEIRS.name}`, ...ratios]];
}

function ratiosOf(results: readonly Result[], key: string): number[] {
  const theirs = valuesOf(results, THEIRS.name, key);
  return [...valuesOf(results, OURS.name, key)]
    .filter(([round]) => theirs.has(round))
    .map(([round, value]) => value / theirs.get(round)!);
}

/** A figure of one side, by round. */
function valuesOf(results: readonly Result[], side: string, key: string): Map<number, number> {
  const values = new Map<number, number>();
  for (const result of results) {
    if (result.side.name !== side || result.outcome instanceof Error) continue;
    const value = result.outcome[key];
    if (value !== undefined && Number.isFinite(value)) values.set(result.round, value);
  }
  return values;
}

function cellOf(values: readonly number[], unit = ""): string {
  if (values.length === 0) return "–";
  const [least, most] = [Math.min(...values), Math.max(...values)].map((v) => DIGITS.format(v));
  return `${DIGITS.format(median(values))}${unit} [${least}–${most}]`;
}

function failuresOf(results: readonly Result[]): string {
  const failed = results.filter(({ outcome }) => outcome instanceof Error);
  if (failed.length === 0) return "";
  return ["## Failed", "", ...failed.map((result) => `- ${lineOf(result).split("\n")[0]}`)]
    .join("\n");
}
