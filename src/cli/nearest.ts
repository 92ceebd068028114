/** {@linkcode didYouMean}: the way out of a typo. */
import { closest, distance } from "fastest-levenshtein";

/** `, did you mean X?` when one of `known` is near what was typed; empty otherwise. */
export function didYouMean(typed: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const near = closest(typed, known);
  return distance(typed, near) <= Math.max(1, typed.length / 3) ? `, did you mean ${near}?` : "";
}
