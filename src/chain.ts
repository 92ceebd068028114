/** {@linkcode Chain}: a set in the order of its elements' coming. */

/** What can be in a chain, one at a time. */
export interface Linked<T extends Linked<T>> {
  /** The chain that it is in. */
  chain: Chain<T> | undefined;
  /** The one before it there. */
  before: T | undefined;
  /** The one after it there. */
  after: T | undefined;
}

/**
 * As a set, for what comes and goes all the time: the links are in the elements, so that it neither
 * hashes nor grows nor shrinks.
 */
export class Chain<T extends Linked<T>> implements Iterable<T> {
  #first: T | undefined;
  #last: T | undefined;
  #size = 0;

  /** Number of elements. */
  get size(): number {
    return this.#size;
  }

  /** The one that came first. */
  get first(): T | undefined {
    return this.#first;
  }

  /** Whether it is here. */
  has(one: T): boolean {
    return one.chain === this;
  }

  /** Puts it at the end, unless it is here; it leaves the chain that it is in. */
  add(one: T): void {
    if (one.chain === this) return;
    one.chain?.delete(one);
    one.chain = this;
    one.before = this.#last;
    if (this.#last === undefined) this.#first = one;
    else this.#last.after = one;
    this.#last = one;
    this.#size++;
  }

  /** Takes it out; whether it was here. */
  delete(one: T): boolean {
    if (one.chain !== this) return false;
    const { before, after } = one;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    one.chain = one.before = one.after = undefined;
    this.#size--;
    return true;
  }

  /** All elements in order; the one that was given last may be taken out meanwhile. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let one = this.#first; one !== undefined;) {
      const { after }: T = one;
      yield one;
      one = after;
    }
  }
}
