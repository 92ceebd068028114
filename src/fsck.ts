/** {@linkcode Finding}: what is wrong with a queue, and the table of what must hold in one. */

/** What must hold in a queue, whatever the backend. */
export const INVARIANTS = {
  place: "a task is in one place until it is over, and in none from then on",
  message: "a task has its message until it is over, and no longer",
  open: "a pending task waits for as much as it counts",
  feeds: "a task knows all that wait for it",
  refs: "a result counts the tasks that take it",
  result: "a result stays as long as a task takes it, and then for its time",
  time: "what waits for its time is pending, and what may come too late is with no pool",
  fence: "a task has a fence as long as a pool has it, and no longer",
  sequence: "no number is higher than the last one that was given",
  line: "a task with a key waits in the line of that key",
  turn: "a line that has a task and may give it comes to its turn",
  keys: "a key counts its tasks that are not over",
  busy: "a key counts its tasks that run",
  settled: "what is left to do is in the list of it",
  dead: "a dead task has all that it needs to run again, and a time to go",
  schedule: "a schedule says when it ticks",
  end: "a key ends by itself or never, as its kind does",
  type: "a key holds what its kind does",
  owner: "a key belongs to something that is there",
} as const satisfies Readonly<Record<string, string>>;

/** Name of what must hold in a queue. */
export type Invariant = keyof typeof INVARIANTS;

/** Something that is wrong with a queue. */
export interface Finding {
  /** What does not hold. */
  readonly invariant: Invariant;
  /** The task, the key of tasks, or the key in Redis that it is about. */
  readonly id: string;
  /** What is wrong, in one sentence. */
  readonly problem: string;
  /** What sets it right; undefined when nothing does that is safe. */
  readonly remedy: string | undefined;
  /** Whether that was done. */
  readonly repaired: boolean;
}

/** How to look at a queue. */
export interface FsckOptions {
  /** Whether to set right what can be set right. @default {false} */
  repair?: boolean;
  /** Findings to give at most: with as many, it looks no further. @default {1_000} */
  limit?: number;
}

/** A repair may show what else is wrong: so often a queue is looked at. */
export const MOST_ROUNDS = 8;

/** What was found in several looks at one queue. */
export class Findings {
  readonly #repaired = new Map<string, Finding>();
  #last = new Map<string, Finding>();

  /** Takes what one more look has found; returns whether some of it was set right. */
  add(found: readonly Finding[]): boolean {
    const named = found.map((finding) => [`${finding.invariant} ${finding.id}`, finding] as const);
    this.#last = new Map(named);
    for (const [name, finding] of named) if (finding.repaired) this.#repaired.set(name, finding);
    return found.some(({ repaired }) => repaired);
  }

  /** Each of them once. What the last look has found is still there, whatever was done before. */
  all(): Finding[] {
    const gone = [...this.#repaired].filter(([name]) => !this.#last.has(name));
    const left = [...this.#last.values()].map((finding) => ({ ...finding, repaired: false }));
    return [...gone.map(([, finding]) => finding), ...left];
  }
}
