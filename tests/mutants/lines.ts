/** {@linkcode linesOf}: the lines of a Lua text, as the mutator sees them. */

/** A statement, or the head of a block; it may go over several lines of the text. */
export interface Line {
  /** Numbers of its first line and of the one behind its last. */
  readonly from: number;
  readonly to: number;
  /** In one line, without what stands before it. */
  readonly text: string;
  /** Spaces before it. */
  readonly indent: number;
  /** Begins, ends or divides a block. */
  readonly isEdge: boolean;
}

const COMMENT = /^\s*(--.*)?$/;
/** The statement goes on in the next line. */
const OPEN = /(?:[,=(]|\.\.| and| or)$/;
/** It goes on from the line before. */
const REST = /^\s*(?:and|or|\.\.)\b/;
const EDGE = /^(?:end|else|until)\b|^elseif .* then$|\b(?:then|do|repeat)$|function.*\)$/;
const WHOLE_FUNCTION = /function.*\bend$/;

/** All lines but comments. */
export function linesOf(text: string): Line[] {
  const rows = text.split("\n");
  const lines: Line[] = [];
  for (let from = 0; from < rows.length; from++) {
    const first = rows[from]!;
    if (COMMENT.test(first)) continue;
    let to = from + 1;
    while (OPEN.test(rows[to - 1]!) || REST.test(rows[to] ?? "")) to++;
    const whole = rows.slice(from, to).map((row) => row.trim()).join(" ");
    lines.push({
      ...{ from, to, text: whole },
      indent: first.length - first.trimStart().length,
      isEdge: EDGE.test(whole) && !WHOLE_FUNCTION.test(whole),
    });
    from = to - 1;
  }
  return lines;
}
