/** {@linkcode oneLine}: text of others, where only a line is expected. */
import { stripVTControlCharacters } from "node:util";

/** Text of others as one line that does nothing to a terminal. */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex -- what terminals obey
  return stripVTControlCharacters(text).replace(/[\s\x00-\x1f\x7f-\x9f]+/g, " ").trim();
}
