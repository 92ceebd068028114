/** {@linkcode Beats}: when the next sign of life is due, for each of many tasks. */

/** A task that has to show that it is alive. */
export interface Beating {
  /** When the next sign of life is due, by `performance.now()`. */
  beat: number;
}

/**
 * Tasks in the order in which their signs of life are due. A pool may have thousands of tasks that
 * wait for others, so nothing here looks at all of them: tasks with the same interval stand in one
 * line, since who came first is due first.
 */
export class Beats<T extends Beating> {
  readonly #lines = new Map<number, Set<T>>();

  /** The next sign of life of `one` is due `interval` milliseconds from `now`. */
  add(one: T, interval: number, now: number): void {
    one.beat = now + interval;
    const line = this.#lines.get(interval);
    if (line === undefined) this.#lines.set(interval, new Set([one]));
    else line.add(one);
  }

  /** It needs none any more. */
  delete(one: T): void {
    for (const [interval, line] of this.#lines) {
      if (!line.delete(one)) continue;
      if (line.size === 0) this.#lines.delete(interval);
      return;
    }
  }

  /** Those that are due, `most` of them. */
  due(now: number, most: number): T[] {
    const due: T[] = [];
    for (const line of this.#lines.values()) {
      for (const one of line) {
        if (one.beat > now || due.length === most) break;
        due.push(one);
      }
    }
    return due;
  }

  /** When the next one is due; `Infinity` when none is. */
  get next(): number {
    let next = Infinity;
    for (const [first] of this.#lines.values()) next = Math.min(next, first!.beat);
    return next;
  }

  /** All are due at once. */
  hurry(): void {
    for (const line of this.#lines.values()) for (const one of line) one.beat = 0;
  }
}
