interface OpenBatch<Item, Answer> {
  readonly number: number;
  readonly items: Item[];
  readonly answers: Promise<readonly Answer[]>;
}

/** Batches of this process so far. */
let batches = 0;

/** Gathers what is asked for in one tick, so that it leaves as one call. */
export class Batch<Item, Answer> {
  readonly #run: (items: Item[]) => Promise<readonly Answer[]>;
  readonly #underWay = new Set<Promise<unknown>>();
  #open: OpenBatch<Item, Answer> | undefined;

  /** `run` gets the items of one tick and gives as many answers, in the same order. */
  constructor(run: (items: Item[]) => Promise<readonly Answer[]>) {
    this.#run = run;
  }

  /** Number, in this process, of what leaves at the end of this tick; undefined when nothing does. */
  get open(): number | undefined {
    return this.#open?.number;
  }

  /** The answer to `item`, which leaves with all others of this tick. */
  add(item: Item): Promise<Answer> {
    const index = this.push(item);
    return this.answers.then((answers) => answers[index] as Answer);
  }

  /** The same, for who takes the answer from `answers` himself: gives its place there. */
  push(item: Item): number {
    return (this.#open ??= this.#start()).items.push(item) - 1;
  }

  /** The answers to what leaves at the end of this tick. */
  get answers(): Promise<readonly Answer[]> {
    return this.#open!.answers;
  }

  /** The answers to all of `items`, in their order. */
  addAll(items: readonly Item[]): Promise<readonly Answer[]> {
    const batch = this.#open ??= this.#start();
    const first = batch.items.length;
    for (const item of items) batch.items.push(item);
    return batch.answers.then((answers) => answers.slice(first, first + items.length));
  }

  /** Resolves when all that was added has its answer. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  #start(): OpenBatch<Item, Answer> {
    const items: Item[] = [];
    const answers = Promise.resolve().then(() => {
      this.#open = undefined;
      return this.#run(items);
    });
    this.#underWay.add(answers);
    const over = () => this.#underWay.delete(answers);
    answers.then(over, over);
    return { number: ++batches, items, answers };
  }
}
