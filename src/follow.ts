/** {@linkcode follow}: what a task says, as it comes. */
import { lineOf, type LogLine, type Note, type Progress, progressOf } from "./notes.ts";
import type { TaskQueue } from "./task_queue.ts";

/** Something that a task said: how far it is, or a line of its log. */
export type Said =
  | { readonly kind: "progress" } & Progress
  | { readonly kind: "line" } & LogLine;

/** Gives what a task said so far, and then what it says until `wait` tells that it is over. */
export async function* follow(
  queue: TaskQueue,
  id: string,
  wait: () => Promise<boolean>,
): AsyncIterableIterator<Said> {
  let from = 0;
  let last = 0;
  for (let isOver = false;;) {
    const { progress, first, lines } = await queue.notes(id, from);
    from = first + lines.length;
    const isNew = progress !== undefined && progress[1] > last;
    if (isNew) last = progress[1];
    const said: Note[] = isNew ? [...lines, progress] : [...lines];
    for (const note of said.sort((a, b) => a[1] - b[1])) {
      yield note[0] === null
        ? { kind: "line", ...lineOf(note) }
        : { kind: "progress", ...progressOf(note)! };
    }
    if (isOver) return;
    // Once more after the end: what it said last may have come with it.
    isOver = await wait();
  }
}
