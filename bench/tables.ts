/** A workload as Markdown. */
import { cellOf, format, tableOf } from "./markdown.ts";
import { ratiosOf, type Row, valuesOf } from "./outcomes.ts";
import { OURS, partsOf } from "./sides.ts";
import type { Workload } from "./workload.ts";

/** Its section: a row for each side, then one for each ratio. */
export function sectionOf(workload: Workload, rows: readonly Row[], measured: string): string {
  const { name, title, caseHeader, columns, cases } = workload;
  const headers = ["side", ...columns.map(({ header }) => header)];
  if (caseHeader !== undefined) headers.unshift(caseHeader);
  const lines = cases.flatMap(({ label, entries }) => {
    const sides = entries.map(({ side }) => side)
      .filter((side) => rows.some((row) => row.case === label && row.side === side));
    const cells = [
      ...sidesOf(workload, label, sides, rows),
      ...ratios(workload, label, sides, rows),
    ];
    return caseHeader === undefined ? cells : cells.map((line) => [label, ...line]);
  });
  const table = tableOf(headers, lines, headers.length - columns.length);
  return [`## ${name}: ${title}`, measured, table].join("\n\n");
}

/** One row, for who watches. */
export function lineOf(row: Row, workloads: readonly Workload[]): string {
  const subject = `round ${row.round} ${row.workload} ${row.case} ${row.side}`.replace(/ +/g, " ");
  return `${subject}: ${row.error ?? figuresOf(row, workloads)}`;
}

function figuresOf({ workload, figures = {} }: Row, workloads: readonly Workload[]): string {
  const columns = workloads.find(({ name }) => name === workload)?.columns ?? [];
  return columns
    .filter(({ key }) => Number.isFinite(figures[key]))
    .map(({ key, header }) => `${format(figures[key]!)} ${header.replace(/ [↑↓]/, "")}`)
    .join("; ");
}

function sidesOf(
  { name: workload, columns }: Workload,
  label: string,
  sides: readonly string[],
  rows: readonly Row[],
): string[][] {
  return sides.map((side) => [
    side,
    ...columns.map(({ key }) => cellOf(valuesOf(rows, { workload, case: label, side, key }))),
  ]);
}

/** Ours to each other library on the same runtime. */
function ratios(
  { name: workload, columns }: Workload,
  label: string,
  sides: readonly string[],
  rows: readonly Row[],
): string[][] {
  const ours = sides.filter((side) => partsOf(side).library === OURS);
  return ours.flatMap((our) => {
    const { runtime } = partsOf(our);
    const others = sides.filter((side) => side !== our && partsOf(side).runtime === runtime);
    return others.map((other) => [
      `**${our} : ${partsOf(other).library}**`,
      ...columns.map(({ key }) =>
        cellOf(
          ratiosOf(
            rows,
            { workload, case: label, side: our, key },
            { workload, case: label, side: other, key },
          ),
          "x",
        )
      ),
    ]);
  });
}
