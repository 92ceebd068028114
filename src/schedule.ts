/** Schedules: what is said about one, and when it ticks. */
import process from "node:process";
import { Cron } from "croner";
import { encodeValue } from "./codec.ts";
import { DEFAULT_POLICY, encodeMessage } from "./message.ts";
import { MAX_PAUSE } from "./retry.ts";
import { kTarget, settingsOf, type TargetOf } from "./task.ts";
import type { ScheduleBook, ScheduleRecord } from "./task_queue.ts";

/** What is done with a tick whose time comes while the one before it is not over. */
export interface Overlap {
  /**
   * `"run"` runs both at the same time, as cron does; `"skip"` leaves ticks out until the one before
   * them is over, its retries included. @default {"run"}
   */
  overlap?: "run" | "skip";
}

/** Ticks by the clock and the calendar. */
export interface CronTimes extends Overlap {
  /**
   * Five fields: minute, hour, day of the month, month, day of the week, as in `0 3 * * MON-FRI`; six
   * with seconds in front; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. When both kinds
   * of day are given, either will do.
   *
   * A fixed time that the clocks jump over in spring comes when they have jumped; one that they show
   * twice in autumn comes once. Times with a `*` or a step are those that the clocks show.
   */
  cron: string;
  /** IANA name of the zone whose clocks count, such as `Europe/Berlin`. @default {"UTC"} */
  timeZone?: string;
  /** Ticks at intervals have no cron. */
  every?: never;
}

/** Ticks at intervals. */
export interface IntervalTimes extends Overlap {
  /**
   * Milliseconds from tick to tick, a whole number, 1,000 or more. They count from 1970 on, so that
   * all pools agree: with 3_600_000 it ticks at the full hour of UTC.
   */
  every: number;
  /** Ticks by the calendar have no interval. */
  cron?: never;
  /** Intervals have no zone. */
  timeZone?: never;
}

/** When a schedule ticks. */
export type ScheduleTimes = CronTimes | IntervalTimes;

/** A schedule as a program declares it: plain data, so that workers can tell it to their pool. */
export interface Declaration {
  /** Name of the schedule. */
  readonly name: string;
  /** Name of the queue that its ticks go to. */
  readonly queue: string;
  /** When it ticks and what then, as JSON: another text is another schedule. */
  readonly spec: string;
  /** Message of each tick. */
  readonly message: string;
  /** 0 to 255. */
  readonly priority: number;
}

/** A schedule, as its queue knows it. */
export interface Schedule {
  /** Name of the schedule. */
  readonly name: string;
  /** Full name of its task. */
  readonly task: string;
  /** As it was declared; undefined for one with an interval. */
  readonly cron: string | undefined;
  /** Zone of the cron. */
  readonly timeZone: string | undefined;
  /** Milliseconds from tick to tick; undefined for one with a cron. */
  readonly every: number | undefined;
  /** What is done when a tick's time comes while the one before it is not over. */
  readonly overlap: "run" | "skip";
  /** Time of the tick that was enqueued last, usually one to come. */
  readonly tick: Date;
  /** Id of the task that is this tick. */
  readonly taskId: string;
  /**
   * `waiting`: the time of the tick is to come. `cancelled`: that one will not run. `running`: its
   * time has come, and it is not over. `over`: and no pool has made the next one.
   */
  readonly state: "waiting" | "cancelled" | "running" | "over";
}

/** What a spec says. */
export interface Spec {
  readonly cron?: string;
  readonly timeZone?: string;
  readonly every?: number;
  readonly overlap?: "skip";
  readonly task: string;
  /** Tells calls with other arguments or options apart. */
  readonly call: string;
}

const SHORTEST = 1_000;
const MAX_NAME = 200;
const OPTIONS = ["cron", "timeZone", "every", "overlap"];

/** A schedule of calls of `target`. Throws a `TypeError` or `RangeError` for what cannot be. */
export function declare(
  name: string,
  times: ScheduleTimes,
  target: unknown,
  args: readonly unknown[],
  queue: { readonly name: string; readonly address: string },
  maxPayload: number,
): Declaration {
  checkName(name);
  const act = `schedule ${name}`;
  const spec = specOf(act, times);
  const of = (target as { readonly [kTarget]?: TargetOf } | undefined)?.[kTarget];
  if (of === undefined || of.name === "") {
    throw new TypeError(
      `Cannot ${act}: expected a task on a queue, such as broker.queue().tasks.report`,
    );
  }
  if (of.producer.taskQueue.address !== queue.address) {
    throw new TypeError(
      `Cannot ${act}: ${of.name} is a task on ${of.producer.taskQueue.address}, and this broker's ` +
        `queue is ${queue.address}`,
    );
  }
  for (const option of ONE_CALL) {
    if (of.options[option] === undefined) continue;
    throw new TypeError(`Cannot ${act}: option "${option}" is for one task, not for every tick`);
  }
  const text = encodeValue(act, "arguments", args, maxPayload);
  const { options } = settingsOf(of.options);
  const { priority = 0 } = options;
  const message = encodeMessage({
    ...DEFAULT_POLICY,
    ...options,
    name: of.name,
    args: text,
    needs: 0,
  });
  // Loaded for those who have schedules: it takes 12 ms on Bun.
  const { createHash } = process.getBuiltinModule("node:crypto");
  const call = createHash("sha256").update(message).digest("base64url").slice(0, 12);
  const whole: Spec = { ...spec, task: of.name, call };
  return { name, queue: queue.name, spec: JSON.stringify(whole), message, priority };
}

/** Options that say how one call stands to others, or to the time. */
const ONE_CALL = [
  ...["id", "delay", "runAt", "expiresAt"] as const,
  ...["onDuplicate", "throttle", "debounce", "key"] as const,
];

/** The schedules that a broker was told of. */
export class Declarations implements Iterable<Declaration> {
  readonly #byName = new Map<string, Declaration>();
  readonly #listeners = new Set<() => void>();

  /** Adds one. Throws a `TypeError` when its name is taken. */
  add(declaration: Declaration): void {
    const { name } = declaration;
    if (this.#byName.has(name)) {
      throw new TypeError(`Cannot schedule ${name}: there is a schedule with this name`);
    }
    this.#byName.set(name, declaration);
    this.#listeners.forEach((listener) => listener());
  }

  /** Takes one away. */
  delete(name: string): void {
    this.#byName.delete(name);
  }

  /** Adds a listener for what is added; the returned function takes it away. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** All of them, in order. */
  [Symbol.iterator](): Iterator<Declaration> {
    return this.#byName.values();
  }
}

/** Declarations from a worker's text; none when it is something else. */
export function readDeclarations(text: string): Declaration[] {
  try {
    const list = JSON.parse(text) as Declaration[];
    return list.filter(({ name, queue, spec, message, priority }) =>
      [name, queue, spec, message].every((part) => typeof part === "string") &&
      Number.isInteger(priority) && readSpec(spec) !== undefined
    );
  } catch {
    return [];
  }
}

/** What a spec says; undefined when it is of another version, or damaged. */
export function readSpec(text: string): Spec | undefined {
  try {
    const spec = JSON.parse(text) as Spec;
    return typeof spec?.task === "string" ? spec : undefined;
  } catch {
    return undefined;
  }
}

/** The first tick after a time, in milliseconds since 1970; undefined when there is none. */
export function nextTick(
  { cron, timeZone = "UTC", every }: Spec,
  after: number,
): number | undefined {
  if (every !== undefined) return (Math.floor(after / every) + 1) * every;
  return cronOf(cron ?? "", timeZone).nextRun(new Date(after))?.getTime();
}

/** Schedules as users see them, by name. */
export function schedulesIn({ now, schedules }: ScheduleBook): Schedule[] {
  return schedules.map((record): Schedule => {
    const { cron, timeZone, every, overlap = "run", task = "?" } = readSpec(record.spec) ?? {};
    return {
      ...{ name: record.name, task, cron, timeZone, every, overlap },
      tick: new Date(record.at),
      taskId: record.id,
      state: stateOf(record, now),
    };
  }).sort((a, b) => a.name < b.name ? -1 : 1);
}

function stateOf({ at, over }: ScheduleRecord, now: number): Schedule["state"] {
  if (at > now) return over ? "cancelled" : "waiting";
  return over ? "over" : "running";
}

function specOf(act: string, times: ScheduleTimes): Omit<Spec, "task" | "call"> {
  const unknown = Object.keys(times ?? {}).find((key) => !OPTIONS.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot ${act}: unknown option "${unknown}", expected one of ${OPTIONS.join(", ")}`,
    );
  }
  const { cron, timeZone, every, overlap = "run" } = times ?? {};
  if ((cron === undefined) === (every === undefined)) {
    throw new TypeError(`Cannot ${act}: expected either cron or every`);
  }
  if (overlap !== "run" && overlap !== "skip") {
    throw new TypeError(`Cannot ${act}: overlap must be "run" or "skip", received "${overlap}"`);
  }
  const skip = overlap === "skip" ? { overlap } : {};
  if (every === undefined) return { ...checkCron(act, cron, timeZone), ...skip };
  if (timeZone !== undefined) {
    throw new TypeError(`Cannot ${act}: timeZone is for cron, intervals count from 1970 on`);
  }
  if (!Number.isSafeInteger(every) || every < SHORTEST || every > MAX_PAUSE) {
    throw new RangeError(
      `Cannot ${act}: every must be whole milliseconds, ${SHORTEST} to ${MAX_PAUSE}, received ` +
        String(every),
    );
  }
  return { every, ...skip };
}

function checkCron(act: string, cron: unknown, timeZone: unknown = "UTC") {
  if (typeof timeZone !== "string" || !isZone(timeZone)) {
    throw new RangeError(
      `Cannot ${act}: unknown timeZone ${JSON.stringify(timeZone)}, expected a name such as ` +
        "Europe/Berlin",
    );
  }
  if (typeof cron !== "string") {
    throw new TypeError(`Cannot ${act}: cron must be a text, received ${String(cron)}`);
  }
  const text = cron.trim().replace(/\s+/g, " ");
  const shown = `cron ${JSON.stringify(cron)}`;
  if (!comes(act, shown, text, timeZone)) {
    throw new RangeError(`Cannot ${act}: ${shown} never comes`);
  }
  return { cron: text, timeZone };
}

/** Whether it ever does. Throws for what is no cron. */
function comes(act: string, shown: string, cron: string, timeZone: string): boolean {
  // Otherwise the library would take it for a date.
  if (cron.includes(":")) {
    throw new TypeError(`Cannot ${act}: ${shown} has a colon, expected fields as in "0 3 * * *"`);
  }
  try {
    return cronOf(cron, timeZone).nextRun(new Date(0)) !== null;
  } catch (error) {
    const reason = (error as Error).message.replace(/^Cron\w+: /, "");
    throw new TypeError(`Cannot ${act}: ${shown}: ${reason}`, { cause: error });
  }
}

const crons = new Map<string, Cron>();

function cronOf(cron: string, timeZone: string): Cron {
  const key = `${cron} ${timeZone}`;
  const known = crons.get(key) ?? new Cron(cron, {
    timezone: timeZone,
    paused: true,
    mode: "5-or-6-parts",
    // What comes at fixed times comes on each day, however the clocks jump.
    fixedTimeRule: "no-wildcard",
  });
  crons.set(key, known);
  return known;
}

function isZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return timeZone !== "";
  } catch {
    return false;
  }
}

function checkName(name: unknown): void {
  // deno-lint-ignore no-control-regex -- control characters separate texts from each other
  const fits = typeof name === "string" && /^[^\x00-\x1f]+$/.test(name) && name.isWellFormed();
  if (fits && name.length <= MAX_NAME) return;
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 60)) : String(name);
  throw new TypeError(
    `Cannot schedule ${shown}: a name is 1 to ${MAX_NAME} characters, none of them a control ` +
      "character or half a pair",
  );
}
