/** {@linkcode Store}: one queue in memory, as the state table of the port in plain maps. */
import { Chain } from "../chain.ts";
import { decode, encodeValue } from "../codec.ts";
import type { KeptNotes, TaskNotes } from "../notes.ts";
import { decodeMessage, DEFAULT_POLICY, type Message, nameIn } from "../message.ts";
import {
  type Attempt,
  BAND,
  type CancelAnswer,
  CANCELLED,
  type Claim,
  CLEARED,
  type DeadTask,
  type EnqueueAnswer,
  type Exchange,
  type ExchangeAnswer,
  type FailureData,
  FLOOR,
  GONE,
  LATE,
  type Limits,
  type ListPlace,
  MAX_ATTEMPT_TEXT,
  MAX_ATTEMPTS,
  MAX_DEAD,
  MAX_EDGES,
  MAX_OPEN,
  type Need,
  type NewTask,
  type Outcome,
  type Plan,
  type QueueStats,
  type RedriveAnswer,
  REPLACED,
  type Report,
  type ScheduleBook,
  type ScheduleChange,
  type ScheduleRecord,
  type Sight,
  SILENT,
  type Situation,
  type TaskRecord,
  type Window,
} from "../task_queue.ts";
import { Entry, type Kept, type Lease, type Listening } from "./memory_entry.ts";
import { Lines } from "./lines.ts";
import { Notes } from "./memory_notes.ts";
import { Timers } from "./timers.ts";

/** A task that is over, but not yet treated as such. */
interface Ending {
  readonly entry: Entry;
  readonly outcome: Outcome;
  readonly keep: number;
  /** It failed for good, and is kept among the dead. */
  readonly dies?: boolean;
}

/** A task among the dead. The results that it took are held, in case it runs again. */
export interface Dead extends DeadTask {
  readonly origin: string | undefined;
  readonly key: string | undefined;
  readonly needs: readonly Need[];
  readonly held: Entry[] | undefined;
  readonly gone: Set<Need> | undefined;
  /** When it is dropped. */
  readonly leaves: number;
}

/** What a queue in memory is made of, and what sets it right, for those who check it. */
export interface Parts {
  readonly tasks: Map<string, Entry>;
  readonly pending: Set<Entry>;
  readonly leases: Chain<Entry>;
  readonly due: Timers<Entry>;
  readonly late: Timers<Entry>;
  readonly dead: Map<string, Dead>;
  readonly ready: Lines<Entry>;
  readonly schedules: Map<string, Omit<ScheduleRecord, "over">>;
  /** The last number that was given. */
  readonly sequence: number;
  /** Goes on from a number. */
  raise(sequence: number): void;
  /** Puts a task into its line. */
  makeReady(entry: Entry): void;
  /** Ends a task, wherever it is, as expired. */
  end(entry: Entry, why: string): void;
  /** Keeps a result for its time. */
  keep(entry: Entry): void;
  /** Wakes a pool, if there is something to do. */
  wake(): void;
}

interface OpenWindow {
  readonly id: string;
  readonly until: number;
}

interface PoolEntry {
  readonly number: number;
  readonly claims: readonly Entry[];
}

const MAX_INPUTS = 200;
/** Windows that there may be before it is worth looking for old ones. */
const MANY = 1_000;
const NONE: readonly never[] = [];
const NO_PLAN: Plan = {};
const NO_LEASE: Partial<Lease> = {};

/** The queue itself. Each public method is one atomic step. */
export class Store {
  readonly handles = new Set<Listening>();
  /** Handles whose pools wait to be woken, the longest asleep first. */
  readonly sleepers = new Map<Listening, Set<string>>();
  readonly #name: string;
  readonly #clock: () => number;
  /** When the step is that is being done. */
  #now: number;
  readonly #tasks = new Map<string, Entry>();
  readonly #pending = new Set<Entry>();
  readonly #leases = new Chain<Entry>();
  /** Pending tasks that wait for their time, which counts as one more result. */
  readonly #due = new Timers<Entry>();
  /** Tasks that no pool has, by when they are too late. */
  readonly #late = new Timers<Entry>();
  readonly #dead = new Map<string, Dead>();
  readonly #schedules = new Map<string, Omit<ScheduleRecord, "over">>();
  readonly #pools = new Map<string, PoolEntry>();
  /** Outcomes by how long they are kept, so that in each list the first is the first to go. */
  readonly #kept = new Map<number, Kept[]>();
  /** Tasks to finish, in order; a failure may run down a graph of any depth. */
  readonly #endings: Ending[] = [];
  /** Whether a task is being finished. */
  #finishing = false;
  /** No lease ends before this time. */
  #quietUntil = Infinity;
  readonly #ready = new Lines<Entry>();
  readonly #notes = new Notes();
  /** What pools tell of themselves, and how long that is kept. */
  readonly #cards = new Map<string, { readonly card: string; readonly until: number }>();
  /** Tasks that the calls of a window join, by its kind and name. */
  readonly #windows = new Map<string, OpenWindow>();
  #sequence = 0;
  #paused = false;
  /** Time will bring something earlier than those who sleep know. */
  #sooner = false;

  constructor(name: string, clock: () => number) {
    this.#name = name;
    this.#clock = clock;
    this.#now = clock();
  }

  parts(): Parts {
    return {
      tasks: this.#tasks,
      pending: this.#pending,
      leases: this.#leases,
      due: this.#due,
      late: this.#late,
      dead: this.#dead,
      ready: this.#ready,
      schedules: this.#schedules,
      sequence: this.#sequence,
      raise: (sequence) => this.#sequence = sequence,
      makeReady: (entry) => this.#makeReady(entry),
      end: (entry, why) => this.#expireAll(new Set([entry]), why),
      keep: (entry) => this.#keep(entry),
      wake: () => this.#wake(),
    };
  }

  isEmpty(): boolean {
    return this.#tasks.size === 0 && this.#dead.size === 0 && !this.#paused;
  }

  hadTasks(): boolean {
    return this.#sequence > 0 || this.#paused;
  }

  enqueue(handle: Listening, tasks: readonly NewTask[]): EnqueueAnswer[] {
    const answers = tasks.map((task) => this.#enqueue(task, handle));
    this.#wake();
    return answers;
  }

  exchange(handle: Listening, exchange: Exchange): ExchangeAnswer {
    const { pool, number, reports, renewals, want, lease, limits, leaving } = exchange;
    for (const report of reports) this.#report(report);
    const superseded: string[] = [];
    for (const { id, fence, lease } of renewals) {
      const entry = this.#leased(id, fence);
      if (entry === undefined) superseded.push(id);
      else this.#renew(entry, lease);
    }
    this.#recover();
    this.#promote();
    this.#endLate();
    this.#dropDead();
    const last = this.#pools.get(pool);
    const known = last?.claims.filter((entry) =>
      entry.lease?.owner === pool && this.#leases.has(entry)
    );
    const claimed = last === undefined || last.number < number
      ? this.#claim(pool, want, lease, limits)
      : (last.number === number ? known! : []);
    if (leaving) this.#pools.delete(pool);
    else this.#pools.set(pool, { number, claims: claimed });
    this.#sleep(handle, pool, claimed.length < want);
    this.#wake();
    const next = claimed.length < want ? this.#next() : undefined;
    return { claims: claimed.map((entry) => this.#toClaim(entry)), superseded, more: false, next };
  }

  inputs(id: string, from: number, count: number): Outcome[] {
    const { needs = NONE, gone } = this.#tasks.get(id) ?? {};
    return needs.slice(from, from + count).map((need) =>
      gone?.has(need) ? this.#gone(need) : this.#outcomeOf(need)
    );
  }

  wait(handle: Listening, task: Need): Outcome | undefined {
    // Where no pool is, only those who wait look after the time.
    this.#endLate();
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
    const { status, origin, message, fence, key, losses, failures } = entry;
    const name = nameOf(entry);
    const { open, needs, refs, ended, attempts = NONE, lease: { owner, started } = NO_LEASE } =
      entry;
    const due = this.#due.get(entry);
    const life = { status, origin, name, message, fence, owner, key, losses, failures, attempts };
    return { id, ...life, due, open, needs, refs, started, ended };
  }

  situation(id: string, limits: Limits): Situation | undefined {
    const record = this.inspect(id);
    const entry = this.#tasks.get(id);
    if (record === undefined || entry === undefined) return undefined;
    const { status, lease, held = NONE, key } = entry;
    const open = held.filter(({ outcome }) => outcome === undefined);
    return {
      record,
      now: this.#now,
      deadline: status === "processing" ? lease?.deadline : undefined,
      openNeeds: open.slice(0, MAX_OPEN).map(({ id, origin }) => origin ? { id, origin } : { id }),
      ahead: status === "enqueued" ? this.#ready.ahead(entry) : undefined,
      paused: this.#paused,
      leased: this.#leases.size,
      ...this.#ready.limited(key, limits, this.#now),
    };
  }

  list(place: ListPlace, from: number, count: number): string[] {
    const byScore = (a: Entry, b: Entry) => a.score - b.score;
    const inLine = () => {
      const all = [...this.#ready].sort(byScore);
      return [...all.filter(({ key }) => !key), ...all.filter(({ key }) => key)];
    };
    const entries: readonly { readonly id: string }[] = {
      pending: () => [...this.#pending].sort(byScore),
      scheduled: () => [...this.#due].sort((a, b) => this.#due.get(a)! - this.#due.get(b)!),
      ready: inLine,
      running: () => [...this.#leases].sort((a, b) => a.lease!.deadline - b.lease!.deadline),
      dead: () => [...this.#dead.values()].sort(lastToLeave),
    }[place]();
    return entries.slice(from, from + count).map(({ id }) => id);
  }

  sight(id: string): Sight | undefined {
    const entry = this.#tasks.get(id);
    if (entry === undefined) return undefined;
    const { status, message, needs, feeds = NONE } = entry;
    return {
      ...{ id, status, name: nameOf(entry), message },
      ...{ needCount: needs.length, feedCount: feeds.length },
      needs: needs.slice(0, MAX_EDGES).map(({ id }) => id),
      feeds: feeds.slice(0, MAX_EDGES).map(({ id }) => id),
    };
  }

  note(notes: readonly TaskNotes[]): void {
    for (const one of notes) {
      const entry = this.#tasks.get(one.id);
      const isStale = entry?.status === "processing" && entry.fence !== one.fence;
      if (!isStale) this.#notes.add(one, this.#now);
    }
  }

  notes(id: string, from: number): KeptNotes {
    return this.#notes.of(id, from, this.#now);
  }

  announce(pool: string, card: string, keep: number): void {
    if (card === "") this.#cards.delete(pool);
    else this.#cards.set(pool, { card, until: this.#now + keep });
  }

  cards(): string[] {
    for (const [pool, { until }] of this.#cards) if (until <= this.#now) this.#cards.delete(pool);
    return [...this.#cards.values()].map(({ card }) => card);
  }

  stats(): QueueStats {
    let idle = 0;
    for (const pools of this.sleepers.values()) idle += pools.size;
    return {
      pending: this.#pending.size,
      scheduled: this.#due.size,
      ready: this.#ready.size,
      leased: this.#leases.size,
      idle,
      unsettled: 0,
      dead: this.#dead.size,
      paused: this.#paused,
    };
  }

  clear(): number {
    const cleared = [...this.#pending, ...this.#ready].filter(({ score }) => score >= FLOOR);
    cleared.forEach((entry) => this.#pending.delete(entry));
    this.#ready.remove(({ score }) => score >= FLOOR);
    for (const entry of cleared) {
      this.#unschedule(entry);
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
    this.#expireAll(cancelled, CANCELLED);
    this.#wake();
    return answers;
  }

  dead(from: number, count: number): DeadTask[] {
    return [...this.#dead.values()].sort(lastToLeave).slice(from, from + count)
      .map(({ id, message, outcome, ended, attempts }) => ({
        ...{ id, message, outcome, ended, attempts },
      }));
  }

  redrive(ids: readonly string[]): RedriveAnswer[] {
    const answers = ids.map((id): RedriveAnswer => {
      const dead = this.#dead.get(id);
      if (dead === undefined) return "unknown";
      const known = this.#tasks.get(id);
      if (known !== undefined && !isSpare(known, dead)) return "taken";
      this.#dead.delete(id);
      const { message, origin, needs, held, gone, key } = dead;
      const { priority } = this.#decode(message);
      const plan = { priority, ...(key === undefined ? {} : { key }) };
      const task = { id, message, needs, plan, ...(origin ? { origin } : {}) };
      const caller = this.handles.values().find(({ client }) => id.startsWith(client));
      const entry = this.#newEntry(task, caller);
      entry.held = held;
      entry.gone = gone;
      entry.attempts = [...dead.attempts];
      this.#tasks.set(id, entry);
      this.#makeReady(entry);
      return "redriven";
    });
    this.#wake();
    return answers;
  }

  deliver({ id, origin }: Need, outcome: Outcome, keep: number, name?: string): void {
    const known = this.#tasks.get(id);
    if (known === undefined) {
      const entry = this.#newEntry({ id, message: "", needs: [], ...(origin ? { origin } : {}) });
      this.#tasks.set(id, entry);
      this.#finish(entry, outcome, keep);
      entry.name = name;
    } else if (known.origin === origin && this.#pending.delete(known)) {
      this.#unschedule(known);
      this.#finish(known, outcome, keep);
    }
    this.#wake();
  }

  discard(ids: readonly string[]): number {
    return ids.filter((id) => this.#discard(id)).length;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  schedule(changes: readonly ScheduleChange[]): ScheduleBook {
    const now = this.#now;
    const made = changes.filter((change) => this.#changeSchedule(change, now));
    for (const { tick } of made) {
      if (tick === undefined || this.#tasks.has(tick.task.id)) continue;
      const { task: { id, message }, at, priority } = tick;
      this.#enqueue({ id, origin: id, message, needs: NONE, plan: { runAt: at, priority } });
    }
    this.#wake();
    const schedules = [...this.#schedules.values()].map((record) => ({
      ...record,
      over: this.#tasks.get(record.id)?.message === undefined,
    }));
    return { now, schedules };
  }

  /** Whether the record is as it was seen, and is changed now. */
  #changeSchedule({ name, seen, tick }: ScheduleChange, now: number): boolean {
    const old = this.#schedules.get(name);
    if (old?.spec !== seen?.spec || old?.at !== seen?.at) return false;
    const same = old !== undefined && tick !== undefined && old.id === tick.task.id &&
      old.spec === tick.spec && old.at === tick.at;
    // What was due may have run.
    if (same) return old.at > now;
    if (old !== undefined && old.at > now) this.#removeTick(old.id);
    if (tick === undefined) this.#schedules.delete(name);
    else {
      const { spec, at, task: { id } } = tick;
      this.#schedules.set(name, { name, spec, at, id });
    }
    return true;
  }

  #removeTick(id: string): void {
    const entry = this.#tasks.get(id);
    if (entry === undefined || entry.origin !== id || !this.#pending.has(entry)) return;
    this.#displace(new Set([entry]));
    this.#finish(entry, this.#expired(entry, CANCELLED), 0);
  }

  /** A step begins: drops the outcomes whose time is up. */
  begin(): void {
    const now = this.#now = this.#clock();
    for (const [keep, kept] of this.#kept) {
      const alive = kept.findIndex(({ expires }) => expires > now);
      if (alive === 0) continue;
      for (const one of kept.splice(0, alive < 0 ? kept.length : alive)) {
        for (const entry of one.entries) {
          // Otherwise it was needed again since.
          if (entry.kept === one) this.#drop(entry);
        }
      }
      if (kept.length === 0) this.#kept.delete(keep);
    }
  }

  #enqueue(task: NewTask, handle?: Listening): EnqueueAnswer {
    const { id, origin, plan = NO_PLAN } = task;
    const known = this.#tasks.get(id);
    if (known?.origin === origin && known !== undefined) {
      return known.status === "pending" ? "pending" : "enqueued";
    }
    if (known !== undefined) {
      if (plan.onDuplicate === "join") {
        return known.origin === undefined ? { id } : { id, origin: known.origin };
      }
      if (plan.onDuplicate !== "replace" || !this.#remove(known)) return "duplicate";
    }
    const joined = this.#join(task);
    if (joined !== undefined) return { id: joined };
    if (plan.maxLength !== undefined) {
      if (this.#pending.size + this.#ready.size >= plan.maxLength) return "full";
    }
    if (plan.window !== undefined) this.#openWindow(id, plan.window);
    const entry = this.#newEntry(task, handle);
    this.#tasks.set(id, entry);
    if (plan === NO_PLAN && task.needs.length === 0) {
      this.#makeReady(entry);
      return "enqueued";
    }
    // Until all of it is known.
    entry.open = 1;
    this.#pending.add(entry);
    this.#plan(entry, plan);
    this.#link(entry);
    return this.#pending.has(entry) ? "pending" : "enqueued";
  }

  #plan(entry: Entry, { window, delay = 0, runAt = 0, remote, expiresAt }: Plan): void {
    const now = this.#now;
    const pause = window?.kind === "debounce" ? window.time : 0;
    const due = Math.max(now + Math.max(pause, delay), runAt);
    if (due > now) this.#schedule(entry, due);
    if (remote) entry.open++;
    if (expiresAt !== undefined) this.#setLate(entry, expiresAt);
  }

  /** Ends a task, if need be, and forgets it, so that its id is free; false when it is needed. */
  #remove(entry: Entry): boolean {
    if (entry.outcome === undefined) {
      this.#displace(new Set([entry]));
      this.#finish(entry, this.#expired(entry, REPLACED), 0);
    }
    if (entry.refs > 0) return false;
    this.#drop(entry);
    return true;
  }

  /** The task that a call joins, since they are close to each other. */
  #join({ message, plan = {} }: NewTask): string | undefined {
    if (plan.window === undefined) return undefined;
    const { name, kind, time } = plan.window;
    const open = this.#windows.get(`${kind} ${name}`);
    if (open === undefined) return undefined;
    if (kind === "throttle") return open.until > this.#now ? open.id : undefined;
    const entry = this.#tasks.get(open.id);
    if (entry === undefined || this.#due.get(entry) === undefined || entry.failures > 0) {
      return undefined;
    }
    entry.message = message;
    this.#due.set(entry, this.#now + time);
    this.#late.delete(entry);
    if (plan.expiresAt !== undefined) this.#setLate(entry, plan.expiresAt);
    return open.id;
  }

  #openWindow(id: string, { name, kind, time }: Window): void {
    const now = this.#now;
    this.#windows.set(`${kind} ${name}`, { id, until: now + time });
    if (this.#windows.size <= MANY) return;
    for (const [name, { until }] of this.#windows) if (until <= now) this.#windows.delete(name);
  }

  #newEntry(task: NewTask, handle?: Listening): Entry {
    const { id, origin, plan: { priority = 0 } = NO_PLAN } = task;
    const isTheirs = handle !== undefined && origin === undefined && id.startsWith(handle.client);
    return new Entry(
      task,
      isTheirs ? handle : undefined,
      ++this.#sequence - priority * BAND,
    );
  }

  /** Its time is one more thing to wait for. */
  #schedule(entry: Entry, at: number): void {
    entry.open++;
    this.#due.set(entry, at);
    this.#sooner ||= this.#due.first === at;
  }

  #setLate(entry: Entry, at: number): void {
    this.#late.set(entry, at);
    this.#sooner ||= this.#late.first === at;
  }

  #unschedule(entry: Entry): void {
    this.#due.delete(entry);
    this.#late.delete(entry);
  }

  #promote(): void {
    if (this.#due.size > 0) {
      for (const entry of this.#due.due(this.#now)) {
        this.#close(entry);
      }
    }
    this.#ready.wakeUp(this.#now);
  }

  #endLate(): void {
    if (this.#late.size === 0) return;
    const late = new Set(this.#late.due(this.#now));
    if (late.size > 0) this.#expireAll(late, LATE);
  }

  #dropDead(): void {
    if (this.#dead.size === 0) return;
    const now = this.#now;
    for (const { id, leaves } of [...this.#dead.values()]) {
      if (leaves <= now) this.#discard(id);
    }
  }

  /** Milliseconds until time brings something. */
  #next(): number | undefined {
    const times = [this.#due.first, this.#late.first, this.#ready.nextTime];
    let first = Math.min(...times.map((time) => time ?? Infinity));
    for (const { lease } of this.#leases) first = Math.min(first, lease!.deadline);
    return first === Infinity ? undefined : Math.max(0, first - this.#now);
  }

  /** Ends tasks. All leave their places before the first one ends, or it would fail the others. */
  #expireAll(entries: ReadonlySet<Entry>, why: string): void {
    this.#displace(entries);
    this.#finishAll([...entries].map((entry) => ({
      entry,
      outcome: this.#expired(entry, why),
      keep: this.#messageOf(entry).resultTimeout,
    })));
  }

  #bury(entry: Entry, message: string, outcome: Outcome): void {
    const { deadTimeout } = this.#messageOf(entry);
    if (deadTimeout === 0) return;
    const { id, origin, key, needs, held, gone, attempts = NONE } = entry;
    const ended = this.#now;
    this.#discard(id);
    const leaves = ended + deadTimeout;
    const dead = { id, origin, key, message, outcome, ended, attempts, needs, held, gone, leaves };
    this.#dead.set(id, dead);
    entry.held = undefined;
    if (this.#dead.size <= MAX_DEAD) return;
    this.#discard([...this.#dead.values()].sort(lastToLeave).at(-1)!.id);
  }

  #discard(id: string): boolean {
    const dead = this.#dead.get(id);
    if (dead === undefined) return false;
    this.#dead.delete(id);
    this.#giveBack(dead.held);
    return true;
  }

  #link(entry: Entry): void {
    for (const one of entry.needs) {
      const need = this.#find(one);
      if (need === undefined) (entry.gone ??= new Set()).add(one);
      else {
        need.refs++;
        need.kept = undefined;
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
      this.#endLease(entry);
      this.#unschedule(entry);
    }
    if (waiting) this.#ready.remove((entry) => entries.has(entry));
  }

  #makeReady(entry: Entry): void {
    entry.fence = 0;
    entry.status = "enqueued";
    this.#ready.add(entry);
  }

  #endLease(entry: Entry): void {
    if (this.#leases.delete(entry)) this.#ready.left(entry);
  }

  #failsWith(entry: Entry, need: Outcome): boolean {
    return need.status !== "success" && this.#messageOf(entry).onError === "fail";
  }

  #failForNeed(entry: Entry, outcome: Outcome): void {
    this.#pending.delete(entry);
    this.#unschedule(entry);
    this.#finish(entry, outcome, this.#messageOf(entry).resultTimeout);
  }

  #report({ id, fence, kind, text, keep, delay = 0 }: Report): void {
    const entry = this.#leased(id, fence);
    if (entry === undefined) return;
    this.#endLease(entry);
    if (kind === "returned") this.#giveAgain(entry);
    else if (kind === "lost") this.#lose(entry, text);
    else if (kind === "success") this.#finish(entry, { status: kind, text }, keep);
    else {
      this.#note(entry, "failed", text);
      if (kind === "failed") this.#die(entry, { status: kind, text }, keep);
      else this.#retry(entry, text, this.#now + delay);
    }
  }

  #retry(entry: Entry, text: string, at: number): void {
    const { expiresAt = Infinity, resultTimeout } = this.#messageOf(entry);
    if (expiresAt <= at) return this.#die(entry, { status: "failed", text }, resultTimeout);
    entry.failures++;
    entry.fence = 0;
    entry.status = "pending";
    this.#pending.add(entry);
    this.#schedule(entry, at);
    if (expiresAt < Infinity) this.#setLate(entry, expiresAt);
  }

  /** Back in line, in its old place. */
  #giveAgain(entry: Entry): void {
    const { expiresAt, resultTimeout } = this.#messageOf(entry);
    if (expiresAt !== undefined && expiresAt <= this.#now) {
      return this.#finish(entry, this.#expired(entry, LATE), resultTimeout);
    }
    this.#makeReady(entry);
    if (expiresAt !== undefined) this.#setLate(entry, expiresAt);
  }

  #note(entry: Entry, kind: Attempt["kind"], text: string): void {
    const { fence, lease: { owner = "", started = 0 } = NO_LEASE } = entry;
    const short = text.length > MAX_ATTEMPT_TEXT ? "" : text;
    const attempt = { fence, owner, started, ended: this.#now, kind, text: short };
    entry.attempts = [...entry.attempts ?? NONE, attempt].slice(-MAX_ATTEMPTS);
  }

  #leased(id: string, fence: number): Entry | undefined {
    const entry = this.#tasks.get(id);
    return entry !== undefined && this.#leases.has(entry) && entry.fence === fence
      ? entry
      : undefined;
  }

  #recover(): void {
    const now = this.#now;
    if (now < this.#quietUntil) return;
    this.#quietUntil = Infinity;
    for (const entry of this.#leases) {
      const { deadline } = entry.lease!;
      if (deadline > now) this.#quietUntil = Math.min(this.#quietUntil, deadline);
      else {
        this.#endLease(entry);
        this.#lose(entry, SILENT);
      }
    }
  }

  /** A lost worker costs one delivery, and then the task itself. */
  #lose(entry: Entry, reason: string): void {
    const { redeliveries, resultTimeout } = this.#messageOf(entry);
    this.#note(entry, "lost", reason);
    if (++entry.losses <= redeliveries) this.#giveAgain(entry);
    else this.#die(entry, this.#expired(entry, `task expired: ${reason}`), resultTimeout);
  }

  #claim(pool: string, want: number, time: number, limits: Limits | undefined): Entry[] {
    if (this.#paused) return [];
    const fence = ++this.#sequence;
    const lease = this.#newLease(pool, this.#now, time);
    const claimed = this.#ready.take(want, this.#leases.size, this.#now, limits);
    for (const entry of claimed) {
      entry.status = "processing";
      entry.fence = fence;
      entry.lease = lease;
      this.#late.delete(entry);
      this.#leases.add(entry);
    }
    return claimed;
  }

  #renew(entry: Entry, time: number): void {
    const { owner, started } = entry.lease!;
    entry.lease = this.#newLease(owner, started, time);
  }

  #newLease(owner: string, started: number, time: number): Lease {
    const deadline = this.#now + time;
    this.#quietUntil = Math.min(this.#quietUntil, deadline);
    return { owner, started, deadline };
  }

  #toClaim(entry: Entry): Claim {
    const { id, fence, message, needs, failures } = entry;
    const inputs = needs.length === 0 ? NONE : this.inputs(id, 0, MAX_INPUTS);
    return { id, fence, message, inputs, failures };
  }

  /** The task is over, and with it those that cannot run without it. */
  #finish(entry: Entry, outcome: Outcome, keep: number): void {
    if (this.#finishing) this.#endings.push({ entry, outcome, keep });
    else {
      this.#finishing = true;
      this.#end(entry, outcome, keep);
      this.#finishRest();
    }
  }

  /** The task is over, and kept, to be enqueued again when its cause is gone. */
  #die(entry: Entry, outcome: Outcome, keep: number): void {
    this.#finishAll([{ entry, outcome, keep, dies: true }]);
  }

  #finishAll(endings: readonly Ending[]): void {
    for (const ending of endings) this.#endings.push(ending);
    if (this.#finishing) return;
    this.#finishing = true;
    this.#finishRest();
  }

  #finishRest(): void {
    for (let at = 0; at < this.#endings.length; at++) {
      const { entry, outcome, keep, dies = false } = this.#endings[at]!;
      if (dies && entry.message !== undefined) this.#bury(entry, entry.message, outcome);
      this.#end(entry, outcome, keep);
    }
    this.#endings.length = 0;
    this.#finishing = false;
  }

  #end(entry: Entry, outcome: Outcome, keep: number): void {
    const { caller, waiters, feeds, held } = entry;
    entry.outcome = outcome;
    entry.keep = keep;
    entry.status = outcome.status;
    entry.ended = this.#now;
    entry.name = nameOf(entry);
    entry.message = undefined;
    entry.caller = undefined;
    entry.fence = 0;
    if (waiters !== undefined) entry.waiters = undefined;
    if (feeds !== undefined) entry.feeds = undefined;
    if (held !== undefined || entry.needs.length > 0) {
      entry.held = entry.gone = undefined;
      entry.needs = NONE;
    }
    if (entry.open > 0) entry.open = 0;
    for (const waiter of waiters ?? NONE) waiter.hear(entry);
    if (caller !== undefined && outcome.text !== "" && !waiters?.includes(caller)) {
      caller.hear(entry);
    }
    for (const dependent of feeds ?? NONE) this.#release(dependent, outcome);
    this.#giveBack(held);
    if (entry.refs === 0) this.#keep(entry);
  }

  #giveBack(held: readonly Entry[] | undefined): void {
    for (const need of held ?? NONE) {
      if (--need.refs === 0 && need.outcome !== undefined) this.#keep(need);
    }
  }

  #release(entry: Entry, outcome: Outcome): void {
    if (!this.#pending.has(entry)) return;
    if (this.#failsWith(entry, outcome)) this.#failForNeed(entry, outcome);
    else this.#close(entry);
  }

  /** From now on nobody but readers needs the outcome. */
  #keep(entry: Entry): void {
    if (entry.keep === 0) return this.#drop(entry);
    const expires = this.#now + entry.keep;
    const lists = this.#kept.get(entry.keep) ?? [];
    if (lists.length === 0) this.#kept.set(entry.keep, lists);
    let kept = lists.at(-1);
    if (kept?.expires !== expires) lists.push(kept = { expires, entries: [] });
    kept.entries.push(entry);
    entry.kept = kept;
  }

  #drop(entry: Entry): void {
    if (this.#tasks.get(entry.id) === entry) this.#tasks.delete(entry.id);
  }

  #outcomeOf(need: Need): Outcome {
    return this.#find(need)?.outcome ?? this.#gone(need);
  }

  #gone({ id }: Need): Outcome {
    return this.#failure(id, "?", GONE);
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
    return this.#decode(entry.message ?? "");
  }

  #decode(message: string): Message {
    try {
      return decodeMessage(message);
    } catch {
      return { ...DEFAULT_POLICY, name: "?", args: "", needs: 0 };
    }
  }

  #sleep(handle: Listening, pool: string, asleep: boolean): void {
    const pools = this.sleepers.get(handle);
    if (asleep) this.sleepers.set(handle, (pools ?? new Set()).add(pool));
    else if (pools?.delete(pool) && pools.size === 0) this.sleepers.delete(handle);
  }

  /** Wakes one pool that sleeps, when there is something to claim or it is to sleep shorter. */
  #wake(): void {
    const sooner = this.#sooner;
    this.#sooner = false;
    if (!sooner && (!this.#ready.mayGive || this.#paused)) return;
    for (const [handle, pools] of this.sleepers) {
      const [pool] = pools;
      this.#sleep(handle, pool!, false);
      handle.wake();
      return;
    }
  }
}

function lastToLeave(a: Dead, b: Dead): number {
  return b.leaves - a.leaves || (a.id < b.id ? 1 : -1);
}

function nameOf({ message, name }: Entry): string | undefined {
  return message === undefined ? name : nameIn(message);
}

/** Whether a record is no more than the outcome of the dead task itself, which nobody takes. */
function isSpare({ outcome, refs, origin }: Entry, dead: Dead): boolean {
  return outcome !== undefined && refs === 0 && origin === dead.origin;
}

function wasCancelled(id: string, outcome: Outcome): boolean {
  if (outcome.status !== "expired") return false;
  const failure = decode(outcome.text) as FailureData;
  // A dependent has the outcome of what it needs.
  return failure.id === id && failure.text === CANCELLED;
}
