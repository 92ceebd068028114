/** {@linkcode Turns}: which of a pool's queues may take tasks next. */
import { checkCount } from "../wait.ts";

/** A queue of the pool. */
interface Taker {
  /** Whether it may find tasks when it asks for some. */
  readonly hungry: boolean;
}

/**
 * Without weights the first queue that may have tasks comes first. With them, of the queues that may
 * have tasks it is the one that began the fewest, each counted by its weight: stride scheduling
 * (Waldspurger and Weihl, 1995).
 */
export class Turns<T extends Taker> {
  readonly #takers: readonly T[];
  readonly #strides: readonly number[] | undefined;
  readonly #passes: number[];

  /** Throws a `RangeError` for weights that cannot be. */
  constructor(takers: readonly T[], weights: readonly number[] | undefined) {
    this.#takers = takers;
    this.#passes = takers.map(() => 0);
    if (weights === undefined) return;
    weights.forEach((weight, i) => checkCount("make pool", `weights[${i}]`, weight));
    if (weights.length !== takers.length) {
      throw new RangeError(
        `Cannot make pool: weights must be as many as queues, ${takers.length}, received ` +
          weights.length,
      );
    }
    this.#strides = weights.map((weight) => 1 / weight);
  }

  /** Whether no other queue comes before this one. */
  isNext(taker: T): boolean {
    const place = this.#takers.indexOf(taker);
    if (this.#strides === undefined) {
      return this.#takers.every((other, i) => i >= place || !other.hungry);
    }
    this.#catchUp();
    const pass = this.#passes[place]!;
    return this.#takers.every((other, i) => {
      const before = this.#passes[i]! < pass || (this.#passes[i]! === pass && i < place);
      return i === place || !before || !other.hungry;
    });
  }

  /** It began a task. */
  began(taker: T): void {
    const place = this.#takers.indexOf(taker);
    if (this.#strides !== undefined) this.#passes[place]! += this.#strides[place]!;
  }

  /** Who had nothing for a while has saved up no turns. */
  #catchUp(): void {
    let least = Infinity;
    this.#takers.forEach(({ hungry }, i) => {
      if (hungry) least = Math.min(least, this.#passes[i]!);
    });
    if (least === Infinity) return;
    this.#takers.forEach(({ hungry }, i) => {
      if (!hungry) this.#passes[i] = Math.max(this.#passes[i]!, least);
    });
  }
}
