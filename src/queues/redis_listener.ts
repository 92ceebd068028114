/** {@linkcode RedisListener}: hears one channel, from another server when the one it had is lost. */
import { pauseBefore, sleep, within } from "./pauses.ts";
import { openLink, type RedisLink, type RedisServerAt } from "./redis_client.ts";

const LONGEST_PAUSE = 500;

/** A subscription that outlives its server. */
export class RedisListener {
  readonly #next: () => Promise<RedisServerAt>;
  readonly #channel: string;
  readonly #onMessage: (message: string) => void;
  readonly #onRestored: () => void;
  readonly #closed = new AbortController();
  #link: RedisLink | undefined;
  #working: Promise<void> = Promise.resolve();

  /** `next` gives the server to listen to; another one when it is asked again. */
  constructor(
    next: () => Promise<RedisServerAt>,
    channel: string,
    onMessage: (message: string) => void,
    onRestored: () => void,
  ) {
    this.#next = next;
    this.#channel = channel;
    this.#onMessage = onMessage;
    this.#onRestored = onRestored;
  }

  /** Listens from when the promise resolves; rejects when that cannot be. */
  start(): Promise<void> {
    return this.#working = this.#open();
  }

  /** Listens as soon as there is a server to listen to. */
  keep(): void {
    this.#working = this.#reopen();
    this.#working.catch(() => {}); // it was closed
  }

  /** Leaves the server for the next one. */
  move(): void {
    const link = this.#link;
    if (link === undefined) return;
    link.drop();
    this.#lost(link);
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#working.catch(() => {});
    await this.#link?.close();
  }

  async #open(): Promise<void> {
    const server = await this.#next();
    this.#closed.signal.throwIfAborted();
    const lost = Promise.withResolvers<never>();
    lost.promise.catch(() => {});
    const link = await openLink(server, () => {
      lost.reject(new Error("the connection was lost"));
      this.#lost(link);
    });
    try {
      const late = `${server.host}:${server.port} does not answer`;
      await within(
        server.connectTimeout,
        late,
        Promise.race([
          link.subscribe(this.#channel, (text) => this.#hear(link, text)),
          lost.promise,
        ]),
      );
      this.#closed.signal.throwIfAborted();
      if (!link.open) await lost.promise;
    } catch (error) {
      link.drop();
      throw error;
    }
    this.#link = link;
  }

  /** The messages of a server that was left are not news. */
  #hear(link: RedisLink, message: string): void {
    if (link === this.#link || this.#link === undefined) this.#onMessage(message);
  }

  #lost(link: RedisLink): void {
    if (link !== this.#link || this.#closed.signal.aborted) return;
    this.#link = undefined;
    this.keep();
  }

  async #reopen(): Promise<void> {
    for (let tries = 0;; tries++) {
      await sleep(pauseBefore(tries, LONGEST_PAUSE), this.#closed.signal);
      try {
        await this.#open();
        break;
      } catch {
        // The next one may be better.
      }
    }
    this.#onRestored();
  }
}
