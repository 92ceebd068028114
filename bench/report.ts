/** What was measured, as a page with a chart. */
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { judgementOf } from "./aims.ts";
import { chartOf } from "./chart.ts";
import type { Measured } from "./data.ts";
import { failuresOf } from "./markdown.ts";
import { sectionOf } from "./tables.ts";
import type { Workload } from "./workload.ts";

const NOTES = `
Written by \`deno task bench --out=docs/performance.md\`;
[bench/README.md](../bench/README.md) tells what is measured, and how. Cells are the median of the
rounds with [least–most]. Ratios are taken inside a round, where everybody is measured in turn on
the same machine: they say more than rates, which change with all that a machine does. ↑ more is
better, ↓ less is better. \`bare\` is the least that can do the work: over Redis, two scripts that
keep a record, a lease and a result of each task; in memory, an array and promises; for pools, a
message for each task.
`.trim();

/** Writes the page, and the chart beside it. */
export async function writeReport(
  file: string,
  measured: readonly Measured[],
  workloads: readonly Workload[],
): Promise<void> {
  const chart = file.replace(/(\.md)?$/, ".svg");
  const rows = measured.flatMap((one) => one.rows);
  await writeFile(chart, chartOf(rows));
  await writeFile(file, reportOf(measured, workloads, basename(chart)));
  spawnSync(process.execPath, ["fmt", "--quiet", file, chart], { stdio: "inherit" });
}

/** The page; with a chart where it has a file. */
export function reportOf(
  measured: readonly Measured[],
  workloads: readonly Workload[],
  chart?: string,
): string {
  const rows = measured.flatMap((one) => one.rows);
  const sections = workloads.flatMap((workload) => {
    const one = measured.find(({ workload: name }) => name === workload.name);
    return one === undefined ? [] : [sectionOf(workload, one.rows, roundsOf(one))];
  });
  const parts = [
    "# Performance",
    headOf(measured),
    NOTES,
    chart === undefined ? "" : `![Medians of what was measured, as bars](${chart})`,
    `## Aims\n\n${judgementOf(rows)}`,
    ...sections,
    failuresOf(failedIn(measured)),
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

/** Machines and versions, each once. */
function headOf(measured: readonly Measured[]): string {
  const distinct = (lines: string[]) => [...new Set(lines)].join("; ");
  return [
    `- Date: ${distinct(measured.map(({ date }) => date))}`,
    `- Machine: ${distinct(measured.map(({ machine }) => machine))}`,
    `- Versions: ${distinct(measured.map(({ versions }) => versions.join(", ")))}`,
  ].join("\n");
}

function roundsOf({ rounds, date }: Measured): string {
  return `${rounds} ${rounds === 1 ? "round" : "rounds"}, ${date}.`;
}

/** Each kind of failure once, with the number of rounds that had it. */
function failedIn(measured: readonly Measured[]): string[] {
  const rounds = new Map<string, number>();
  for (const { workload, case: label, side, error } of measured.flatMap((one) => one.rows)) {
    if (error === undefined) continue;
    const line = `${workload} ${label} ${side}: ${error.split("\n")[0]}`.replace(/ +/g, " ");
    rounds.set(line, (rounds.get(line) ?? 0) + 1);
  }
  return [...rounds].map(([line, count]) => `${line} (rounds: ${count})`);
}
