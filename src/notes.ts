/** What a task tells while it runs: how far it is, and lines of a log. */

/** How far a task is. */
export interface Progress {
  /** 0 to 1. */
  readonly part: number;
  /** What it said with it; empty when nothing. */
  readonly text: string;
  /** When it said so, by the clock of the machine that runs it. */
  readonly at: Date;
}

/** A line that a task logged. */
export interface LogLine {
  /** When, by the clock of the machine that runs it. */
  readonly at: Date;
  /** The line. */
  readonly text: string;
}

/** What was said at once, as it travels: a part, or none for a line of the log; when; what. */
export type Note = readonly [part: number | null, at: number, text: string];

/** What one task said since the last time. */
export interface TaskNotes {
  /** Id of the task. */
  readonly id: string;
  /** Of the claim: of another attempt's progress nothing is kept. */
  readonly fence: number;
  /** In order; of several parts, the last one counts. */
  readonly notes: readonly Note[];
  /** Milliseconds to keep it from now on. */
  readonly keep: number;
}

/** What is kept of all that a task said. */
export interface KeptNotes {
  /** The last part. */
  readonly progress: Note | undefined;
  /** Number of the first of the lines: those before it are not kept any more, or not asked for. */
  readonly first: number;
  /** Lines, in order. */
  readonly lines: readonly Note[];
}

/** Lines of a task that are kept: the last ones. */
export const MAX_LINES = 1_000;
/** Characters of a text that are kept. */
const MAX_TEXT = 2_000;
/** The least time, in milliseconds, that is kept what was said. */
const LEAST_KEPT = 60_000;

/** How long to keep what a task says whose outcome is kept so long. */
export function keptFor(resultTimeout: number): number {
  return Math.max(LEAST_KEPT, resultTimeout);
}

/** A part. Throws a `RangeError` for what is none. */
export function partNote(part: number, text = ""): Note {
  if (typeof part !== "number" || !(part >= 0 && part <= 1)) {
    throw new RangeError(`Cannot tell progress: it must be 0 to 1, received ${String(part)}`);
  }
  return [part, Date.now(), fit(text)];
}

/** A line of the log. */
export function lineNote(text: string): Note {
  return [null, Date.now(), fit(text)];
}

/** Notes that came as text; none when it is something else. */
export function readNotes(text: string): Note[] {
  try {
    const notes: unknown = JSON.parse(text);
    return Array.isArray(notes) ? notes.filter(isNote) : [];
  } catch {
    return [];
  }
}

function isNote(note: unknown): note is Note {
  if (!Array.isArray(note) || note.length !== 3) return false;
  const [part, at, text] = note;
  return (part === null || typeof part === "number") && typeof at === "number" &&
    typeof text === "string";
}

/** How far a task is, for people. */
export function progressOf(note: Note | undefined): Progress | undefined {
  if (note === undefined) return undefined;
  const [part, at, text] = note;
  return { part: part ?? 0, text, at: new Date(at) };
}

/** A line, for people. */
export function lineOf([, at, text]: Note): LogLine {
  return { at: new Date(at), text };
}

/** Without what would be read as something else, and not too long. */
function fit(text: unknown): string {
  // deno-lint-ignore no-control-regex -- control characters separate texts from each other
  const clean = String(text).replace(/[\x1e\x1f]/g, " ").toWellFormed();
  return clean.length <= MAX_TEXT ? clean : `${clean.slice(0, MAX_TEXT - 1)}…`;
}
