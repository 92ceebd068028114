/** {@linkcode Board}: the queues that a dashboard shows. */
import { Broker } from "../broker.ts";
import { getBroker } from "../connect.ts";
import { placeOf } from "../couriers.ts";
import { NameList } from "../name_list.ts";
import type { TaskQueue } from "../task_queue.ts";
import { Refusal } from "./refusal.ts";

/** What to show: queues of brokers, which stay the caller's, or those of a server, all of them when none are named. */
export type DashboardSource =
  | Broker
  | readonly Broker[]
  | { readonly url: string; readonly queues?: readonly string[] };

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
