/** {@linkcode tableLines}: rows in columns, for people. */
import { styled } from "./output.ts";

/** Lines of a table; the columns of `numbers` are flush right, the last one is as wide as it is. */
export function tableLines(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  numbers: readonly string[],
): string[] {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => row[i]!.length))
  );
  const line = (row: readonly string[]) =>
    row.map((cell, i) =>
      numbers.includes(head[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)
    ).join("  ").trimEnd();
  return [styled("bold", line(head)), ...rows.map(line)];
}
