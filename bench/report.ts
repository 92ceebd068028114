/** Results as Markdown. */
import process from "node:process";
import { cellOf, failuresOf, headOf, tableOf, textOf } from "./markdown.ts";
import type { Result } from "./measure.ts";
import { byRound, ratiosOf } from "./outcomes.ts";
import { type Side, SIDES } from "./sides.ts";
import type { Workload } from "./workloads.ts";

const [OURS, THEIRS] = SIDES;

/** The whole report. `redisInfo` is what the server says of itself. */
export function reportOf(results: readonly Result[], rounds: number, redisInfo: string): string {
  const workloads = [...new Set(results.map(({ workload }) => workload))];
  const versions = [
    `Deno ${process.versions.deno}`,
    `Redis ${/^redis_version:(\S+)/m.exec(redisInfo)?.[1]}`,
    ...SIDES.map(({ name, version }) => `${name} ${version}`),
  ];
  const failed = results.filter(({ outcome }) => outcome instanceof Error);
  const parts = [
    headOf(`${OURS.name} beside ${THEIRS.name}`, versions, rounds),
    ...workloads.map((workload) => sectionOf(workload, results)),
    failuresOf(failed.map(lineOf)),
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

/** One result, for who watches. */
export function lineOf({ workload, case: one, side, round, outcome }: Result): string {
  const subject = `round ${round} ${workload.name} ${one.label} ${side.name}`.replace(/ +/g, " ");
  return `${subject}: ${textOf(outcome, workload.columns)}`;
}

function sectionOf(workload: Workload, results: readonly Result[]): string {
  const { name, title, caseHeader, columns, cases } = workload;
  const headers = ["side", ...columns.map(({ header }) => header)];
  if (caseHeader !== undefined) headers.unshift(caseHeader);
  const own = results.filter((result) => result.workload === workload);
  const rows = cases.flatMap((one) => {
    const lines = rowsOf(workload, own.filter((result) => result.case === one));
    return caseHeader === undefined ? lines : lines.map((cells) => [one.label, ...cells]);
  });
  const table = tableOf(headers, rows, headers.length - columns.length);
  return `## ${name}: ${title}\n\n${table}`;
}

/** A row for each side, and one for the ratio. */
function rowsOf({ columns }: Workload, results: readonly Result[]): string[][] {
  const figures = (side: Side, key: string) =>
    byRound(results.filter((result) => result.side === side), key);
  const sides = SIDES.map((side) => [
    side.name,
    ...columns.map(({ key }) => cellOf([...figures(side, key).values()])),
  ]);
  const ratios = columns.map(({ key }) =>
    cellOf(ratiosOf(figures(OURS, key), figures(THEIRS, key)), "x")
  );
  return [...sides, [`${OURS.name} / ${THEIRS.name}`, ...ratios]];
}
