/** {@linkcode Worker}: one thread or process, as its pool sees it. */
import type { CardWorker } from "../cards.ts";
import { Chain, type Linked } from "../chain.ts";
import { readNotes } from "../notes.ts";
import { encodeFailure } from "../outcome.ts";
import { retryDelay } from "../retry.ts";
import { Roster } from "../roster.ts";
import { type Declaration, readDeclarations } from "../schedule.ts";
import type { Report } from "../task_queue.ts";
import type { Job } from "./consumer.ts";
import { type Done, type FromWorker, isFrame, type Order, type Start } from "./frames.ts";
import type { Pace } from "./pace.ts";
import { readMark, readShelf } from "./shelf.ts";
import type { Ending, Launch, WorkerHandle } from "./worker_handle.ts";

/** What a worker may do before it is replaced. */
export interface WorkerLimits {
  /** Tasks at the same time. */
  readonly concurrency: number;
  /** Tasks in all. */
  readonly maxTasks: number;
  /** Bytes of memory after a task. */
  readonly maxMemory: number;
  /** Milliseconds for a task. */
  readonly taskTimeout: number;
  /** Milliseconds to get ready. */
  readonly startTimeout: number;
  /** Whether it can be killed in the middle of a computation. */
  readonly canKill: boolean;
}

/** What a worker tells its supervisor. */
export interface WorkerHost {
  /** It can have tasks from now on. */
  ready(): void;
  /** Its capacity may have changed. */
  changed(): void;
  /** It needs to be swept. */
  watch(): void;
  /** It takes no more tasks and has none left: it is told to end. */
  retired(): void;
  /**
   * It is to take no more tasks, and those that it has wait for others. Whether the next worker takes
   * its place now, which `must` asks for; otherwise it goes on taking tasks.
   */
  makeWay(must: boolean): boolean;
  /** It is no more. */
  ended(): void;
}

/** A task that the worker has. A class: V8 takes literals that live a moment for ones that stay. */
class Entry implements Linked<Entry> {
  /** How often it was seen waiting although its time was up. */
  overdue = 0;
  timedOut = false;
  /** When it was asked to end, because nobody wants it any more; 0 when it was not. */
  abandoned = 0;
  chain: Chain<Entry> | undefined = undefined;
  before: Entry | undefined = undefined;
  after: Entry | undefined = undefined;

  constructor(
    readonly serial: number,
    readonly job: Job,
    /** Time after which it must not begin any more, when it was sent ahead. */
    readonly until: number,
    /** When it may have begun, by `performance.now()`; 0 while others are before it. */
    public begun: number,
  ) {}
}

/** Milliseconds for which a task may wait in a worker for the one before it. */
const AHEAD = 90;
/** Milliseconds after which a worker that does not even begin a task, without any other, is deaf. */
const DEAF = 2_000;
/** Milliseconds more after which a worker that waits for nothing must have given it back. */
const SLACK = 20;
/** Milliseconds that a task gets to end after it was asked to. */
const ABORT_GRACE = 1_000;
/** Milliseconds that a worker without tasks gets to end by itself. */
const EXIT_GRACE = 2_000;
/** Milliseconds that a worker gets to end its tasks, after they were asked to, when a pool stops. */
const STOP_GRACE = 500;

/** Tasks of a worker that its card has. */
const CARD_TASKS = 100;

/** One worker, from its start to its end. */
export class Worker {
  /** Names it in logs: `pool-1234:1`. */
  readonly title: string;
  /** Process id, once there is one. */
  pid: number | undefined;
  /** How it ended, once it has. */
  ending: Ending | undefined;
  /** Why it could not begin, once that is known. */
  unfit: string | undefined;
  /** Whether it ever could have tasks. */
  wasReady = false;
  /** Names of the tasks that it can run. */
  tasks: readonly string[] = [];
  /** Schedules that its module declares. */
  schedules: readonly Declaration[] = [];
  /** Tasks that it finished. */
  finished = 0;
  /** Tasks that were lost with it. */
  lost = 0;
  readonly #handle: WorkerHandle;
  readonly #limits: WorkerLimits;
  readonly #pace: Pace;
  readonly #host: WorkerHost;
  /** All that it has; those that are not in one of the two chains wait for other tasks. */
  readonly #entries = new Roster<number, Entry>();
  /** What runs, as far as is known. */
  readonly #active = new Chain<Entry>();
  /** What has yet to begin, in order. */
  readonly #queued = new Chain<Entry>();
  readonly #over = Promise.withResolvers<void>();
  readonly #startTimer: ReturnType<typeof setTimeout>;
  #endTimer: ReturnType<typeof setTimeout> | undefined;
  #outbox: Order[] = [];
  #serial = 0;
  /** Bytes that it used when it last said so. */
  #memory = 0;
  /** Tasks that it has although nobody wants them any more. */
  #abandoned = 0;
  #given = 0;
  /** Whether more of what it said just now is to be heard. */
  #receiving = false;
  /** Whether it said anything since the last look at its shelf. */
  #heard = false;
  /** The order that it got when it last had none. */
  #first = 0;
  /** Whether it is known to have begun with that one. */
  #listens = true;
  #state: "starting" | "ready" | "retiring" | "ending" = "starting";
  /** Whether it is to be replaced, whatever it has done. */
  #due = false;
  /** Whether it must not take tasks, even if those that it has wait for others. */
  #mustRetire = false;
  /** Whether it takes tasks although it is to be replaced. */
  #goesOn = false;
  /** Why we had to kill it: tells more than the signal that it died of. */
  #killed: string | undefined;

  constructor(
    title: string,
    launch: Launch,
    start: Start,
    limits: WorkerLimits,
    pace: Pace,
    host: WorkerHost,
  ) {
    this.title = title;
    this.#limits = limits;
    this.#pace = pace;
    this.#host = host;
    this.#handle = launch(title, {
      pid: (pid) => this.pid = pid,
      frames: (data) => this.#receive(data, start),
      ended: (ending) => this.#end(ending),
    });
    if (this.#handle.keepsFrames) this.#handle.post(["start", start]);
    this.#startTimer = setTimeout(() => {
      this.unfit =
        `the import of the module or its ${start.export}() did not return within ${limits.startTimeout} ms`;
      this.kill(this.unfit);
    }, Math.min(limits.startTimeout, 2 ** 31 - 1));
  }

  /** Resolves when it is no more. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  /** Tasks that it can have in all, with those that it has. A task that nobody wants is not counted. */
  capacity(now: number): number {
    return this.#entries.size - this.#abandoned + Math.max(0, this.#places(now) - this.#load);
  }

  /** Whether it can have one more. */
  hasRoom(now: number): boolean {
    return this.#load < this.#places(now);
  }

  /** Whether a task is better off here than there. */
  isFreerThan(other: Worker): boolean {
    return this.#load === other.#load
      ? this.#entries.size < other.#entries.size
      : this.#load < other.#load;
  }

  /** Whether it has enough to do for a while; also when it takes no tasks at all. */
  isBusy(now: number): boolean {
    const { concurrency } = this.#limits;
    const ahead = this.#places(now) - concurrency;
    return ahead < 0 || (ahead > 1 && this.#load > concurrency + ahead / 4);
  }

  /** Has it run a task. */
  run(job: Job, now: number): void {
    const serial = ++this.#serial;
    if (this.#entries.size === 0) {
      this.#first = serial;
      this.#listens = false;
    }
    const waits = this.#load >= this.#limits.concurrency;
    const { claim, broker, abort } = job;
    const entry = new Entry(serial, job, waits ? Date.now() + AHEAD : 0, waits ? 0 : now);
    this.#entries.set(serial, entry);
    (waits ? this.#queued : this.#active).add(entry);
    this.#given++;
    abort.onAbort = (reason) => this.#abandon(entry, messageOf(reason));
    if (
      this.#outbox.push(
        [
          serial,
          entry.until,
          broker.name,
          claim.id,
          claim.fence,
          claim.message!,
          claim.inputs,
          claim.failures,
        ],
      ) === 1
    ) queueMicrotask(() => this.#flush());
  }

  /** Looks after what only time tells: tasks over their time, and tasks behind a slow one. */
  sweep(now: number): void {
    if (!this.#heard) this.#lookAtShelf();
    this.#heard = false;
    if (!this.#isListening()) return this.#checkHearing(now);
    for (const entry of [...this.#queued]) {
      // Where one is taken back, another one may begin.
      if (!this.#queued.has(entry)) continue;
      if (Date.now() > entry.until + SLACK && entry.overdue++ > 0) this.#takeBack(entry);
    }
    if (this.#limits.taskTimeout === Infinity && this.#abandoned === 0) return;
    for (const entry of this.#entries.values()) {
      if (entry.begun === 0) continue;
      this.#checkTime(entry, now);
      this.#checkAbandoned(entry, now);
    }
  }

  /** Whether `sweep` has anything to look after. */
  get needsSweep(): boolean {
    return this.#entries.size > 0 &&
      (this.#limits.taskTimeout < Infinity || this.#load > 1 || !this.#listens ||
        this.#abandoned > 0);
  }

  /**
   * Takes no more tasks, and ends after those that it has. Unless it `must`, it may yet take some if
   * all that it has waits for other tasks.
   */
  retire(must = false): void {
    if (this.#state === "starting") return this.kill("its pool stopped");
    this.#due = true;
    this.#mustRetire ||= must;
    this.#endWhenDone();
  }

  /** Takes no more tasks, and ends soon, whatever it is doing. */
  stop(): void {
    if (this.#state === "starting" || this.#entries.size === 0) return this.retire();
    this.#state = "ending";
    this.#handle.post(["end"]);
    this.#killAfter(STOP_GRACE);
  }

  /** Ends it at once. */
  kill(why: string): void {
    if (this.ending !== undefined) return;
    this.#killed ??= why;
    this.#state = "ending";
    this.#handle.kill();
  }

  /** Tasks that run in it, or are to. */
  get #load(): number {
    return this.#active.size + this.#queued.size;
  }

  /** What that may be. */
  #places(now: number): number {
    const { concurrency, maxTasks } = this.#limits;
    if (this.#state !== "ready") return 0;
    if (this.#goesOn) return concurrency;
    const { first } = this.#active;
    const ahead = this.#pace.ahead(first === undefined ? 0 : now - first.begun);
    return Math.min(maxTasks - this.#given + this.#load, concurrency + ahead);
  }

  #flush(): void {
    if (this.ending === undefined) this.#handle.post(["run", this.#outbox]);
    this.#outbox = [];
  }

  #receive(data: unknown, start: Start): void {
    if (this.ending !== undefined) return;
    this.#heard = true;
    this.#receiving = true;
    for (const frame of Array.isArray(data) ? data : [data]) {
      if (isFrame(frame)) this.#handleFrame(frame, start);
      else {
        this.kill(`sent what no worker sends: ${clip(String(JSON.stringify(frame)))}`);
        break;
      }
    }
    this.#receiving = false;
    this.#settledSome();
  }

  #handleFrame(frame: FromWorker, start: Start): void {
    switch (frame[0]) {
      case "up":
        this.#handle.post(["start", start]);
        break;
      case "ready":
        clearTimeout(this.#startTimer);
        this.tasks = frame[1].split(" ").filter((name) => name !== "");
        this.schedules = readDeclarations(frame[2]);
        if (this.#state === "starting") this.#becomeReady();
        break;
      case "unfit":
        this.unfit = frame[1];
        this.kill(frame[1]);
        break;
      case "done":
        this.#done(frame);
        break;
      case "retry":
        this.#retry(frame[1], frame[2], frame[3], frame[4]);
        break;
      case "note":
        this.#note(this.#entries.get(frame[1]), frame[2]);
        break;
      case "back":
        this.#settle(this.#entries.get(frame[1]), "returned", "");
        break;
      case "lent":
        this.#lend(this.#entries.get(frame[1]));
        break;
      case "taken":
        this.#goOn(this.#entries.get(frame[1]));
        break;
      case "leaving":
        this.#mustRetire = true;
        if (this.#state === "ready") this.#state = "retiring";
        this.#makeWay();
        this.#host.changed();
        break;
      case "bye":
        this.#killed ??= frame[1];
        this.kill(frame[1]);
    }
  }

  #becomeReady(): void {
    this.#state = "ready";
    this.wasReady = true;
    this.#host.ready();
  }

  /** What a worker that is busy, or dead, has done since it last said anything. */
  #lookAtShelf(): void {
    const shelf = this.#entries.size === 0 ? undefined : this.#handle.shelf();
    if (shelf !== undefined) { for (const done of readShelf(shelf)) this.#done(done); }
  }

  /** What it is and does. */
  get card(): CardWorker {
    const tasks = [...this.#entries.values()].slice(0, CARD_TASKS).map(({ job }) => job.claim.id);
    return {
      name: this.title,
      ...(this.pid === undefined ? {} : { pid: this.pid }),
      state: this.#state,
      tasks,
      finished: this.finished,
      ...(this.#memory === 0 ? {} : { memory: this.#memory }),
    };
  }

  /** Whether it has begun with what it got last; also when nothing can tell. */
  #isListening(): boolean {
    if (this.#listens) return true;
    const shelf = this.#handle.shelf();
    this.#listens = shelf === undefined || readMark(shelf) >= this.#first;
    return this.#listens;
  }

  /** Something else than a task blocks it, such as what a task left behind. */
  #checkHearing(now: number): void {
    const [first] = this.#entries.values();
    if (first === undefined || now - first.begun < DEAF) return;
    this.kill(`was killed, because it was blocked between tasks for ${DEAF} ms`);
  }

  #done([, serial, ok, text, took, memory]: Done): void {
    const entry = this.#entries.get(serial);
    // It was told already; or it was taken back, and is another worker's by now.
    if (entry === undefined) return;
    this.#pace.add(took);
    this.finished++;
    if (!ok && entry.timedOut) this.#timeOut(entry);
    else this.#settle(entry, ok ? "success" : "failed", text, 0, took);
    if (memory > 0) this.#memory = memory;
    if (memory > this.#limits.maxMemory) this.retire();
  }

  #retry(serial: number, delay: number, text: string, took: number): void {
    const entry = this.#entries.get(serial);
    if (entry === undefined) return;
    this.#pace.add(took);
    this.finished++;
    if (entry.timedOut) this.#timeOut(entry);
    else this.#settle(entry, "retry", text, delay, took);
  }

  /** It failed; whether it runs again only the caller's own options can tell here. */
  #timeOut(entry: Entry): void {
    const { claim: { failures }, message } = entry.job;
    const delay = retryDelay(message, failures, new DOMException("too long", "TimeoutError"));
    this.#settle(
      entry,
      delay === undefined ? "failed" : "retry",
      this.#timeoutFailure(entry),
      delay,
    );
  }

  #note(entry: Entry | undefined, text: string): void {
    for (const note of readNotes(text)) entry?.job.note(note);
  }

  /** It waits for other tasks, which may be the next ones here. */
  #lend(entry: Entry | undefined): void {
    if (entry === undefined) return;
    if (entry.begun === 0) entry.begun = performance.now();
    this.#active.delete(entry);
    this.#queued.delete(entry);
    this.#beginNext();
    this.#endWhenDone();
    this.#host.changed();
  }

  #goOn(entry: Entry | undefined): void {
    if (entry === undefined) return;
    this.#active.add(entry);
    if (this.needsSweep) this.#host.watch();
  }

  #settle(
    entry: Entry | undefined,
    kind: Report["kind"],
    text: string,
    delay = 0,
    took?: number,
  ): void {
    if (entry === undefined || !this.#entries.delete(entry.serial)) return;
    this.#active.delete(entry);
    this.#queued.delete(entry);
    if (kind === "returned") this.#given--;
    if (entry.abandoned > 0) this.#abandoned--;
    const { job } = entry;
    const { claim: { id, fence }, message: { name, resultTimeout: keep } } = job;
    job.done({ id, fence, kind, text, keep, name, delay }, took);
    if (!this.#receiving) this.#settledSome();
  }

  #settledSome(): void {
    this.#beginNext();
    this.#endWhenDone();
    this.#host.changed();
  }

  /** The next ones may have begun: the worker takes them in order, and tells when one is over. */
  #beginNext(): void {
    if (this.ending !== undefined) return;
    for (
      let entry = this.#queued.first;
      entry !== undefined && this.#active.size < this.#limits.concurrency;
      entry = this.#queued.first
    ) {
      this.#queued.delete(entry);
      this.#active.add(entry);
      entry.begun = performance.now();
    }
  }

  #endWhenDone(): void {
    if (this.ending !== undefined) return;
    const isDue = this.#due || this.#given >= this.#limits.maxTasks;
    if (this.#state === "ready" && isDue) this.#state = "retiring";
    if (this.#state !== "retiring") return;
    if (this.#entries.size > 0) return this.#makeWay();
    this.#state = "ending";
    this.#handle.post(["end"]);
    this.#killAfter(EXIT_GRACE);
    this.#host.retired();
  }

  /** What its tasks wait for may need a worker that takes tasks: the next one, or this one. */
  #makeWay(): void {
    if (this.#state !== "retiring" || this.#load > 0 || this.#entries.size === 0) return;
    this.#goesOn = !this.#host.makeWay(this.#mustRetire);
    if (this.#goesOn) this.#state = "ready";
  }

  #killAfter(time: number): void {
    this.#endTimer ??= setTimeout(() => this.kill("was killed, because it did not end"), time);
  }

  #abort(serial: number, reason: string): void {
    if (this.#entries.has(serial) && this.ending === undefined) {
      this.#handle.post(["abort", serial, reason]);
    }
  }

  #checkTime(entry: Entry, now: number): void {
    const over = now - entry.begun - this.#limits.taskTimeout;
    if (over > 0 && !entry.timedOut) {
      this.#lookAtShelf();
      if (!this.#entries.has(entry.serial)) return;
      entry.timedOut = true;
      this.#abort(entry.serial, `The task took longer than ${this.#limits.taskTimeout} ms`);
    }
    if (over <= ABORT_GRACE) return;
    this.#timeOut(entry);
    this.kill(`was killed, because a task took longer than ${this.#limits.taskTimeout} ms`);
  }

  #abandon(entry: Entry, reason: string): void {
    if (!this.#entries.has(entry.serial)) return;
    this.#abort(entry.serial, reason);
    entry.abandoned = performance.now();
    this.#abandoned++;
    this.#host.watch();
  }

  #checkAbandoned({ abandoned }: Entry, now: number): void {
    if (!this.#limits.canKill || abandoned === 0 || now - abandoned <= ABORT_GRACE) return;
    this.kill(`was killed, because a cancelled task did not end within ${ABORT_GRACE} ms`);
  }

  #timeoutFailure({ job: { broker, claim, message } }: Entry): string {
    return encodeFailure(
      { task: message.name, queue: broker.name, id: claim.id },
      `took longer than the taskTimeout of ${this.#limits.taskTimeout} ms`,
    );
  }

  /** Its time to begin is over: it did not, and will not. */
  #takeBack(entry: Entry): void {
    this.#settle(entry, "returned", "");
  }

  #end(ending: Ending): void {
    this.#lookAtShelf();
    const how = this.#killed ?? ending.how;
    this.ending = { ...ending, how };
    clearTimeout(this.#startTimer);
    clearTimeout(this.#endTimer);
    const reason = `its worker ${this.title} ${how}`;
    const listened = this.#isListening();
    const begun = [...this.#entries.values()].filter(({ begun }) => listened && begun > 0);
    this.lost = begun.length;
    for (const entry of begun) this.#settle(entry, "lost", reason);
    for (const entry of this.#entries.values()) this.#settle(entry, "returned", "");
    this.#host.ended();
    this.#over.resolve();
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

function clip(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)} …`;
}
