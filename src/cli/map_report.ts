/** How `worq map` tells what became of its inputs. */
import type { Mapping } from "./mapping.ts";
import { oneLine } from "./one_line.ts";

const [LONGEST_INPUT, LONGEST_REASON] = [60, 500];

/** The failures, a line for each, named after what inputs are, and how many there are besides. */
export function failuresOf({ failures, failed }: Mapping, inputs: "line" | "argument"): string[] {
  const lines = failures.map(({ number, text, reason }) => {
    const input = text === "" ? "" : ` (${clip(oneLine(text), LONGEST_INPUT)})`;
    return `${inputs} ${number}${input}: ${clip(oneLine(reason), LONGEST_REASON)}`;
  });
  const more = failed - failures.length;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

/** `97 done, 3 failed in 2.1s`. */
export function summaryOf({ done, failed }: Mapping, time: number): string {
  return `${done} done${failed > 0 ? `, ${failed} failed` : ""} in ${timeOf(time)}`;
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function timeOf(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 1 ? 2 : 1)}s`;
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600)];
  return hours === 0 ? `${minutes}m${Math.floor(seconds % 60)}s` : `${hours}h${minutes % 60}m`;
}
