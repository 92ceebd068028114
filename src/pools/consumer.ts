/**
 * {@linkcode Consumer}: takes tasks from one queue for a pool, and reports how they ended.
 *
 * It alone talks to the queue: claims, reports and signs of life leave together, in exchanges.
 */
import { setImmediate } from "node:timers";
import { Abort } from "../abort.ts";
import type { Broker } from "../broker.ts";
import type { CardTask, Tally } from "../cards.ts";
import type { Chain } from "../chain.ts";
import { QueueUnavailable, TaskFailure } from "../errors.ts";
import { deliver, type Delivery, deliveryOf } from "../couriers.ts";
import { keptFor, type Note } from "../notes.ts";
import { decodeMessage, DEFAULT_POLICY, type Message } from "../message.ts";
import { encodeFailure, failureOf } from "../outcome.ts";
import {
  type Claim,
  type ExchangeAnswer,
  leaseOf,
  type Renewal,
  type Report,
  type TaskQueue,
} from "../task_queue.ts";
import { waitUntil } from "../wait.ts";
import { type Beating, Beats } from "./beats.ts";
import { Jotter } from "./jotter.ts";
import { Meter } from "./meter.ts";

/** A claimed task, all of whose inputs are there. */
export interface Job {
  /** Broker of the queue that it is from. */
  readonly broker: Broker;
  /** What the queue gave. */
  readonly claim: Claim;
  /** What the claim says is to be run. */
  readonly message: Message;
  /** Asks the task to end early. */
  readonly abort: Abort;
  /** To be called once, with how it ended, and how many milliseconds it ran if that is known. */
  done(report: Report, took?: number): void;
  /** The task says something. */
  note(note: Note): void;
}

/** What a consumer needs of its pool. */
export interface ConsumerHost {
  /** Id of the pool. */
  readonly id: string;
  /** Whether outcomes come as messages, several of them in a turn of the event loop. */
  readonly remote: boolean;
  /** Whether all workers have enough to do, so that there is no hurry to fetch more. */
  readonly busy: boolean;
  /** Tasks that the pool could take for this consumer now. */
  room(consumer: Consumer): number;
  /** Keeps room for tasks that are being asked for; returns how many. */
  reserve(consumer: Consumer, most: number): number;
  /** Gives reserved room back. */
  release(count: number): void;
  /** Runs a task, which then is done. */
  run(job: Job, consumer: Consumer): void;
  /** There may be room, or a turn, for other consumers. */
  changed(): void;
  /** Hears of what nobody else would. */
  tell(error: Error): void;
}

/** What hears of a run. */
interface Keeper {
  end(run: Run, report: Report, took?: number): void;
  note(run: Run, note: Note): void;
}

/** A task that its pool has. */
class Run implements Job, Beating<Run> {
  readonly abort = new Abort();
  beat = 0;
  chain: Chain<Run> | undefined = undefined;
  before: Run | undefined = undefined;
  after: Run | undefined = undefined;

  constructor(
    readonly broker: Broker,
    public claim: Claim,
    readonly message: Message,
    /** When the pool got it, by `performance.now()`. */
    readonly since: number,
    readonly keeper: Keeper,
  ) {}

  done(report: Report, took?: number): void {
    this.keeper.end(this, report, took);
  }

  note(note: Note): void {
    this.keeper.note(this, note);
  }
}

// Also the longest that a lost wake-up can cost.
const POLL = 5_000;
// More of either would make one step of the queue too long.
const MAX_CLAIMS = 100;
const MAX_REPORTS = 100;
const MAX_RENEWALS = 1_000;
const MAX_REPORT_TEXT = 4_000_000;
// Tasks that never wait for anything would keep timers and sockets from ever being served.
const MAX_TURN = 10;
// How long outcomes wait for others to leave with, while everyone is busy and more is to be had.
const GATHER = 12;
// How often what tasks say is told.
const TELL_NOTES = 200;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/** Takes tasks from the queue of one broker. */
export class Consumer {
  readonly #broker: Broker;
  readonly #host: ConsumerHost;
  /** What runs. */
  readonly #running = new Beats<Run>();
  readonly #meter = new Meter();
  readonly #jotter = new Jotter<Run>(TELL_NOTES, (notes) => void this.#tellNotes(notes));
  /** Queues that took results of this one. */
  readonly #siblings = new Map<string, TaskQueue>();
  /** What is to be told to the queue; kept until the queue has it. */
  #reports: Report[] = [];
  #exchanges = 0;
  #news = Promise.withResolvers<void>();
  /** There may be tasks to claim: the queue was not asked yet, woke us, or gave all we wanted. */
  #hungry = true;
  /** When time alone brings something to claim. */
  #next = Infinity;
  /** There is no hurry: what comes may gather. */
  #patient = false;
  #quiet = false;
  /** Whether somebody is about to hear that tasks ended. */
  #telling = false;
  #leaving = false;
  #unlisten = () => {};
  #turnStart = 0;
  #whenIdle = () => {};

  /** A consumer of the queue of `broker`, for the pool `host`. */
  constructor(broker: Broker, host: ConsumerHost) {
    this.#broker = broker;
    this.#host = host;
  }

  /** Name of its queue. */
  get queue(): string {
    return this.#broker.name;
  }

  /** Number of tasks that it has. */
  get running(): number {
    return this.#running.size;
  }

  /** The tasks that it has, `most` of them. */
  tasks(most: number): CardTask[] {
    const tasks: CardTask[] = [];
    const start = Date.now() - performance.now();
    for (const { claim: { id }, message: { name }, since } of this.#running) {
      if (tasks.push({ id, name, since: Math.round(start + since) }) >= most) break;
    }
    return tasks;
  }

  /** What became of the tasks that it had, by name. */
  get tallies(): Readonly<Record<string, Tally>> {
    return this.#meter.tallies;
  }

  /** Whether it may find tasks when it asks for some. */
  get hungry(): boolean {
    return this.#hungry && !this.#quiet;
  }

  /** Takes tasks until `leave()`; resolves when the last exchange is over. */
  async serve(): Promise<void> {
    this.#unlisten = this.#broker.taskQueue.listen({
      wake: () => this.#grow(),
      restored: () => this.#showAllAlive(),
    });
    try {
      await this.#exchangeOnAndOn();
    } finally {
      this.#unlisten();
      await Promise.all([...this.#siblings.values()].map((queue) => queue[Symbol.asyncDispose]()));
    }
  }

  /** The pool has room, or it is this consumer's turn. */
  nudge(): void {
    if (this.#hungry && !this.#inNoHurry && this.#host.room(this) > 0) this.#news.resolve();
  }

  /** Takes no more tasks; resolves when those that run are over. */
  quiet(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#quiet = true;
    this.#whenIdle = resolve;
    this.#finishedOne();
    return promise;
  }

  /** Hands everything back and ends `serve()`; the returned function aborts what still runs. */
  leave(): (reason: unknown) => void {
    const left = [...this.#running];
    for (const run of left) {
      this.#giveBack(run.claim, run.message);
      this.#running.delete(run);
    }
    this.#leaving = true;
    this.#news.resolve();
    return (reason) => left.forEach(({ abort }) => abort.abort(reason));
  }

  /** There may be tasks. */
  #grow(): void {
    this.#hungry = true;
    this.#news.resolve();
  }

  /** After the server was away: leases may be about to end, or be gone. */
  #showAllAlive(): void {
    this.#running.hurry();
    this.#grow();
  }

  /** What is to be told may gather: all workers have enough to do meanwhile. */
  get #inNoHurry(): boolean {
    return this.#patient && this.#host.busy;
  }

  #finishedOne(): void {
    if (this.#running.size === 0) this.#whenIdle();
    // Those that ended together are told together.
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      if (this.#inNoHurry) return;
      this.#news.resolve();
      this.#host.changed();
    });
  }

  /** One exchange after the other, until the last one has told that the pool leaves. */
  async #exchangeOnAndOn(): Promise<void> {
    let pause = 0;
    for (let last = false; !last;) {
      const leaving = this.#leaving;
      try {
        const more = await this.#exchange(leaving);
        pause = 0;
        last = leaving && !more && this.#reports.length === 0;
        if (!last && !more) await this.#nextNews();
      } catch (error) {
        this.#tellUnavailable(error as Error);
        if (this.#leaving) return;
        pause = Math.min(LONGEST_PAUSE, 2 * pause || FIRST_PAUSE);
        await this.#pause(pause);
      }
    }
  }

  /** Leaves the room to the other queues until it is time to try again. */
  async #pause(timeout: number): Promise<void> {
    this.#hungry = false;
    this.#host.changed();
    this.#news = Promise.withResolvers();
    await waitUntil(this.#news.promise, { timeout });
    this.#hungry = true;
  }

  #tellUnavailable(error: Error): void {
    const next = this.#leaving
      ? "stops, and what it had runs elsewhere when its leases end"
      : "goes on trying";
    const text = `${error.message}; pool ${this.#host.id} ${next}`;
    this.#host.tell(new QueueUnavailable(text, { cause: error }));
  }

  /** Tells and fetches what there is; returns whether there is unfinished work in the queue. */
  async #exchange(leaving: boolean): Promise<boolean> {
    const reports = this.#nextReports();
    const renewals = this.#running.due(performance.now(), MAX_RENEWALS);
    const want = this.#quiet ? 0 : this.#host.reserve(this, MAX_CLAIMS);
    this.#news = Promise.withResolvers();
    try {
      const answer = await this.#broker.taskQueue.exchange({
        pool: this.#host.id,
        number: this.#exchanges,
        reports,
        renewals: renewals.map(toRenewal),
        want,
        lease: leaseOf(DEFAULT_POLICY.heartbeatInterval),
        ...(this.#broker.limits && { limits: this.#broker.limits }),
        leaving,
      });
      this.#take(answer, want);
      this.#abandonAll(renewals, answer.superseded);
      // Only now: what the queue did not take is told again, under the same number.
      this.#exchanges++;
      this.#reports.splice(0, reports.length);
      const now = performance.now();
      for (const run of renewals) this.#renewed(run, now);
      return answer.more;
    } finally {
      this.#host.release(want);
    }
  }

  #take({ claims, next }: ExchangeAnswer, want: number): void {
    this.#next = next === undefined ? Infinity : performance.now() + next;
    // Who wants nothing is not woken, either: then it has to ask once there is room.
    const hungry = claims.length >= want;
    const turnPasses = this.#hungry && !hungry;
    this.#hungry = hungry;
    const now = performance.now();
    for (const claim of claims) this.#quiet ? this.#giveBack(claim) : this.#begin(claim, now);
    if (turnPasses) this.#host.changed();
  }

  #nextReports(): Report[] {
    let room = MAX_REPORT_TEXT;
    const end = this.#reports.findIndex((report, i) =>
      i === MAX_REPORTS || (i > 0 && (room -= report.text.length) < 0)
    );
    return end < 0 ? [...this.#reports] : this.#reports.slice(0, end);
  }

  #renewed(run: Run, now: number): void {
    // It may have ended, or be another pool's by now.
    if (this.#running.delete(run)) this.#running.add(run, run.message.heartbeatInterval, now);
  }

  /** Until there is something to tell or to fetch. */
  async #nextNews(): Promise<void> {
    const now = performance.now();
    if (this.#hungry && !this.#leaving && this.#host.busy) {
      this.#patient = true;
      await waitUntil(this.#news.promise, { timeout: GATHER });
      this.#patient = false;
    }
    const canClaim = this.#hungry && this.#host.room(this) > 0;
    if (this.#reports.length === 0 && !this.#leaving && !canClaim) {
      const look = Math.min(this.#next, now + POLL);
      const beat = Math.min(look, this.#running.next);
      await waitUntil(this.#news.promise, { timeout: Math.max(0, Math.ceil(beat - now)) });
      if (performance.now() >= look) this.#hungry = true;
    }
    if (!this.#host.remote && performance.now() - this.#turnStart < MAX_TURN) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#turnStart = performance.now();
  }

  #begin(claim: Claim, now: number): void {
    try {
      if (claim.message === undefined) throw new SyntaxError("the stored message is missing");
      const message = decodeMessage(claim.message);
      // A lease starts with the default interval, whatever the task asks for.
      const first = Math.min(message.heartbeatInterval, DEFAULT_POLICY.heartbeatInterval);
      const run = new Run(this.#broker, claim, message, now, this.#keeper);
      this.#running.add(run, first, now);
      // Most tasks take no results, and each promise that they do without counts.
      if (message.needs === 0) this.#host.run(run, this);
      else {
        this.#runWithInputs(run).catch((error) => this.#end(run, this.#unfit(claim, error)));
      }
    } catch (error) {
      this.#reports.push(this.#unfit(claim, error));
    }
  }

  /** A task that could not even be tried. */
  #unfit({ id, fence }: Claim, error: unknown): Report {
    const subject = { task: "?", queue: this.queue, id };
    const text = encodeFailure(subject, `cannot run: ${(error as Error).message}`);
    return { id, fence, kind: "failed", text, keep: DEFAULT_POLICY.resultTimeout };
  }

  /** Lets another pool have a task, unless it has begun and must not run twice. */
  #giveBack({ id, fence }: Claim, begun?: Message): void {
    this.#reports.push(
      begun?.redeliveries === 0
        ? { id, fence, kind: "lost", text: "its pool stopped before it was done", keep: 0 }
        : { id, fence, kind: "returned", text: "", keep: 0 },
    );
  }

  async #runWithInputs(run: Run): Promise<void> {
    const { id, fence, inputs } = run.claim;
    const delivery = deliveryOf(run.message);
    if (delivery !== undefined) return run.done(await this.#deliver(run, delivery));
    const missing = run.message.needs - inputs.length;
    if (missing <= 0) return this.#host.run(run, this);
    try {
      const rest = await this.#broker.taskQueue.inputs(id, inputs.length, missing);
      run.claim = { ...run.claim, inputs: [...inputs, ...rest] };
    } catch (error) {
      // The queue could not be asked: not the task's fault.
      this.#host.tell(error as Error);
      return run.done({ id, fence, kind: "returned", text: "", keep: 0 });
    }
    this.#host.run(run, this);
  }

  /** A result that a task of another queue takes. */
  async #deliver({ claim }: Run, { queue, need }: Delivery): Promise<Report> {
    const { id, fence, inputs } = claim;
    const report = { id, fence, text: "", keep: 0 };
    try {
      const to = this.#siblings.get(queue) ?? this.#broker.taskQueue.sibling(queue);
      this.#siblings.set(queue, to);
      await deliver(to, need, inputs[0]!);
      return { ...report, kind: "success" };
    } catch (error) {
      this.#host.tell(error as Error);
      const subject = { task: "worq:deliver", queue: this.queue, id };
      return { ...report, kind: "retry", text: encodeFailure(subject, error), delay: FIRST_PAUSE };
    }
  }

  readonly #keeper: Keeper = {
    end: (run, report, took) => this.#end(run, report, took),
    note: (run, note) => this.#running.has(run) && this.#jotter.add(run, note),
  };

  /** The task of a claim says something; false when that is not one of its own. */
  note(claim: Claim, note: Note): boolean {
    for (const run of this.#running) {
      if (run.claim !== claim) continue;
      run.note(note);
      return true;
    }
    return false;
  }

  /** Has the queue keep what tasks said. It is not worth a second attempt. */
  async #tellNotes(notes: ReadonlyMap<Run, readonly Note[]>): Promise<void> {
    try {
      await this.#broker.taskQueue.note(Array.from(notes, ([{ claim, message }, notes]) => ({
        id: claim.id,
        fence: claim.fence,
        notes,
        keep: keptFor(message.resultTimeout),
      })));
    } catch {
      // Of a server that is away, the exchanges tell.
    }
  }

  #end(run: Run, report: Report, took = performance.now() - run.since): void {
    // Otherwise it was handed back, or is another pool's by now.
    if (!this.#running.delete(run)) return;
    this.#reports.push(report);
    this.#jotter.flushOf(run);
    this.#meter.add(run.message.name, report.kind, took);
    // Back in the queue, it wakes nobody who has just given it back.
    if (report.kind === "returned" || report.kind === "lost") this.#hungry = true;
    if (report.kind === "failed" && run.message.ignoreResult) this.#tellFailure(run, report);
    this.#finishedOne();
  }

  #tellFailure({ claim: { id }, message }: Run, { text }: Report): void {
    const subject = { task: message.name, queue: this.queue, id };
    this.#host.tell(failureOf({ status: "failed", text }, subject));
  }

  #abandonAll(renewed: readonly Run[], superseded: readonly string[]): void {
    if (superseded.length === 0) return;
    const lost = new Set(superseded);
    // The pool may have one of them again, renewed as well: the first is the one that it lost.
    for (const run of renewed) if (lost.delete(run.claim.id)) this.#abandon(run);
    this.#finishedOne();
  }

  #abandon(run: Run): void {
    const { name } = run.message;
    const why = "was cancelled, given to another worker or removed";
    if (!this.#running.delete(run)) return;
    run.abort.abort(new TaskFailure(name, this.queue, run.claim.id, why));
  }
}

function toRenewal({ claim: { id, fence }, message }: Run): Renewal {
  return { id, fence, lease: leaseOf(message.heartbeatInterval) };
}
