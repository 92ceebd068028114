/** {@linkcode Roster}: a map for what comes and goes all the time. */

/**
 * As a `Map`, but what has left it can be forgotten at once.
 *
 * A `Map` whose elements come and go moves to a new table every now and then. On V8 the old table
 * goes on pointing to what was in it, and to the next table. Once one of them has become old, all
 * that ever passes through the map is kept until the next full collection, and moved about until
 * then. So the tables have nothing but numbers in them here.
 */
export class Roster<Key extends string | number, Value> {
  readonly #places = new Map<Key, number>();
  readonly #values: (Value | undefined)[] = [];
  readonly #free: number[] = [];

  /** Number of elements. */
  get size(): number {
    return this.#places.size;
  }

  /** What has this key. */
  get(key: Key): Value | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#values[place];
  }

  /** Whether anything has this key. */
  has(key: Key): boolean {
    return this.#places.has(key);
  }

  /** Puts it there, in place of what had the key. */
  set(key: Key, value: Value): void {
    const place = this.#places.get(key) ?? this.#free.pop() ?? this.#values.length;
    this.#places.set(key, place);
    this.#values[place] = value;
  }

  /** Takes it out; whether it was there. */
  delete(key: Key): boolean {
    const place = this.#places.get(key);
    if (place === undefined) return false;
    this.#places.delete(key);
    this.#values[place] = undefined;
    this.#free.push(place);
    // The lists are as long as there ever were elements: with the last one goes that memory, too.
    if (this.#places.size === 0) this.#values.length = this.#free.length = 0;
    return true;
  }

  /** All elements, in the order in which their keys came. */
  *values(): IterableIterator<Value> {
    for (const place of this.#places.values()) yield this.#values[place]!;
  }
}
