interface OpenBatch<Item, Answer> {
  readonly items: Item[];
  readonly answers: Promise<readonly Answer[]>;
}

/** Gathers what is asked for in one tick, so that it leaves as one call. */
export class Batch<Item, Answer> {
  readonly #run: (items: Item[]) => Promise<readonly Answer[]>;
  #open: OpenBatch<Item, Answer> | undefined;

  /** `run` gets the items of one tick and gives as many answers, in the same order. */
  constructor(run: (items: Item[]) => Promise<readonly Answer[]>) {
    this.#run = run;
  }

  /** What leaves at the end of this tick; undefined when nothing does yet. */
  get open(): object | undefined {
    return this.#open;
  }

  /** The answer to `item`, which leaves with all others of this tick. */
  async add(item: Item): Promise<Answer> {
    const batch = this.#open ??= this.#start();
    const index = batch.items.push(item) - 1;
    return (await batch.answers)[index] as Answer;
  }

  #start(): OpenBatch<Item, Answer> {
    const items: Item[] = [];
    const answers = Promise.resolve().then(() => {
      this.#open = undefined;
      return this.#run(items);
    });
    return { items, answers };
  }
}
