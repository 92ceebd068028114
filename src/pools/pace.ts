/** {@linkcode Pace}: how many tasks may be sent ahead of the one that runs. */

/** Milliseconds of work that a worker may have before it. */
const AHEAD = 30;
/** Tasks that it may have before it. */
const MOST = 100;

/**
 * How long the tasks of a pool take, seen pessimistically: a slow one counts at once, quick ones
 * bit by bit.
 *
 * A worker that has its next task already does not wait for the pool in between. That is worth it
 * for tasks of a few milliseconds at most, and wrong for others: while one worker is busy, what
 * waits for it could be running elsewhere.
 */
export class Pace {
  #pace: number | undefined;

  /** A task took this many milliseconds. */
  add(took: number): void {
    this.#pace = this.#pace === undefined || took > this.#pace
      ? took
      : 0.9 * this.#pace + 0.1 * took;
  }

  /** Tasks to send ahead to a worker whose current one has been running for `age` milliseconds. */
  ahead(age: number): number {
    if (this.#pace === undefined || age > AHEAD) return 0;
    return Math.min(MOST, Math.floor(AHEAD / Math.max(this.#pace, AHEAD / MOST)));
  }
}
