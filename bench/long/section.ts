/** What was read on the way, as Markdown: whether it grew, and all of it. */
import { cellOf, tableOf } from "../markdown.ts";
import type { Row } from "../outcomes.ts";
import type { Figures } from "../protocol.ts";
import type { Workload } from "../workload.ts";
import { growthOf } from "./growth.ts";

/** What must not grow, by its key. */
const JUDGED: Readonly<Record<string, string>> = {
  redis: "memory of Redis",
  used: "of it used",
  producer: "memory of the producer",
  worker: "memory of the worker",
  keys: "keys",
  p50: "probe p50",
  p99: "probe p99",
  cpu: "CPU of a task",
};
const PERCENT = new Intl.NumberFormat("en", {
  style: "percent",
  maximumFractionDigits: 1,
  signDisplay: "exceptZero",
});

/** Tables of a workload that reads figures on the way. */
export function onTheWay({ samples: columns = [] }: Workload, rows: readonly Row[]): string {
  return rows.flatMap(({ side, samples = [] }) => {
    if (samples.length === 0) return [];
    const lines = samples.map((one) => columns.map(({ key }) => cellOf(finite(one[key]))));
    return [
      `### ${side}: does it grow?`,
      growthTable(samples),
      `### ${side}: on the way`,
      tableOf(columns.map(({ header }) => header), lines, 0),
    ];
  }).join("\n\n");
}

function growthTable(samples: readonly Figures[]): string {
  const lines = Object.entries(JUDGED).map(([key, name]) => {
    const read = samples.filter((one) => Number.isFinite(one[key]));
    if (read.length < 4) return [name, "–", "–", "–"];
    const { first, last, verdict } = growthOf(
      read.map(({ done }) => done!),
      read.map((one) => one[key]!),
    );
    return [name, PERCENT.format(first), PERCENT.format(last), verdict];
  });
  return tableOf(["", "rise in the first half", "in the last half", "grows"], lines);
}

function finite(value: number | undefined): number[] {
  return value !== undefined && Number.isFinite(value) ? [value] : [];
}
