/** What reports are made of, as Markdown. */
import { median } from "./statistics.ts";

const DIGITS = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });

/** A number for people. */
export function format(value: number): string {
  return DIGITS.format(value);
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

/** A section for what failed; empty when nothing did. */
export function failuresOf(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return ["## Failed", "", ...lines.map((line) => `- ${line.split("\n")[0]}`)].join("\n");
}

/** The median of `values` with the least and the most, when there is more than one. */
export function cellOf(values: readonly number[], unit = ""): string {
  if (values.length === 0) return "–";
  if (values.length === 1) return `${format(values[0]!)}${unit}`;
  const [least, most] = [Math.min(...values), Math.max(...values)].map(format);
  return `${format(median(values))}${unit} [${least}–${most}]`;
}
