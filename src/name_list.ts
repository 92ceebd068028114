/** {@linkcode NameList}: the queues of a server, for those who look again and again. */
import { listQueues } from "./connect.ts";
import { waitUntil } from "./wait.ts";

/** Listing looks at all keys of the server, so it may take one part in so many of the time. */
const SHARE = 200;
/** Milliseconds between two lists, at least. */
const LIST_INTERVAL = 2_000;
/** Milliseconds for which those who look wait for the first list: with a million tasks it takes seconds. */
const FIRST_LIST = 150;

/** Names of the queues of a server, looked up anew now and then. */
export class NameList {
  readonly #url: string;
  /** The last list. */
  known: readonly string[] | undefined;
  #listing: Promise<readonly string[]> | undefined;
  #next = 0;

  /** Of the server at `url`. */
  constructor(url: string) {
    this.#url = url;
  }

  /** As they were listed last; only for the first list it waits, and not for long. */
  async names(): Promise<readonly string[]> {
    if (Date.now() >= this.#next) this.#listing ??= this.#look();
    return this.known ?? await waitUntil(this.#listing!, { timeout: FIRST_LIST }) ?? [];
  }

  /** Resolves when there is a list, or rejects. */
  async whole(): Promise<void> {
    if (this.known === undefined) await (this.#listing ??= this.#look());
  }

  /** Resolves when no list is under way. */
  async settled(): Promise<void> {
    await this.#listing?.catch(() => {});
  }

  #look(): Promise<readonly string[]> {
    const began = Date.now();
    const listing = listQueues(this.#url).then((names) => {
      this.#next = Date.now() + Math.max(LIST_INTERVAL, SHARE * (Date.now() - began));
      return this.known = names;
    }).finally(() => this.#listing = undefined);
    // Later ones are nobody's to wait for; that the server is away, others tell.
    listing.catch(() => {});
    return listing;
  }
}
