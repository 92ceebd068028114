/** What was measured, as a page with a chart. */
import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import process from "node:process";
import { judgementOf } from "./aims.ts";
import { capacityOf } from "./capacity/section.ts";
import { chartOf } from "./chart.ts";
import type { Measured } from "./data.ts";
import { linesOf } from "./long/chart.ts";
import { onTheWay } from "./long/section.ts";
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

/** Files of pictures, beside the page. */
interface Charts {
  readonly bars: string;
  readonly lines: string;
}

/** Writes the page, and the charts beside it. */
export async function writeReport(
  file: string,
  measured: readonly Measured[],
  workloads: readonly Workload[],
): Promise<void> {
  const rows = measured.flatMap((one) => one.rows);
  const base = file.replace(/\.md$/, "");
  const [bars, lines] = [`${base}.svg`, `${base}-long.svg`];
  const pictures = [[bars, chartOf(rows)], [lines, linesOf(rows)]] as const;
  const drawn = pictures.filter(([, svg]) => svg !== "");
  for (const [name, svg] of drawn) await writeFile(name, svg);
  await writeFile(
    file,
    reportOf(measured, workloads, { bars: basename(bars), lines: basename(lines) }),
  );
  const written = [file, ...drawn.map(([name]) => name)];
  spawnSync(process.execPath, ["fmt", "--quiet", ...written], { stdio: "inherit" });
}

/** The page; with charts where these have files. */
export function reportOf(
  measured: readonly Measured[],
  workloads: readonly Workload[],
  charts?: Charts,
): string {
  const rows = measured.flatMap((one) => one.rows);
  const sections = workloads.flatMap((workload) => {
    const one = measured.find(({ workload: name }) => name === workload.name);
    if (one === undefined) return [];
    const section = sectionOf(workload, one.rows, roundsOf(one));
    const lines = onTheWay(workload, one.rows);
    if (lines === "") return [section];
    return [section, imageOf("What was read on the way, as lines", charts?.lines), lines];
  });
  const parts = [
    "# Performance",
    headOf(measured),
    NOTES,
    imageOf("Medians of what was measured, as bars", charts?.bars),
    `## Aims\n\n${judgementOf(rows)}`,
    capacityOf(rows),
    ...sections,
    failuresOf(failedIn(measured)),
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

function imageOf(text: string, file: string | undefined): string {
  return file === undefined ? "" : `![${text}](${file})`;
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
