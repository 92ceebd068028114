/** {@linkcode Scheduler}: sees to it that each schedule has its next tick in the queue. */
import { type Declaration, nextTick, readSpec } from "./schedule.ts";
import type {
  Need,
  ScheduleBook,
  ScheduleChange,
  ScheduleRecord,
  TaskQueue,
} from "./task_queue.ts";

/** What a look at the schedules of a queue brought. */
export interface Look {
  /** Milliseconds until the next tick is due, Infinity for never; undefined without schedules. */
  readonly next: number | undefined;
  /** Tasks that must be over before there is another tick of theirs. */
  readonly held: readonly Need[];
}

/** Milliseconds after its tick at which a schedule that others declare otherwise is taken for left alone. */
const LEFT_ALONE = 60_000;
/** Others may be at it, but not more often than that. */
const ROUNDS = 5;

/**
 * Makes the ticks of declared schedules, with any number of others that do the same: each change
 * names the record that it is based on, so of several only one is made. All times are those of the
 * queue's clock.
 */
export class Scheduler {
  readonly #queue: TaskQueue;
  readonly #declared: () => Iterable<Declaration>;
  /** Specs that were in the queue, by name: who declares something else now came later. */
  readonly #seen = new Map<string, string>();
  /** Ticks that were brought back, by name: those who took them away again mean it. */
  readonly #restored = new Map<string, number>();

  /** Schedules of `queue`, as they are declared at the time of each look. */
  constructor(queue: TaskQueue, declared: () => Iterable<Declaration>) {
    this.#queue = queue;
    this.#declared = declared;
  }

  /** Makes what ticks are missing. */
  async look(): Promise<Look> {
    const declared = new Map([...this.#declared()].map((one) => [one.name, one]));
    if (declared.size === 0) return { next: undefined, held: [] };
    let book = await this.#queue.schedule([]);
    for (let round = 0; round < ROUNDS; round++) {
      const changes = this.#changes(declared, book);
      if (changes.length === 0) break;
      book = await this.#queue.schedule(changes);
    }
    return lookAt(book, declared);
  }

  #changes(declared: ReadonlyMap<string, Declaration>, book: ScheduleBook): ScheduleChange[] {
    const records = new Map(book.schedules.map((record) => [record.name, record]));
    return [...declared.values()].flatMap((one) =>
      this.#change(one, records.get(one.name), book.now) ?? []
    );
  }

  /** What is to be done about one of them, if anything. */
  #change(
    one: Declaration,
    record: ScheduleRecord | undefined,
    now: number,
  ): ScheduleChange | undefined {
    if (record === undefined) return changeTo(one, undefined, now);
    const { name, spec, at, over } = record;
    if (spec !== one.spec) {
      // The last pool to start decides. When it is gone, those that are left do.
      const mine = this.#seen.get(name) !== one.spec || (over && at + LEFT_ALONE <= now);
      return mine ? changeTo(one, record, now) : undefined;
    }
    this.#seen.set(name, spec);
    if (at <= now) return isHeld(record, now) ? undefined : changeTo(one, record, now);
    if (!over || this.#restored.get(name) === at) return undefined;
    this.#restored.set(name, at);
    return changeTo(one, record, now, at);
  }
}

/** The change to the next tick, or to the end of a schedule that has none. */
function changeTo(
  { name, spec, message, priority }: Declaration,
  seen: ScheduleRecord | undefined,
  now: number,
  at: number | undefined = nextTick(readSpec(spec)!, now),
): ScheduleChange | undefined {
  const base = seen === undefined ? { name } : { name, seen: { spec: seen.spec, at: seen.at } };
  if (at === undefined) return seen === undefined ? undefined : base;
  const id = `schedule:${name}:${new Date(at).toISOString()}`;
  return { ...base, tick: { spec, at, task: { id, message }, priority } };
}

/** Whether there is to be no other tick before this one is over. */
function isHeld({ spec, at, over }: ScheduleRecord, now: number): boolean {
  return at <= now && !over && readSpec(spec)?.overlap === "skip";
}

function lookAt(
  { now, schedules }: ScheduleBook,
  declared: ReadonlyMap<string, Declaration>,
): Look {
  const own = schedules.filter(({ name }) => declared.has(name));
  const times = own.map(({ at }) => at - now).filter((time) => time > 0);
  return {
    next: Math.min(Infinity, ...times),
    held: own.filter((record) => isHeld(record, now)).map(({ id }) => ({ id, origin: id })),
  };
}
