/** {@linkcode Board}: the queues that a dashboard shows. */
import { Broker } from "../broker.ts";
import { getBroker, listQueues } from "../connect.ts";
import { placeOf } from "../couriers.ts";
import type { TaskQueue } from "../task_queue.ts";
import { waitUntil } from "../wait.ts";
import { Refusal } from "./refusal.ts";

/** What to show: queues of brokers, which stay the caller's, or those of a server, all of them when none are named. */
export type DashboardSource =
  | Broker
  | readonly Broker[]
  | { readonly url: string; readonly queues?: readonly string[] };

/** Listing looks at all keys of the server, so it may take one part in so many of the time. */
const SHARE = 200;
/** Milliseconds between two lists, at least. */
const LIST_INTERVAL = 2_000;
/** Milliseconds for which those who look wait for the first list: with a million tasks it takes seconds. */
const FIRST_LIST = 150;

/** Brokers by the names of their queues. */
export class Board implements AsyncDisposable {
  /** Where the queues are, without secrets. */
  readonly server: string;
  readonly #brokers = new Map<string, Broker>();
  readonly #own: Broker | undefined;
  readonly #list: NameList | undefined;

  /** Throws a `TypeError` for a source that cannot be. */
  constructor(source: DashboardSource) {
    if ("url" in source && !(source instanceof Broker)) {
      const { url, queues } = source as { url: string; queues?: readonly string[] };
      // Its connection is the one of all.
      this.#own = getBroker(url);
      this.#list = queues === undefined ? new NameList(url) : undefined;
      for (const name of queues ?? []) this.#open(name);
    } else {
      for (const broker of source instanceof Broker ? [source] : source as readonly Broker[]) {
        if (this.#brokers.has(broker.name)) {
          throw new TypeError(`Cannot make dashboard: two queues are called "${broker.name}"`);
        }
        this.#brokers.set(broker.name, broker);
      }
    }
    const all = this.#own === undefined ? [...this.#brokers.values()] : [this.#own];
    this.server = [...new Set(all.map(({ taskQueue }) => placeOf(taskQueue.address).server))]
      .join(", ");
  }

  /** Whether queues may be missing, since the first list is not done yet. */
  get isListing(): boolean {
    return this.#list?.known === undefined && this.#list !== undefined;
  }

  /** Resolves when the server answers. */
  async reach(): Promise<void> {
    const [any] = this.#own === undefined ? this.#brokers.values() : [this.#own];
    await any?.size();
  }

  /** All of them that are known so far, by name. */
  async brokers(): Promise<readonly Broker[]> {
    for (const name of await this.#list?.names() ?? []) this.#open(name);
    return [...this.#brokers.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  }

  /** The one of this name. Throws a {@linkcode Refusal} when there is none. */
  async broker(name: string): Promise<Broker> {
    const broker = await this.#find(name);
    if (broker !== undefined) return broker;
    throw new Refusal(404, `there is no queue ${JSON.stringify(name)}`);
  }

  /** The queue of this name on the server of `queue`, if it is shown. */
  async sibling(queue: TaskQueue, name: string): Promise<TaskQueue | undefined> {
    const found = (await this.#find(name))?.taskQueue;
    if (found === undefined) return undefined;
    return placeOf(found.address).server === placeOf(queue.address).server ? found : undefined;
  }

  async #find(name: string): Promise<Broker | undefined> {
    if (!this.#brokers.has(name)) {
      await this.#list?.whole();
      await this.brokers();
    }
    return this.#brokers.get(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#own === undefined) return;
    await this.#list?.settled();
    for (const broker of this.#brokers.values()) await broker[Symbol.asyncDispose]();
    await this.#own[Symbol.asyncDispose]();
  }

  #open(name: string): void {
    if (!this.#brokers.has(name)) this.#brokers.set(name, getBroker(this.#own!.url, name));
  }
}

/** Names of the queues of a server, looked up anew now and then. */
class NameList {
  readonly #url: string;
  /** The last list. */
  known: readonly string[] | undefined;
  #listing: Promise<readonly string[]> | undefined;
  #next = 0;

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
