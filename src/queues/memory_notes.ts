/** {@linkcode Notes}: what tasks of a queue in memory said. */
import { type KeptNotes, MAX_LINES, type Note, type TaskNotes } from "../notes.ts";

interface Kept {
  progress: Note | undefined;
  first: number;
  lines: Note[];
  until: number;
}

/** Tasks that there may be before it is worth looking for old ones. */
const MANY = 1_000;

/** Each is kept for its time after the task said something last. */
export class Notes {
  readonly #kept = new Map<string, Kept>();
  #lookedAt = MANY;

  /** A task said something. */
  add({ id, notes, keep }: TaskNotes, now: number): void {
    const kept = this.#of(id, now) ?? { progress: undefined, first: 0, lines: [], until: 0 };
    kept.progress = notes.findLast(([part]) => part !== null) ?? kept.progress;
    kept.lines.push(...notes.filter(([part]) => part === null));
    const tooMany = Math.max(0, kept.lines.length - MAX_LINES);
    kept.lines.splice(0, tooMany);
    kept.first += tooMany;
    kept.until = now + keep;
    this.#kept.set(id, kept);
    if (this.#kept.size > this.#lookedAt) this.#forget(now);
  }

  /** What a task said. */
  of(id: string, from: number, now: number): KeptNotes {
    const kept = this.#of(id, now);
    if (kept === undefined) return { progress: undefined, first: 0, lines: [] };
    const { progress, first, lines } = kept;
    const start = Math.max(first, from);
    return { progress, first: start, lines: lines.slice(start - first) };
  }

  #of(id: string, now: number): Kept | undefined {
    const kept = this.#kept.get(id);
    return kept !== undefined && kept.until > now ? kept : undefined;
  }

  #forget(now: number): void {
    for (const [id, { until }] of this.#kept) if (until <= now) this.#kept.delete(id);
    this.#lookedAt = Math.max(MANY, 2 * this.#kept.size);
  }
}
