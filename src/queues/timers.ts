/** {@linkcode Timers}: what is to happen when, for a queue in memory. */
import { Heap } from "./heap.ts";

type Timed<T> = readonly [item: T, at: number];

/** Elements by the time that each one has. */
export class Timers<T> implements Iterable<T> {
  readonly #times = new Map<T, number>();
  readonly #compare: (a: Timed<T>, b: Timed<T>) => number;
  #heap: Heap<Timed<T>>;

  /** `tie` is negative when the first of two elements with the same time comes first. */
  constructor(tie: (a: T, b: T) => number = () => 0) {
    this.#compare = (a, b) => a[1] - b[1] || tie(a[0], b[0]);
    this.#heap = new Heap(this.#compare);
  }

  /** Number of elements. */
  get size(): number {
    return this.#times.size;
  }

  /** Gives an element a time, in place of the one that it had. */
  set(item: T, at: number): void {
    this.#times.set(item, at);
    this.#heap.push([item, at]);
    // What was taken away or put off lies in the heap until its time.
    if (this.#heap.size > 2 * this.#times.size + 16) this.#rebuild();
  }

  /** All elements, in no order. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#times.keys();
  }

  /** The time of an element. */
  get(item: T): number | undefined {
    return this.#times.get(item);
  }

  /** Takes an element out. */
  delete(item: T): void {
    this.#times.delete(item);
  }

  /** Takes out the elements whose time has come, in order. */
  *due(now: number): IterableIterator<T> {
    for (let at = this.first; at !== undefined && at <= now; at = this.first) {
      const [item] = this.#heap.pop()!;
      this.#times.delete(item);
      yield item;
    }
  }

  /** Takes out the first element. */
  shift(): T | undefined {
    if (this.first === undefined) return undefined;
    const [item] = this.#heap.pop()!;
    this.#times.delete(item);
    return item;
  }

  /** Takes out all. */
  clear(): void {
    this.#times.clear();
    this.#heap = new Heap(this.#compare);
  }

  /** The earliest time. */
  get first(): number | undefined {
    for (let top = this.#heap.first; top !== undefined; top = this.#heap.first) {
      if (this.#times.get(top[0]) === top[1]) return top[1];
      this.#heap.pop();
    }
    return undefined;
  }

  #rebuild(): void {
    this.#heap = new Heap(this.#compare);
    for (const entry of this.#times) this.#heap.push(entry);
  }
}
