/** {@linkcode Lines}: the tasks of a queue in memory that wait for a worker, and whose turn it is. */
import type { Limits, Rate, Situation } from "../task_queue.ts";
import { Heap } from "./heap.ts";
import { Timers } from "./timers.ts";

/** A task that waits. */
export interface Waiting {
  /** Its place among those with the same key. */
  readonly score: number;
  /** Tasks with the same key share limits; those without have one line of their own. */
  readonly key: string | undefined;
}

/** How many tasks with a key run, and when the rate of the queue, and that of the key, allow one more. */
export type Limited = Pick<Situation, "busy" | "rests" | "keyRests">;

/** The line of the tasks without a key. */
const OWN = "";

/**
 * One line for each key. The lines take turns, so that a key with many tasks does not keep the
 * others waiting; within a line the smallest score is first.
 */
export class Lines<T extends Waiting> implements Iterable<T> {
  readonly #lines = new Map<string, Heap<T>>();
  /** Lines that may give a task, by the turn that is theirs. A line with nothing to give is in none. */
  readonly #turns = new Timers<string>((a, b) => a < b ? -1 : 1);
  /** Tasks that were taken and have not left, by key. */
  readonly #busy = new Map<string, number>();
  /** Lines whose rate is used up, by when they may go on. */
  readonly #rests = new Timers<string>();
  readonly #starts = new Map<string, Starts>();
  #turn = 0;
  /** When the rate of the whole queue allows the next one. */
  #restsUntil: number | undefined;

  /** Tasks in all lines. */
  get size(): number {
    let size = 0;
    for (const line of this.#lines.values()) size += line.size;
    return size;
  }

  /** All tasks, in no order. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (const line of this.#lines.values()) yield* line;
  }

  /** How many of the taken tasks have not left, by key: for those who check it. */
  get busy(): Map<string, number> {
    return this.#busy;
  }

  /** The turns of the lines, likewise. */
  get turns(): Timers<string> {
    return this.#turns;
  }

  /** Keys of lines that have tasks and will not come to their turn. */
  stuck(): string[] {
    return [...this.#lines.keys()].filter((key) => {
      const turn = this.#turns.get(key) ?? this.#rests.get(key);
      return turn === undefined && !this.#busy.has(key);
    });
  }

  /** Gives a line that has tasks its turn. */
  activate(key: string): void {
    this.#activate(key);
  }

  /** Puts a task into its line. */
  add(task: T): void {
    const { key = OWN } = task;
    const line = this.#lines.get(key) ?? new Heap<T>((a, b) => a.score - b.score);
    line.push(task);
    this.#lines.set(key, line);
    this.#activate(key);
  }

  /** Takes out every task of which `drop` says so. */
  remove(drop: (task: T) => boolean): void {
    for (const [key, line] of this.#lines) {
      line.remove(drop);
      if (line.size === 0) this.#close(key);
    }
  }

  /** Takes up to `want` tasks; `leased` are running. */
  take(want: number, leased: number, now: number, limits: Limits = {}): T[] {
    const { concurrency = Infinity, rate, perKey = {} } = limits;
    const taken: T[] = [];
    const room = Math.min(want, concurrency - leased);
    this.#restsUntil = undefined;
    if (!this.#isShared && rate === undefined) return this.#takeOwn(room);
    while (taken.length < room) {
      this.#restsUntil = this.#blocked(rate, OWN, now);
      if (this.#restsUntil !== undefined) break;
      const key = this.#next();
      if (key === undefined) break;
      const line = this.#lines.get(key)!;
      if (key !== OWN) {
        if ((this.#busy.get(key) ?? 0) >= (perKey.concurrency ?? Infinity)) continue;
        const until = this.#blocked(perKey.rate, key, now);
        if (until !== undefined) {
          this.#rests.set(key, until);
          continue;
        }
        this.#started(perKey.rate, key, now);
        this.#busy.set(key, (this.#busy.get(key) ?? 0) + 1);
      }
      this.#started(rate, OWN, now);
      taken.push(line.pop()!);
      if (line.size === 0) this.#close(key);
      else this.#turns.set(key, this.#isShared ? this.#turn + 1 : 0);
    }
    return taken;
  }

  /** Where no task has a key, nobody takes turns. */
  #takeOwn(room: number): T[] {
    const line = this.#lines.get(OWN);
    const taken: T[] = [];
    if (line === undefined) return taken;
    while (taken.length < room && line.size > 0) taken.push(line.pop()!);
    if (line.size === 0) this.#close(OWN);
    return taken;
  }

  /** A task that was taken runs no more. */
  left({ key }: T): void {
    if (key === undefined) return;
    const busy = this.#busy.get(key)! - 1;
    if (busy > 0) this.#busy.set(key, busy);
    else this.#busy.delete(key);
    if (this.#lines.has(key)) this.#activate(key);
  }

  /** Lets those go on that have rested. */
  wakeUp(now: number): void {
    this.#restsUntil = undefined;
    for (const key of this.#rests.due(now)) this.#activate(key);
  }

  /** Whether a line may have a task to give. */
  get mayGive(): boolean {
    return this.#turns.size > 0;
  }

  /** When time alone lets one more start. */
  get nextTime(): number | undefined {
    return minimum(this.#rests.first, this.#restsUntil);
  }

  /** How many come before a task in its line. */
  ahead({ key = OWN, score }: T): number {
    return [...this.#lines.get(key) ?? []].filter((other) => other.score < score).length;
  }

  /** What limits the tasks with this key: how many run, and when the next one may start. */
  limited(key: string | undefined, { rate, perKey }: Limits, now: number): Limited {
    return {
      busy: key === undefined ? 0 : this.#busy.get(key) ?? 0,
      rests: this.#blocked(rate, OWN, now),
      keyRests: key === undefined ? undefined : this.#blocked(perKey?.rate, key, now),
    };
  }

  #activate(key: string): void {
    if (this.#rests.get(key) !== undefined || this.#turns.get(key) !== undefined) return;
    this.#turns.set(key, this.#turn);
  }

  /** The line whose turn it is; it is in no turn from then on. */
  #next(): string | undefined {
    const turn = this.#turns.first;
    if (turn === undefined) return undefined;
    this.#turn = turn;
    return this.#turns.shift();
  }

  /** Whether there is more than the line of the tasks without a key. */
  get #isShared(): boolean {
    return this.#lines.size > 1 || (this.#lines.size === 1 && !this.#lines.has(OWN));
  }

  #close(key: string): void {
    this.#lines.delete(key);
    this.#turns.delete(key);
    this.#rests.delete(key);
    // Where only tasks without a key wait, nobody takes turns.
    if (this.#isShared) return;
    this.#turn = 0;
    this.#turns.clear();
    if (this.#lines.has(OWN)) this.#turns.set(OWN, 0);
  }

  /** When a line may go on whose rate is used up; undefined when it may go on now. */
  #blocked(rate: Rate | undefined, key: string, now: number): number | undefined {
    if (rate === undefined) return undefined;
    const first = this.#starts.get(key)?.times.at(-rate.count);
    if (first === undefined || first + rate.per <= now) return undefined;
    return first + rate.per;
  }

  #started(rate: Rate | undefined, key: string, now: number): void {
    if (rate === undefined) return;
    const times = [...this.#starts.get(key)?.times ?? [], now].slice(-rate.count);
    this.#starts.set(key, { times, until: now + rate.per });
    if (this.#starts.size > MANY) this.#forget(now);
  }

  /** Starts that limit nothing any more. */
  #forget(now: number): void {
    for (const [key, { until }] of this.#starts) {
      if (until <= now) this.#starts.delete(key);
    }
  }
}

/** When the last tasks of a line started. */
interface Starts {
  /** The latest last, no more than the rate has to know. */
  readonly times: readonly number[];
  /** When they limit nothing any more. */
  readonly until: number;
}

/** Keys whose starts are remembered before it is worth looking for old ones. */
const MANY = 1_000;

function minimum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.min(a, b);
}
