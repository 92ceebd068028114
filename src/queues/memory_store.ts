/** {@linkcode Store}: one queue in memory, as the state table of the port in plain maps. */
import { decode, encodeValue } from "../codec.ts";
import { decodeMessage, DEFAULT_POLICY, type Message } from "../message.ts";
import {
  type CancelAnswer,
  CANCELLED,
  type Claim,
  CLEARED,
  type EnqueueAnswer,
  type Exchange,
  type ExchangeAnswer,
  type FailureData,
  GONE,
  type Need,
  type NewTask,
  type Outcome,
  type QueueListener,
  type QueueStats,
  type Report,
  SILENT,
  type TaskRecord,
} from "../task_queue.ts";
import { Heap } from "./heap.ts";

/** A handle of the queue, which hears the news. */
export interface Listening {
  /** Passes news on, after the step that caused it. */
  hear(news: (listener: QueueListener) => void): void;
}

/** A task, from its enqueue until its outcome is dropped. */
interface Entry {
  readonly id: string;
  readonly origin: string | undefined;
  readonly score: number;
  status: TaskRecord["status"];
  message: string | undefined;
  needs: readonly Need[];
  /** Entries behind the needs that are known, to give them back. */
  held: Entry[] | undefined;
  open: number;
  feeds: Entry[] | undefined;
  refs: number;
  fence: number;
  owner: string | undefined;
  losses: number;
  deadline: number;
  started: number | undefined;
  ended: number | undefined;
  waiters: Listening[] | undefined;
  outcome: Outcome | undefined;
  keep: number;
  /** When the outcome is dropped; Infinity while another task needs it. */
  expires: number;
}

/** A task that is over, but not yet treated as such. */
interface Ending {
  readonly entry: Entry;
  readonly outcome: Outcome;
  readonly keep: number;
}

interface PoolEntry {
  readonly number: number;
  readonly claims: readonly Entry[];
}

const MAX_INPUTS = 200;
const NONE: readonly never[] = [];

/** The queue itself. Each public method is one atomic step. */
export class Store {
  readonly handles = new Set<Listening>();
  /** Handles whose pools wait to be woken, the longest asleep first. */
  readonly sleepers = new Map<Listening, Set<string>>();
  readonly #name: string;
  readonly #clock: () => number;
  readonly #tasks = new Map<string, Entry>();
  readonly #pending = new Set<Entry>();
  readonly #leases = new Set<Entry>();
  readonly #pools = new Map<string, PoolEntry>();
  /** Outcomes by how long they are kept, so that in each list the first is the first to go. */
  readonly #kept = new Map<number, { entry: Entry; expires: number }[]>();
  /** Tasks to finish, in order; a failure may run down a graph of any depth. */
  readonly #endings: Ending[] = [];
  /** No lease ends before this time. */
  #quietUntil = Infinity;
  #ready = new Heap<Entry>((a, b) => a.score - b.score);
  #sequence = 0;
  #paused = false;

  constructor(name: string, clock: () => number) {
    this.#name = name;
    this.#clock = clock;
  }

  isEmpty(): boolean {
    return this.#tasks.size === 0 && !this.#paused;
  }

  hadTasks(): boolean {
    return this.#sequence > 0 || this.#paused;
  }

  enqueue(tasks: readonly NewTask[]): EnqueueAnswer[] {
    const answers = tasks.map((task) => this.#enqueue(task));
    this.#wake();
    return answers;
  }

  exchange(handle: Listening, exchange: Exchange): ExchangeAnswer {
    const { pool, number, reports, renewals, want, lease, leaving } = exchange;
    reports.forEach((report) => this.#report(report));
    const superseded: string[] = [];
    for (const { id, fence, lease } of renewals) {
      const entry = this.#leased(id, fence);
      if (entry === undefined) superseded.push(id);
      else this.#renew(entry, lease);
    }
    this.#recover();
    const last = this.#pools.get(pool);
    const known = last?.claims.filter((entry) => entry.owner === pool && this.#leases.has(entry));
    const claimed = last === undefined || last.number < number
      ? this.#claim(pool, want, lease)
      : (last.number === number ? known! : []);
    if (leaving) this.#pools.delete(pool);
    else this.#pools.set(pool, { number, claims: claimed });
    this.#sleep(handle, pool, claimed.length < want);
    this.#wake();
    return { claims: claimed.map((entry) => this.#toClaim(entry)), superseded, more: false };
  }

  inputs(id: string, from: number, count: number): Outcome[] {
    const needs = this.#tasks.get(id)?.needs ?? [];
    return needs.slice(from, from + count).map((need) => this.#outcomeOf(need));
  }

  wait(handle: Listening, task: Need): Outcome | undefined {
    const entry = this.#find(task);
    if (entry === undefined) return this.#outcomeOf(task);
    if (entry.outcome !== undefined) return entry.outcome;
    const waiters = entry.waiters ??= [];
    if (!waiters.includes(handle)) waiters.push(handle);
    return undefined;
  }

  inspect(id: string): TaskRecord | undefined {
    const entry = this.#tasks.get(id);
    if (entry === undefined) return undefined;
    const { status, origin, message, fence, owner, losses, open, needs, refs, started, ended } =
      entry;
    return {
      id,
      status,
      origin,
      message,
      fence,
      owner,
      losses,
      open,
      needs,
      refs,
      started,
      ended,
    };
  }

  stats(): QueueStats {
    let idle = 0;
    for (const pools of this.sleepers.values()) idle += pools.size;
    return {
      pending: this.#pending.size,
      ready: this.#ready.size,
      leased: this.#leases.size,
      idle,
      unsettled: 0,
      paused: this.#paused,
    };
  }

  clear(): number {
    const cleared = [...this.#pending, ...this.#ready];
    this.#pending.clear();
    this.#ready = new Heap<Entry>((a, b) => a.score - b.score);
    for (const entry of cleared) {
      this.#finish(entry, this.#expired(entry, CLEARED), 0);
    }
    return cleared.length;
  }

  cancel(tasks: readonly Need[]): CancelAnswer[] {
    const cancelled = new Set<Entry>();
    const answers = tasks.map((task) => {
      const entry = this.#find(task);
      if (entry === undefined) return "unknown";
      if (entry.outcome !== undefined) {
        return wasCancelled(task.id, entry.outcome) ? "cancelled" : "over";
      }
      cancelled.add(entry);
      return "cancelled";
    });
    // All leave their places before the first one ends, or it would fail the others.
    this.#displace(cancelled);
    this.#finishAll([...cancelled].map((entry) => ({
      entry,
      outcome: this.#expired(entry, CANCELLED),
      keep: this.#messageOf(entry).resultTimeout,
    })));
    this.#wake();
    return answers;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  /** Drops the outcomes whose time is up. */
  expire(): void {
    const now = this.#clock();
    for (const [keep, endings] of this.#kept) {
      const alive = endings.findIndex(({ expires }) => expires > now);
      for (const { entry, expires } of endings.splice(0, alive < 0 ? endings.length : alive)) {
        // Otherwise it was needed again since.
        if (entry.expires === expires) this.#drop(entry);
      }
      if (endings.length === 0) this.#kept.delete(keep);
    }
  }

  #enqueue({ id, message, origin, needs }: NewTask): EnqueueAnswer {
    const known = this.#tasks.get(id);
    if (known !== undefined) {
      if (known.origin !== origin) return "duplicate";
      return known.status === "pending" ? "pending" : "enqueued";
    }
    const entry: Entry = {
      id,
      origin,
      score: ++this.#sequence,
      status: "pending",
      message,
      needs,
      held: undefined,
      open: 1,
      feeds: undefined,
      refs: 0,
      fence: 0,
      owner: undefined,
      losses: 0,
      deadline: 0,
      started: undefined,
      ended: undefined,
      waiters: undefined,
      outcome: undefined,
      keep: 0,
      expires: Infinity,
    };
    this.#tasks.set(id, entry);
    this.#pending.add(entry);
    this.#link(entry);
    return this.#pending.has(entry) ? "pending" : "enqueued";
  }

  #link(entry: Entry): void {
    for (const one of entry.needs) {
      const need = this.#find(one);
      if (need !== undefined) {
        need.refs++;
        need.expires = Infinity;
        (entry.held ??= []).push(need);
        if (need.outcome === undefined) {
          entry.open++;
          (need.feeds ??= []).push(entry);
        }
      }
      const outcome = need === undefined ? this.#outcomeOf(one) : need.outcome;
      if (outcome !== undefined && this.#failsWith(entry, outcome)) {
        this.#failForNeed(entry, outcome);
        return;
      }
    }
    this.#close(entry);
  }

  /** One result fewer to wait for. */
  #close(entry: Entry): void {
    if (--entry.open > 0) return;
    this.#pending.delete(entry);
    this.#makeReady(entry);
  }

  /** From now on the entries are in no place. */
  #displace(entries: ReadonlySet<Entry>): void {
    let waiting = false;
    for (const entry of entries) {
      waiting ||= entry.status === "enqueued";
      this.#pending.delete(entry);
      this.#leases.delete(entry);
    }
    if (waiting) this.#ready.remove((entry) => entries.has(entry));
  }

  #makeReady(entry: Entry): void {
    entry.fence = 0;
    entry.status = "enqueued";
    this.#ready.push(entry);
  }

  #failsWith(entry: Entry, need: Outcome): boolean {
    return need.status !== "success" && this.#messageOf(entry).onError === "fail";
  }

  #failForNeed(entry: Entry, outcome: Outcome): void {
    this.#pending.delete(entry);
    this.#finish(entry, outcome, this.#messageOf(entry).resultTimeout);
  }

  #report({ id, fence, kind, text, keep }: Report): void {
    const entry = this.#leased(id, fence);
    if (entry === undefined) return;
    this.#leases.delete(entry);
    if (kind === "returned") this.#makeReady(entry);
    else if (kind === "lost") this.#lose(entry, text);
    else this.#finish(entry, { status: kind, text }, keep);
  }

  #leased(id: string, fence: number): Entry | undefined {
    const entry = this.#tasks.get(id);
    return entry !== undefined && this.#leases.has(entry) && entry.fence === fence
      ? entry
      : undefined;
  }

  #recover(): void {
    const now = this.#clock();
    if (now < this.#quietUntil) return;
    this.#quietUntil = Infinity;
    for (const entry of this.#leases) {
      if (entry.deadline > now) {
        this.#quietUntil = Math.min(this.#quietUntil, entry.deadline);
      } else {
        this.#leases.delete(entry);
        this.#lose(entry, SILENT);
      }
    }
  }

  /** A lost worker costs one delivery, and then the task itself. */
  #lose(entry: Entry, reason: string): void {
    const { redeliveries, resultTimeout } = this.#messageOf(entry);
    if (++entry.losses <= redeliveries) this.#makeReady(entry);
    else this.#finish(entry, this.#expired(entry, `task expired: ${reason}`), resultTimeout);
  }

  #claim(pool: string, want: number, lease: number): Entry[] {
    const claimed: Entry[] = [];
    if (this.#paused) return claimed;
    const fence = ++this.#sequence;
    while (claimed.length < want) {
      const entry = this.#ready.pop();
      if (entry === undefined) break;
      entry.status = "processing";
      entry.fence = fence;
      entry.owner = pool;
      entry.started = this.#clock();
      this.#renew(entry, lease);
      this.#leases.add(entry);
      claimed.push(entry);
    }
    return claimed;
  }

  #renew(entry: Entry, lease: number): void {
    entry.deadline = this.#clock() + lease;
    this.#quietUntil = Math.min(this.#quietUntil, entry.deadline);
  }

  #toClaim(entry: Entry): Claim {
    const { id, fence, message, needs } = entry;
    const inputs = needs.length === 0 ? NONE : this.inputs(id, 0, MAX_INPUTS);
    return { id, fence, message, inputs };
  }

  /** The task is over, and with it those that cannot run without it. */
  #finish(entry: Entry, outcome: Outcome, keep: number): void {
    this.#finishAll([{ entry, outcome, keep }]);
  }

  #finishAll(endings: readonly Ending[]): void {
    const underWay = this.#endings.length > 0;
    for (const ending of endings) this.#endings.push(ending);
    if (underWay) return;
    for (let at = 0; at < this.#endings.length; at++) this.#end(this.#endings[at]!);
    this.#endings.length = 0;
  }

  #end({ entry, outcome, keep }: Ending): void {
    const { waiters, feeds, held } = entry;
    entry.outcome = outcome;
    entry.keep = keep;
    entry.status = outcome.status;
    entry.ended = this.#clock();
    entry.message = undefined;
    entry.waiters = undefined;
    entry.fence = 0;
    entry.open = 0;
    entry.feeds = entry.held = undefined;
    entry.needs = NONE;
    for (const handle of waiters ?? NONE) {
      handle.hear((listener) => listener.outcome?.(entry.id, outcome));
    }
    for (const dependent of feeds ?? NONE) this.#release(dependent, outcome);
    for (const need of held ?? NONE) {
      if (--need.refs === 0 && need.outcome !== undefined) this.#keep(need);
    }
    if (entry.refs === 0) this.#keep(entry);
  }

  #release(entry: Entry, outcome: Outcome): void {
    if (!this.#pending.has(entry)) return;
    if (this.#failsWith(entry, outcome)) this.#failForNeed(entry, outcome);
    else this.#close(entry);
  }

  /** From now on nobody but readers needs the outcome. */
  #keep(entry: Entry): void {
    if (entry.keep === 0) return this.#drop(entry);
    entry.expires = this.#clock() + entry.keep;
    const kept = this.#kept.get(entry.keep) ?? [];
    kept.push({ entry, expires: entry.expires });
    this.#kept.set(entry.keep, kept);
  }

  #drop(entry: Entry): void {
    if (this.#tasks.get(entry.id) === entry) this.#tasks.delete(entry.id);
  }

  #outcomeOf(need: Need): Outcome {
    return this.#find(need)?.outcome ?? this.#failure(need.id, "?", GONE);
  }

  #find({ id, origin }: Need): Entry | undefined {
    const entry = this.#tasks.get(id);
    return origin === undefined || entry?.origin === origin ? entry : undefined;
  }

  #expired(entry: Entry, text: string): Outcome {
    return this.#failure(entry.id, this.#messageOf(entry).name, text);
  }

  #failure(id: string, task: string, text: string): Outcome {
    const data = { task, queue: this.#name, id, text };
    return { status: "expired", text: encodeValue("describe a failure", "it", data, Infinity) };
  }

  #messageOf(entry: Entry): Message {
    try {
      return decodeMessage(entry.message ?? "");
    } catch {
      return { ...DEFAULT_POLICY, name: "?", args: "", needs: 0 };
    }
  }

  #sleep(handle: Listening, pool: string, asleep: boolean): void {
    const pools = this.sleepers.get(handle);
    if (asleep) this.sleepers.set(handle, (pools ?? new Set()).add(pool));
    else if (pools?.delete(pool) && pools.size === 0) this.sleepers.delete(handle);
  }

  #wake(): void {
    if (this.#ready.size === 0 || this.#paused) return;
    for (const [handle, pools] of this.sleepers) {
      const [pool] = pools;
      this.#sleep(handle, pool!, false);
      handle.hear((listener) => listener.wake?.());
      return;
    }
  }
}

function wasCancelled(id: string, outcome: Outcome): boolean {
  if (outcome.status !== "expired") return false;
  const failure = decode(outcome.text) as FailureData;
  // A dependent has the outcome of what it needs.
  return failure.id === id && failure.text === CANCELLED;
}
