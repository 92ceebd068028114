/** {@linkcode Load}: calls graphs of tasks, waits for every result, and keeps what it was told. */
import { type ConnectOptions, type Deferred, getQueue, type Queue, task } from "@worq/worq";
import { sleep } from "./faults.ts";
import { graphFrom, type GraphShape, type Node, sumsOf } from "./graphs.ts";
import type { Random } from "./random.ts";
import type { Output, Tasks } from "./tasks.ts";

/** What the load is. */
export interface LoadOptions extends GraphShape {
  readonly url: string;
  readonly queue: string;
  readonly random: Random;
  /** Milliseconds between two graphs, on average. */
  readonly pause: number;
  readonly connect: ConnectOptions;
}

/** A call, and what became of it. */
export interface Call {
  /** What the task must give; undefined for a failure. */
  readonly sum: number | undefined;
  /** Id of the task, once the call is stored. */
  id?: string;
  /** Why it is not, as the name of an error. */
  refusal?: string;
  /** What the waiter was told. */
  told?: Told;
}

/** What a waiter was told, and when. */
export interface Told {
  readonly at: number;
  readonly output?: Output;
  readonly error?: Error;
}

/** Graphs that are under way at most: more would only measure how long the line is. */
const MOST_GRAPHS = 200;
/** Milliseconds after which the last ones begin to wait, perhaps for what is over. */
const LATEST = 300;

/** Calls graphs until it is told to end. */
export class Load implements AsyncDisposable {
  readonly calls: Call[] = [];
  readonly #options: LoadOptions;
  readonly #queue: Queue<Tasks>;
  readonly #open = new Set<Promise<unknown>>();
  readonly #enough = new AbortController();

  constructor(options: LoadOptions) {
    const { url, queue, connect } = options;
    this.#options = options;
    this.#queue = getQueue<Tasks>(url, { name: queue, ...connect });
  }

  /** Has all connections open: what happens to one that never was is not what this is about. */
  async open(): Promise<void> {
    const call = task(this.#queue.work, { ignoreResult: true });
    await Promise.all([call({ adds: 1, time: 0, failures: 0 }, []), this.#queue.size()]);
  }

  /** Calls graphs as long as `act` takes, as a Poisson process. */
  async during<T>(act: () => Promise<T>): Promise<T> {
    let enough = false;
    const acting = act().finally(() => enough = true);
    acting.catch(() => {}); // told below
    const { random, pause } = this.#options;
    while (!enough) {
      if (this.#open.size < MOST_GRAPHS) {
        const graph = this.#callAll(graphFrom(random, this.#options));
        this.#open.add(graph);
        graph.finally(() => this.#open.delete(graph));
      }
      await sleep(random.pause(pause));
    }
    return await acting;
  }

  /**
   * Resolves when everyone was told, or the time is up: who was not told by then, hangs. Gives whether
   * nobody does.
   */
  async settle(patience: number): Promise<boolean> {
    const timer = setTimeout(() => this.#enough.abort(), patience);
    await Promise.all(this.#open);
    clearTimeout(timer);
    return !this.#enough.signal.aborted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#enough.abort();
    await this.#queue[Symbol.asyncDispose]();
  }

  /** Calls all tasks of a graph at once: most take results of calls that are not stored yet. */
  async #callAll(nodes: readonly Node[]): Promise<void> {
    const sums = sumsOf(nodes);
    const handles: Promise<Deferred<Output>>[] = [];
    const ends: Promise<void>[] = [];
    for (const [i, { takes, options, ...work }] of nodes.entries()) {
      const call: Call = { sum: sums[i] };
      this.calls.push(call);
      const target = task(this.#queue.work, options);
      const handle = target(work, takes.map((need) => handles[need]!));
      handles.push(handle);
      ends.push(this.#follow(call, handle, this.#options.random.between(0, LATEST)));
    }
    await Promise.all(ends);
  }

  async #follow(call: Call, stored: Promise<Deferred<Output>>, delay: number): Promise<void> {
    const { signal } = this.#enough;
    try {
      const handle = await stored;
      call.id = handle.id;
      await sleep(delay);
      const [result] = await Promise.allSettled([handle.result({ signal })]);
      if (signal.aborted) return;
      call.told = result.status === "fulfilled"
        ? { at: Date.now(), output: result.value }
        : { at: Date.now(), error: result.reason };
    } catch (error) {
      call.refusal = (error as Error).name;
    }
  }
}
