/**
 * A priority queue: gives the smallest element first.
 *
 * Most elements come in their order already. Those stand in a line, which costs next to nothing;
 * only one that comes before the last of the line goes to the heap beside it.
 */
export class Heap<T> implements Iterable<T> {
  /** In order, from `#head` on. */
  #line: (T | undefined)[] = [];
  #head = 0;
  readonly #items: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  /** `compare` is negative when `a` comes first. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  /** Number of elements. */
  get size(): number {
    return this.#line.length - this.#head + this.#items.length;
  }

  /** The smallest element. */
  get first(): T | undefined {
    return this.#isInLine ? this.#line[this.#head] : this.#items[0];
  }

  /** All elements, in no order. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let at = this.#head; at < this.#line.length; at++) yield this.#line[at]!;
    yield* this.#items;
  }

  /** Adds an element. */
  push(item: T): void {
    const line = this.#line;
    if (this.#head === line.length) line.length = this.#head = 0;
    if (line.length === 0 || this.#compare(line.at(-1)!, item) <= 0) line.push(item);
    else this.#rise(item);
  }

  /** Takes the smallest element. */
  pop(): T | undefined {
    if (!this.#isInLine) return this.#popItem();
    const first = this.#line[this.#head];
    this.#line[this.#head++] = undefined;
    if (this.#head > MANY && 2 * this.#head > this.#line.length) {
      this.#line = this.#line.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** Takes out every element of which `drop` says so. */
  remove(drop: (item: T) => boolean): void {
    const left = [...this].filter((item) => !drop(item));
    this.#line.length = this.#head = this.#items.length = 0;
    for (const item of left) this.push(item);
  }

  /** Whether the smallest element is the first of the line. */
  get #isInLine(): boolean {
    if (this.#head === this.#line.length) return false;
    return this.#items.length === 0 ||
      this.#compare(this.#line[this.#head]!, this.#items[0]!) <= 0;
  }

  #popItem(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || items.length === 0) return first;
    this.#sink(last!);
    return first;
  }

  #rise(item: T): void {
    const items = this.#items;
    let at = items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#compare(items[parent]!, item) <= 0) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  #sink(item: T): void {
    const items = this.#items;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#compare(items[child + 1]!, items[child]!) < 0) child++;
      if (this.#compare(item, items[child]!) <= 0) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
  }
}

/** Places of the line that may be empty before it is worth moving the rest. */
const MANY = 1_000;
