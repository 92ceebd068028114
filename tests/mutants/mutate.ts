/**
 * {@linkcode mutantsOf}: all mutants of a Lua text, each with one small mistake in it. Whether a
 * mutant is Lua at all is for the server to say.
 */
import { areIndependent } from "./independent.ts";
import { type Line, linesOf } from "./lines.ts";

/** What was done to a line. */
export type Kind = "drop" | "swap" | "negate" | "shift";

/** A text with one mistake. */
export interface Mutation {
  readonly kind: Kind;
  /** The line as it was; for a swap the first of the two. */
  readonly line: string;
  /** Which of those with the same kind and line in this text, from 1 on. */
  readonly nth: number;
  /** The whole text with the mistake. */
  readonly text: string;
}

type Draft = Omit<Mutation, "nth">;

/** What a comparison becomes that is off by one. */
const SHIFTED: Readonly<Record<string, string>> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" };
const COMPARISON = / (<=?|>=?) /g;
const CONDITION = /^(\s*(?:if|elseif|while) )(.*?)( (?:then|do)\b.*)$/s;

/** All mutants of `text`, in the order of its lines. */
export function mutantsOf(text: string): Mutation[] {
  const rows = text.split("\n");
  const lines = linesOf(text);
  const drafts = lines.flatMap((line, i) => [
    ...drop(rows, line),
    ...swap(rows, line, lines[i + 1]),
    ...negate(rows, line),
    ...shift(rows, line),
  ]);
  const seen = new Map<string, number>();
  return drafts.map((draft) => {
    const key = `${draft.kind} ${draft.line}`;
    const nth = (seen.get(key) ?? 0) + 1;
    seen.set(key, nth);
    return { ...draft, nth };
  });
}

/** The text with other rows in place of a line. */
function replace(rows: readonly string[], { from, to }: Line, by: readonly string[]): string {
  return [...rows.slice(0, from), ...by, ...rows.slice(to)].join("\n");
}

function drop(rows: readonly string[], line: Line): Draft[] {
  return [{ kind: "drop", line: line.text, text: replace(rows, line, []) }];
}

/** Neighbours in one block change places, unless that means nothing. */
function swap(rows: readonly string[], line: Line, next: Line | undefined): Draft[] {
  if (next === undefined || line.isEdge || next.isEdge || line.indent !== next.indent) return [];
  if (line.text === next.text || areIndependent(line.text, next.text)) return [];
  const both = { ...line, to: next.to };
  const between = rows.slice(line.to, next.from);
  const swapped = [
    ...rows.slice(next.from, next.to),
    ...between,
    ...rows.slice(line.from, line.to),
  ];
  return [{ kind: "swap", line: line.text, text: replace(rows, both, swapped) }];
}

function negate(rows: readonly string[], line: Line): Draft[] {
  const [, before, condition, after] = CONDITION.exec(textOf(rows, line)) ?? [];
  if (condition === undefined) return [];
  const text = replace(rows, line, [`${before}not (${condition})${after}`]);
  return [{ kind: "negate", line: line.text, text }];
}

function shift(rows: readonly string[], line: Line): Draft[] {
  const text = textOf(rows, line);
  return [...text.matchAll(COMPARISON)].map(({ index, 0: whole, 1: sign }) => {
    const wrong = text.slice(0, index) + ` ${SHIFTED[sign!]} ` + text.slice(index + whole.length);
    return { kind: "shift", line: line.text, text: replace(rows, line, [wrong]) };
  });
}

function textOf(rows: readonly string[], { from, to }: Line): string {
  return rows.slice(from, to).join("\n");
}
