/** {@linkcode MemoryTaskQueue}: the port for one process. */
import { QueueUnavailable } from "../errors.ts";
import type { Finding, FsckOptions } from "../fsck.ts";
import { newClient } from "../ids.ts";
import type { KeptNotes, TaskNotes } from "../notes.ts";
import type {
  CancelAnswer,
  DeadTask,
  EnqueueAnswer,
  Exchange,
  ExchangeAnswer,
  Limits,
  ListPlace,
  Need,
  NewTask,
  Outcome,
  QueueListener,
  QueueStats,
  RedriveAnswer,
  ScheduleBook,
  ScheduleChange,
  Sight,
  Situation,
  TaskQueue,
  TaskRecord,
} from "../task_queue.ts";
import { workerScope } from "../worker_scope.ts";
import { fsckMemory } from "./memory_fsck.ts";
import type { Over } from "./memory_entry.ts";
import { Store } from "./memory_store.ts";

/** What a queue in memory can be told. */
export interface MemoryQueueOptions {
  /** Milliseconds since 1970 in place of `Date.now`, for tests. */
  clock?: () => number;
}

const stores = new Map<string, Store>();

/**
 * Tasks and results in the memory of this process.
 *
 * All handles with the same URL and name are one queue. It lives as long as a handle is open or
 * anything is in it.
 */
export class MemoryTaskQueue implements TaskQueue {
  /** Name of the queue. */
  readonly name: string;
  /** Names the queue across servers. */
  readonly address: string;
  /** Who calls through this handle. */
  readonly client: string = newClient();
  readonly #url: string;
  readonly #options: MemoryQueueOptions;
  readonly #store: Store;
  readonly #listeners = new Set<QueueListener>();
  /** What listeners have yet to hear. */
  #news: Over[] = [];

  /** A handle of the queue `name` under `url`. */
  constructor(url: string, name: string, options: MemoryQueueOptions = {}) {
    this.name = name;
    this.#url = url;
    this.#options = options;
    this.address = addressOf(url, name);
    this.#store = stores.get(this.address) ?? new Store(name, options.clock ?? Date.now);
    stores.set(this.address, this.#store);
    this.#store.handles.add(this);
  }

  /** Stores tasks in order. */
  enqueue(tasks: readonly NewTask[]): Promise<EnqueueAnswer[]> {
    return this.#do(() => this.#store.enqueue(this, tasks));
  }

  /** Takes reports and renewals, gives claims. */
  exchange(exchange: Exchange): Promise<ExchangeAnswer> {
    return this.#do(() => this.#store.exchange(this, exchange));
  }

  /** Outcomes of the needs of a claimed task. */
  inputs(id: string, from: number, count: number): Promise<Outcome[]> {
    return this.#do(() => this.#store.inputs(id, from, count));
  }

  /** Outcomes of those tasks that are over. */
  wait(tasks: readonly Need[]): Promise<(Outcome | undefined)[]> {
    return this.#do(() => tasks.map((task) => this.#store.wait(this, task)));
  }

  /** What is known about a task. */
  inspect(id: string): Promise<TaskRecord | undefined> {
    return this.#do(() => this.#store.inspect(id));
  }

  /** What a task waits for. */
  situation(id: string, limits: Limits): Promise<Situation | undefined> {
    return this.#do(() => this.#store.situation(id, limits));
  }

  /** Ids of tasks in a place. */
  list(place: ListPlace, from: number, count: number): Promise<string[]> {
    return this.#do(() => this.#store.list(place, from, count));
  }

  /** Tasks with their neighbours. */
  sights(ids: readonly string[]): Promise<(Sight | undefined)[]> {
    return this.#do(() => ids.map((id) => this.#store.sight(id)));
  }

  /** Keeps what tasks say. */
  note(notes: readonly TaskNotes[]): Promise<void> {
    return this.#do(() => this.#store.note(notes));
  }

  /** What a task said. */
  notes(id: string, from: number): Promise<KeptNotes> {
    return this.#do(() => this.#store.notes(id, from));
  }

  /** Keeps what a pool tells. */
  announce(pool: string, card: string, keep: number): Promise<void> {
    return this.#do(() => this.#store.announce(pool, card, keep));
  }

  /** What pools tell. */
  cards(): Promise<string[]> {
    return this.#do(() => this.#store.cards());
  }

  /** How many tasks are where. */
  stats(): Promise<QueueStats> {
    return this.#do(() => this.#store.stats());
  }

  /** Removes what no pool has claimed. */
  clear(): Promise<number> {
    return this.#do(() => this.#store.clear());
  }

  /** Ends tasks as expired. */
  cancel(tasks: readonly Need[]): Promise<CancelAnswer[]> {
    return this.#do(() => this.#store.cancel(tasks));
  }

  /** Gives no tasks until `resume()`. */
  pause(): Promise<void> {
    return this.#do(() => this.#store.pause());
  }

  /** Gives tasks again. */
  resume(): Promise<void> {
    return this.#do(() => this.#store.resume());
  }

  /** Tasks that failed for good. */
  dead(from: number, count: number): Promise<DeadTask[]> {
    return this.#do(() => this.#store.dead(from, count));
  }

  /** Enqueues dead tasks again. */
  redrive(ids: readonly string[]): Promise<RedriveAnswer[]> {
    return this.#do(() => this.#store.redrive(ids));
  }

  /** Drops dead tasks. */
  discard(ids: readonly string[]): Promise<number> {
    return this.#do(() => this.#store.discard(ids));
  }

  /** Ends a task that waits for its outcome. */
  deliver(task: Need, outcome: Outcome, keep: number, name?: string): Promise<void> {
    return this.#do(() => this.#store.deliver(task, outcome, keep, name));
  }

  /** What is wrong with the queue. */
  fsck(options: Required<FsckOptions>): Promise<Finding[]> {
    return this.#do(() => fsckMemory(this.#store, options));
  }

  /** Another queue in the same memory. */
  sibling(name: string): MemoryTaskQueue {
    return new MemoryTaskQueue(this.#url, name, this.#options);
  }

  /** Changes schedules. */
  schedule(changes: readonly ScheduleChange[]): Promise<ScheduleBook> {
    return this.#do(() => this.#store.schedule(changes));
  }

  /** Adds a listener. */
  listen(listener: QueueListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of a task that is over, after the call that caused it, as a server would. */
  hear(over: { readonly id: string; readonly outcome: Outcome | undefined }): void {
    if (this.#news.push(over) === 1) queueMicrotask(() => this.#tell());
  }

  /** Wakes a pool, likewise. */
  wake(): void {
    queueMicrotask(() => this.#listeners.forEach((listener) => listener.wake?.()));
  }

  /** Closes this handle. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#store.handles.delete(this);
    this.#store.sleepers.delete(this);
    if (this.#store.handles.size === 0 && this.#store.isEmpty()) stores.delete(this.address);
    return Promise.resolve();
  }

  #tell(): void {
    const news = this.#news;
    this.#news = [];
    for (const { id, outcome } of news) {
      for (const listener of this.#listeners) listener.outcome?.(id, outcome);
    }
  }

  async #do<T>(step: () => T): Promise<T> {
    checkPlace(`reach queue "${this.name}"`, this.name, this.address);
    this.#store.begin();
    return await step();
  }
}

/** Names of the queues under `url` that ever had a task, in no order. */
export function memoryQueueNames(url: string): string[] {
  const prefix = addressOf(url, "");
  checkPlace("list the queues", "", prefix);
  return [...stores]
    .filter(([address, store]) => address.startsWith(prefix) && store.hadTasks())
    .map(([address]) => address.slice(prefix.length));
}

/** What is behind the queue with this address, for tests of what checks it. */
export function storeAt(address: string): Store | undefined {
  return stores.get(address);
}

/** A worker has a memory of its own: what it put into a queue, no pool would ever see. */
function checkPlace(act: string, name: string, address: string): void {
  const url = workerScope()?.url;
  if (url === undefined || addressOf(url, name) !== address) return;
  throw new QueueUnavailable(
    `Cannot ${act} of ${url} from a worker: it is in the memory of the process that has the ` +
      "pool; tasks that call tasks need a redis:// queue",
  );
}

function addressOf(url: string, name: string): string {
  return `${url.replace(/\/+$/, "")}/#${name}`;
}
