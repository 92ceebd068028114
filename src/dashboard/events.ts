/** {@linkcode Events}: tells all who listen what there is, again and again. */

/** Milliseconds between two looks, and between two signs of life. */
export interface Pace {
  readonly look: number;
  readonly sign: number;
}

/** What is to be told. */
type Look = () => Promise<{ readonly queues: readonly unknown[] }>;
type Controller = ReadableStreamDefaultController<Uint8Array>;

const PACE: Pace = { look: 2_000, sign: 15_000 };
/** Queues that are looked at in such a time; with more, it is done less often. */
const QUEUES = 50;
/** Events that wait for a slow listener; further ones are left out. */
const BACKLOG = 4;

/**
 * Streams of server-sent events, as the HTML standard has them. There is one look for all listeners,
 * and none without.
 */
export class Events implements Disposable {
  readonly #look: Look;
  readonly #pace: Pace;
  readonly #listeners = new Set<Controller>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #signs: ReturnType<typeof setInterval> | undefined;
  /** Of the looks that are under way, the last one goes on. */
  #round = 0;

  constructor(look: Look, pace: Pace = PACE) {
    this.#look = look;
    this.#pace = pace;
  }

  /**
   * A stream for one more listener, until it is cancelled, as servers do when a visitor has gone.
   * (The signal of a request is not asked: on Deno that makes a warning.)
   */
  listen(): ReadableStream<Uint8Array> {
    let leave = () => {};
    return new ReadableStream({
      start: (controller) => {
        leave = () => this.#leave(controller);
        this.#listeners.add(controller);
        this.#signs ??= setInterval(() => this.#send(":\n\n"), this.#pace.sign);
        // It is told at once, and so are the others: that is one look, too.
        void this.#tell();
      },
      cancel: () => leave(),
    }, { highWaterMark: BACKLOG });
  }

  [Symbol.dispose](): void {
    for (const controller of [...this.#listeners]) {
      this.#leave(controller);
      controller.close();
    }
  }

  async #tell(): Promise<void> {
    const round = ++this.#round;
    clearTimeout(this.#timer);
    const seen = await this.#look();
    if (round !== this.#round || this.#listeners.size === 0) return;
    this.#send(`event: overview\ndata: ${JSON.stringify(seen)}\n\n`);
    const often = Math.max(1, Math.ceil(seen.queues.length / QUEUES));
    this.#timer = setTimeout(() => void this.#tell(), often * this.#pace.look);
  }

  #send(text: string): void {
    const bytes = new TextEncoder().encode(text);
    for (const controller of this.#listeners) {
      if ((controller.desiredSize ?? 0) > 0) controller.enqueue(bytes);
    }
  }

  #leave(controller: Controller): void {
    this.#listeners.delete(controller);
    if (this.#listeners.size > 0) return;
    clearTimeout(this.#timer);
    clearInterval(this.#signs);
    this.#signs = undefined;
  }
}
