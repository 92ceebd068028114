/** What runs inside a worker, be it a thread or a process: the user's module, told by frames. */
import { setImmediate } from "node:timers";
import { Abort } from "../abort.ts";
import type { Broker } from "../broker.ts";
import { decode } from "../codec.ts";
import type { Place, Waiting } from "../current_task.ts";
import { describeError, errorText } from "../errors.ts";
import { decodeMessage } from "../message.ts";
import type { Note } from "../notes.ts";
import { encodeFailure } from "../outcome.ts";
import type { Claim, Report } from "../task_queue.ts";
import { enterWorkerScope } from "../worker_scope.ts";
import type { Done, FromWorker, Order, Start, ToWorker } from "./frames.ts";
import { Jotter } from "./jotter.ts";
import type { Shelf } from "./shelf.ts";

/** The worker's end of the way to its pool. */
export interface WorkerChannel {
  /** Sends frames, which are on their way when it returns. */
  post(frames: readonly FromWorker[]): void;
  /** Bytes of memory that this worker uses. */
  memory(): number;
  /** Ends this worker. */
  exit(): void;
}

/** Imports the user's module. */
export type LoadModule = (url: string) => Promise<Record<string, unknown>>;

// How often the memory is looked at: that takes as long as many a task.
const MEMORY_INTERVAL = 100;
// How often what tasks say is passed on.
const TELL_NOTES = 100;
// How long an outcome may lie on the shelf while other tasks run.
const HOLD = 12;

/** Runs tasks as a pool says. */
export class WorkerMain {
  readonly #channel: WorkerChannel;
  readonly #load: LoadModule;
  readonly #waiting: Order[] = [];
  readonly #running = new Map<number, Abort>();
  readonly #jotter = new Jotter<number>(TELL_NOTES, (notes) => {
    this.#channel.post(
      [...notes].map(([serial, notes]) => ["note", serial, JSON.stringify(notes)]),
    );
  });
  /** What is not told yet: it is on the shelf. */
  #held: Done[] = [];
  #heldSince = 0;
  #broker: Broker | undefined;
  #concurrency = 1;
  #waitingPolicy: Waiting = "lend";
  /** Tasks that wait for others. */
  #lent = 0;
  #lookedAtMemory = 0;
  #ending = false;
  #halted = false;

  /** Where its pool finds what it was not told yet; undefined when everything is told at once. */
  shelf: Shelf | undefined;

  /** A worker that has to be told to start. */
  constructor(channel: WorkerChannel, load: LoadModule) {
    this.#channel = channel;
    this.#load = load;
  }

  /** Begins nothing any more, and tells the pool why this worker is to end. */
  die(why: string): void {
    if (this.#halted) return;
    this.#halted = true;
    this.#waiting.length = 0;
    this.flush();
    this.#channel.post([["bye", why]]);
  }

  /** Dies of an error that nobody caught. */
  fail(error: unknown): void {
    const data = describeError(error);
    this.die(`had an error that nobody caught: ${data.stack ?? errorText(data)}`);
  }

  /** Does what the pool says. */
  receive(frame: Exclude<ToWorker, readonly ["shelf", ...unknown[]]>): void {
    if (this.#halted) return;
    switch (frame[0]) {
      case "start":
        void this.#start(frame[1]);
        break;
      case "run":
        if (this.#running.size + this.#waiting.length === 0) this.shelf?.mark(frame[1][0]![0]);
        this.#waiting.push(...frame[1]);
        this.#pump();
        break;
      case "abort":
        this.#abort(frame[1], frame[2]);
        break;
      case "end":
        this.#end();
    }
  }

  /** Tells what lies on the shelf. */
  readonly flush = (): void => {
    if (this.#held.length === 0) return;
    this.#channel.post(this.#held);
    this.#held = [];
    this.shelf?.clear();
  };

  /** Finishes what has begun, gives back the rest, and ends. */
  leave(): void {
    if (this.#ending) return;
    const left = this.#waiting.splice(0);
    this.#channel.post([["leaving"], ...left.map(([serial]) => ["back", serial] as const)]);
    this.#end();
  }

  async #start(start: Start): Promise<void> {
    this.#concurrency = start.concurrency;
    this.#waitingPolicy = start.waiting;
    enterWorkerScope(start);
    try {
      const module = await this.#load(start.module);
      this.#broker = await initialize(module, start);
      const { tasks, declared } = this.#broker as Partial<Broker>; // of whatever version
      const schedules = JSON.stringify([...declared ?? []]);
      this.#channel.post([["ready", tasks?.join(" ") ?? "", schedules]]);
    } catch (error) {
      this.#channel.post([["unfit", describeUnfit(error)]]);
    }
  }

  #end(): void {
    this.#ending = true;
    if (this.#running.size > 0 || this.#waiting.length > 0) return;
    this.flush();
    // A broker that cannot be closed must not keep the worker from ending; its pool sees to that.
    const closed = Promise.resolve(this.#broker?.[Symbol.asyncDispose]());
    closed.catch(() => {}).finally(() => this.#channel.exit());
  }

  #abort(serial: number, reason: string): void {
    const waiting = this.#waiting.findIndex(([one]) => one === serial);
    if (waiting >= 0) {
      this.#waiting.splice(waiting, 1);
      this.#channel.post([["back", serial]]);
    }
    this.#running.get(serial)?.abort(new DOMException(reason, "AbortError"));
  }

  /**
   * Begins what may begin. The pool counts on that, so it is not up to `soon` whether, only when: a
   * task may block this thread, and what one that waits has asked for is to leave before.
   */
  #pump(soon: (run: () => void) => void = (run) => run()): void {
    while (this.#running.size - this.#lent < this.#concurrency && this.#waiting.length > 0) {
      const order = this.#waiting.shift()!;
      const [serial, until] = order;
      if (until > 0 && Date.now() > until) this.#channel.post([["back", serial]]);
      else this.#begin(order, soon);
    }
    if (this.#ending) this.#end();
  }

  #begin(order: Order, soon: (run: () => void) => void): void {
    const abort = new Abort();
    this.#running.set(order[0], abort);
    soon(() => {
      if (!this.#halted) void this.#run(order, abort);
    });
  }

  async #run(
    [serial, , queue, id, fence, message, inputs, failures]: Order,
    abort: Abort,
  ): Promise<void> {
    const begin = performance.now();
    const claim: Claim = { id, fence, message, inputs, failures };
    const place = new WorkerPlace(
      this.#waitingPolicy,
      (frame) => this.#lend(frame, serial),
      (note) => this.#jotter.add(serial, note),
    );
    const { kind, text, delay } = await this.#report(claim, queue, abort, place);
    this.#jotter.flushOf(serial); // before its end
    const now = performance.now();
    const took = now - begin - place.waited;
    if (kind === "retry") {
      this.flush();
      this.#channel.post([["retry", serial, delay ?? 0, text, took]]);
    } else this.#tell(["done", serial, kind === "success", text, took, this.#memory()], now);
    this.#running.delete(serial);
    this.#pump();
  }

  /** A task waits, or goes on: at once, whatever else is running by now. */
  #lend(frame: "lent" | "taken", serial: number): void {
    this.#channel.post([[frame, serial]]);
    this.#lent += frame === "lent" ? 1 : -1;
    if (frame === "lent") this.#pump(setImmediate);
  }

  /**
   * The next task may block this thread: what is done is on its way before it begins, or on the
   * shelf when there is enough to do until more arrives.
   */
  #tell(done: Done, now: number): void {
    if (this.#held.push(done) === 1) this.#heldSince = now;
    const goesOn = 2 * this.#waiting.length > this.#held.length && now - this.#heldSince < HOLD;
    if (!goesOn || !this.shelf?.put(done)) this.flush();
    else if (this.#held.length === 1) setImmediate(this.flush); // when this thread waits at last
  }

  /** Not an async function: with one more to wait for, each task would cost more. */
  #report(
    claim: Claim,
    queue: string,
    abort: Abort,
    place: Place,
  ): Promise<Pick<Report, "kind" | "text" | "delay">> {
    try {
      const message = decodeMessage(claim.message ?? "");
      return this.#broker!.run(claim, message, abort, queue, place);
    } catch (error) {
      const text = encodeFailure({ task: "?", queue, id: claim.id }, error);
      return Promise.resolve({ kind: "failed", text });
    }
  }

  #memory(): number {
    const now = performance.now();
    if (now - this.#lookedAtMemory < MEMORY_INTERVAL) return 0;
    this.#lookedAtMemory = now;
    return this.#channel.memory();
  }
}

/** The place of one task in this worker. */
class WorkerPlace implements Place {
  readonly waiting: Waiting;
  readonly #tell: (frame: "lent" | "taken") => void;
  #since = 0;
  /** Milliseconds for which it was lent: in these, the task kept nobody from working. */
  waited = 0;
  readonly #note: (note: Note) => void;

  constructor(
    waiting: Waiting,
    tell: (frame: "lent" | "taken") => void,
    note: (note: Note) => void,
  ) {
    this.waiting = waiting;
    this.#tell = tell;
    this.#note = note;
  }

  note(_claim: Claim, note: Note): void {
    this.#note(note);
  }

  lend(): void {
    this.#since = performance.now();
    this.#tell("lent");
  }

  takeBack(): void {
    this.waited += performance.now() - this.#since;
    this.#tell("taken");
  }
}

async function initialize(module: Record<string, unknown>, start: Start): Promise<Broker> {
  const init = module[start.export];
  if (typeof init !== "function") {
    const names = Object.keys(module).filter((name) => typeof module[name] === "function");
    const found = names.length === 0 ? "it exports no function" : `it exports ${names.join(", ")}`;
    throw new TypeError(`the module has no function "${start.export}": ${found}`);
  }
  const broker = await init(start.url, ...decode(start.args) as unknown[]);
  if (typeof broker?.run !== "function" || typeof broker?.expose !== "function") {
    const got = broker === null ? "null" : typeof broker;
    throw new TypeError(`${start.export}() must return a Broker, as getBroker() does; got ${got}`);
  }
  return broker;
}

/** Why a module cannot be used, as one text with the place in the user's code; a syntax error may have it in its message. */
export function describeUnfit(error: unknown): string {
  const data = describeError(error);
  const text = errorText(data);
  const place = placeOf(error) ?? /^\s*at .*$/m.exec(data.stack ?? "")?.[0].trim();
  return place === undefined || text.includes("\n") ? text : `${text} (${place})`;
}

/** Where Bun could not read a module: that is not in the message, nor in the stack. */
function placeOf(error: unknown): string | undefined {
  type Located = { position?: { file: string; line: number; column: number } } | null | undefined;
  const position = (error as Located)?.position;
  return position ? `${position.file}:${position.line}:${position.column}` : undefined;
}
