/** {@linkcode Beats}: when the next sign of life is due, for each of many tasks. */
import { Chain, type Linked } from "../chain.ts";

/** A task that has to show that it is alive. */
export interface Beating<T extends Beating<T>> extends Linked<T> {
  /** When the next sign of life is due, by `performance.now()`. */
  beat: number;
}

/** Lines that there may be before it is worth looking for empty ones. */
const MANY = 16;

/**
 * Tasks in the order in which their signs of life are due. A pool may have thousands of tasks that
 * wait for others, so nothing here looks at all of them: tasks with the same interval stand in one
 * line, since who came first is due first.
 */
export class Beats<T extends Beating<T>> implements Iterable<T> {
  readonly #lines = new Map<number, Chain<T>>();
  #size = 0;

  /** Number of tasks. */
  get size(): number {
    return this.#size;
  }

  /** All of them. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (const line of this.#lines.values()) yield* line;
  }

  /** The next sign of life of `one` is due `interval` milliseconds from `now`. */
  add(one: T, interval: number, now: number): void {
    one.beat = now + interval;
    this.#lineOf(interval).add(one);
    this.#size++;
  }

  /** It needs none any more; whether it did. */
  delete(one: T): boolean {
    const gone = one.chain?.delete(one) ?? false;
    if (gone) this.#size--;
    return gone;
  }

  /** Whether it needs one. */
  has(one: T): boolean {
    return one.chain !== undefined;
  }

  /** Those that are due, `most` of them. */
  due(now: number, most: number): T[] {
    const due: T[] = [];
    for (const line of this.#lines.values()) {
      for (let one = line.first; one !== undefined && one.beat <= now; one = one.after) {
        if (due.length === most) break;
        due.push(one);
      }
    }
    return due;
  }

  /** When the next one is due; `Infinity` when none is. */
  get next(): number {
    let next = Infinity;
    for (const { first } of this.#lines.values()) {
      if (first !== undefined) next = Math.min(next, first.beat);
    }
    return next;
  }

  /** All are due at once. */
  hurry(): void {
    for (const one of this) one.beat = 0;
  }

  #lineOf(interval: number): Chain<T> {
    const known = this.#lines.get(interval);
    if (known !== undefined) return known;
    if (this.#lines.size >= MANY) this.#dropEmpty();
    const line = new Chain<T>();
    this.#lines.set(interval, line);
    return line;
  }

  #dropEmpty(): void {
    for (const [interval, { size }] of this.#lines) if (size === 0) this.#lines.delete(interval);
  }
}
