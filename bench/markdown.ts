/** What reports are made of, as Markdown. */
import { cpus } from "node:os";
import type { Column } from "./outcomes.ts";
import type { Figures } from "./protocol.ts";
import { median } from "./statistics.ts";

const DIGITS = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** A number for people. */
export function format(value: number): string {
  return DIGITS.format(value);
}

/** How a report begins. */
export function headOf(title: string, versions: readonly string[], rounds: number): string {
  const [cpu] = cpus();
  return [
    `# ${title}`,
    "",
    `- Date: ${new Date().toISOString().slice(0, 10)}`,
    `- Machine: ${cpu?.model ?? "unknown"}, ${cpus().length} cores`,
    `- Versions: ${versions.join(", ")}`,
    "",
    `Median [min–max] of ${rounds} ${rounds === 1 ? "round" : "rounds"}. ` +
    "Ratios are taken inside each round. ↑ more is better, ↓ less is better.",
  ].join("\n");
}

/** A table; the first `labels` columns have words, the others figures. */
export function tableOf(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  labels = 1,
): string {
  const rule = headers.map((_, i) => i < labels ? "---" : "---:");
  return [headers, rule, ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The median of `values` with the least and the most. */
export function cellOf(values: readonly number[], unit = ""): string {
  if (values.length === 0) return "–";
  const [least, most] = [Math.min(...values), Math.max(...values)].map(format);
  return `${format(median(values))}${unit} [${least}–${most}]`;
}

/** What one measurement gave, in one line for who watches; an error as it is. */
export function textOf(outcome: Figures | Error, columns: readonly Column[]): string {
  if (outcome instanceof Error) return outcome.message;
  return columns
    .filter(({ key }) => Number.isFinite(outcome[key]))
    .map(({ key, header }) => `${format(outcome[key]!)} ${header.replace(/ [↑↓]/, "")}`)
    .join("; ");
}

/** The list of what failed, a line each; empty when nothing did. */
export function failuresOf(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return ["## Failed", "", ...lines.map((line) => `- ${line.split("\n")[0]}`)].join("\n");
}
