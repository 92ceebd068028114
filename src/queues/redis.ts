/** {@linkcode RedisTaskQueue}: the port on Redis, each method one script. */
import { encodeValue } from "../codec.ts";
import type {
  Attempt,
  CancelAnswer,
  Claim,
  DeadTask,
  EnqueueAnswer,
  Exchange,
  ExchangeAnswer,
  FailureData,
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
  ScheduleRecord,
  Sight,
  Situation,
  TaskQueue,
  TaskRecord,
} from "../task_queue.ts";
import type { Finding, FsckOptions } from "../fsck.ts";
import type { TaskStatus } from "../status.ts";
import { nameIn, UNIT } from "../message.ts";
import { QueueUnavailable } from "../errors.ts";
import type { KeptNotes, TaskNotes } from "../notes.ts";
import {
  loadRedisClient,
  type RedisFactory,
  type RedisLogin,
  type RedisTls,
} from "./redis_client.ts";
import { openRedis } from "./redis_open.ts";
import { placeOf } from "./redis_url.ts";
import { connectionTo, type RedisConnection, type Subscriber } from "./redis_connection.ts";
import { confirm, type Durability, durabilityOf } from "./redis_durable.ts";
import { fsckRedis } from "./redis_fsck.ts";
import { FSCK_SCRIPTS } from "./redis_fsck_scripts.ts";
import { prefixOf, RECORD, STEPS } from "./redis_lua.ts";
import {
  CANCEL,
  CLEAR,
  DEAD,
  DELIVER,
  DISCARD,
  ENQUEUE,
  ENQUEUE_PLAIN,
  EXCHANGE,
  INPUTS,
  INSPECT,
  PAUSE,
  REDRIVE,
  SCHEDULE,
  type Script,
  SETTLE,
  UPLOAD,
  WAIT,
} from "./redis_scripts.ts";
import { ANNOUNCE, CARDS, LIST, NOTE, NOTES, SIGHTS, SITUATION } from "./redis_view_scripts.ts";

/** What a queue on Redis can be told. */
export interface RedisQueueOptions {
  /** Milliseconds that connecting may take. @default {5_000} */
  connectTimeout?: number;
  /**
   * Milliseconds that a call is sent again for after the connection was lost under way; then it
   * throws `QueueUnavailable`. @default {30_000}
   */
  retryFor?: number;
  /** Certificates for `rediss://`. The public authorities when omitted. */
  tls?: RedisTls;
  /** User and password of the sentinels, for `redis+sentinel://`; those in the URL are for Redis. */
  sentinel?: RedisLogin;
  /**
   * Whether a call is stored only when replicas have it: `true` for one replica within 1,000 ms.
   * Otherwise it throws `NotDurable`. Means nothing on `memory://`. @default {false}
   */
  durable?: boolean | Durability;
  /** Opens the client, in place of the one that worq comes with. */
  redisFactory?: RedisFactory;
  /** Milliseconds since 1970 in place of the server's clock, for tests. */
  clock?: () => number;
}

// A script for so many takes about a millisecond; more of them leave in the same round trip.
const MAX_TASKS = 250;
// As much text takes as long as one more task.
const CHARACTERS = 5_000;
const MAX_IDS = 250;
const MAX_UPLOAD = 5_000;

const OUTCOMES: Record<string, Outcome["status"]> = { s: "success", f: "failed", e: "expired" };
const STATUSES: Record<string, TaskStatus> = {
  ...OUTCOMES,
  p: "pending",
  q: "enqueued",
  l: "processing",
};
const ANSWERS: Record<string, EnqueueAnswer> = {
  e: "enqueued",
  p: "pending",
  d: "duplicate",
  f: "full",
};
const CANCEL_ANSWERS: Record<string, CancelAnswer> = { c: "cancelled", o: "over", u: "unknown" };
const REDRIVE_ANSWERS: Record<string, RedriveAnswer> = { r: "redriven", t: "taken", u: "unknown" };
const KINDS = { success: "s", failed: "f", retry: "a", returned: "r", lost: "l" } as const;

/** Tasks and results in Redis 6.2 or later, or Valkey. */
export class RedisTaskQueue implements TaskQueue {
  /** Name of the queue. */
  readonly name: string;
  /** Names the queue across servers. */
  readonly address: string;
  /** Who calls through this handle. */
  readonly client: string;
  readonly #url: string;
  readonly #options: RedisQueueOptions;
  readonly #connection: RedisConnection;
  readonly #durable: Required<Durability> | undefined;
  /** For calls. WAIT holds up what comes after it, so durable calls have one of their own. */
  readonly #writer: RedisConnection;
  readonly #prefix: string;
  readonly #clock: (() => number) | undefined;
  readonly #listeners = new Set<QueueListener>();
  readonly #subscriber: Subscriber = {
    message: (records) => this.#hear(records),
    restored: () => this.#listeners.forEach((listener) => listener.restored?.()),
  };
  #closed: Promise<void> | undefined;

  /** A handle of the queue `name` on the server at `url`; connects on first use. */
  constructor(url: string, name: string, options: RedisQueueOptions = {}) {
    this.name = name;
    this.#url = url;
    this.#options = options;
    this.address = `${placeOf(url)}#${name}`;
    this.#prefix = prefixOf(name);
    this.#clock = options.clock;
    this.#connection = openConnection(url, options);
    this.#connection.subscribe(name, this.#subscriber);
    this.client = this.#connection.client;
    this.#durable = durabilityOf(`open queue "${name}"`, options.durable);
    this.#writer = this.#durable === undefined
      ? this.#connection
      : openConnection(url, options, "durable");
  }

  /** Stores tasks in order. */
  async enqueue(tasks: readonly NewTask[]): Promise<EnqueueAnswer[]> {
    const uploads = await this.#uploadAll(tasks);
    if (this.#durable === undefined) return await this.#storeAll(tasks, uploads);
    const { losses } = this.#writer;
    let answers = await this.#storeAll(tasks, uploads);
    const storeAgain = async () => {
      const stored = tasks.filter((_, i) => !(answers[i] instanceof Error));
      const again = (await this.#storeAll(stored, uploads, true)).values();
      answers = answers.map((answer) => answer instanceof Error ? answer : again.next().value!);
    };
    const missing = await confirm(this.#writer, this.#prefix, this.#durable, losses, storeAgain);
    return answers.map((answer) => answer instanceof Error ? answer : missing ?? answer);
  }

  async #storeAll(
    tasks: readonly NewTask[],
    uploads: Uploads,
    resent = false,
  ): Promise<EnqueueAnswer[]> {
    const chunks = chunksOf(tasks, uploads);
    // All leave at once, in order. A chunk that overtakes the one before it, after a lost
    // connection, is turned away by the server and sent again when its turn has come.
    const sent = chunks.map((chunk, i) => {
      const answer = this.#store(chunk, uploads, chunks[i - 1]?.at(-1)?.id ?? "", resent);
      answer.catch(() => {});
      return answer;
    });
    const answers: (EnqueueAnswer | undefined)[] = [];
    let unsettled = false;
    for (const [i, chunk] of chunks.entries()) {
      const answer = await this.#settled(sent[i]!, chunk, uploads, answers.at(-1));
      if (answer instanceof Error) answers.push(...chunk.map(() => answer));
      else {
        answers.push(...toAnswers(answer, chunk.length));
        unsettled ||= answer[chunk.length] === "+";
      }
    }
    // What was not stored is told to its callers; the rest stands.
    if (answers.every((answer) => answer instanceof Error)) throw answers[0];
    if (unsettled) await this.#settle();
    for (const [i, answer] of answers.entries()) {
      if (answer === undefined) answers[i] = await this.#replace(tasks[i]!, uploads);
    }
    return answers as EnqueueAnswer[];
  }

  /** Stores a task in place of one that has ended, once that is settled; unless another needs it. */
  async #replace(task: NewTask, uploads: Uploads): Promise<EnqueueAnswer> {
    const text = await this.#store([task], uploads, "");
    if (text[1] === "+") await this.#settle();
    return toAnswers(text, 1)[0] ?? "duplicate";
  }

  /** Takes reports and renewals, gives claims. */
  async exchange(exchange: Exchange): Promise<ExchangeAnswer> {
    const { pool, number, reports, renewals, want, lease, limits, leaving = false } = exchange;
    const [more, superseded, fence, claims, next] = await this.#run(EXCHANGE, (again) => {
      const args = [pool, this.client, `${number}`, `${want}`, `${lease}`];
      args.push(limits === undefined ? "" : JSON.stringify(limits));
      args.push(leaving ? "1" : "", again ? "1" : "", `${reports.length}`);
      for (const { id, fence, kind, text, keep, delay = 0, name } of reports) {
        const time = kind === "retry" ? delay : keep;
        // A failure has the name in it.
        const named = kind === "success" && name !== undefined ? `${UNIT}=${name}` : "";
        args.push(id, `${fence}`, KINDS[kind] + text + named, `${Math.ceil(time)}`);
      }
      args.push(`${renewals.length}`);
      for (const { id, fence, lease } of renewals) args.push(id, `${fence}`, `${lease}`);
      return args;
    }) as [number, string[], number, ClaimPart[], string];
    return {
      more: more === 1,
      superseded,
      claims: toClaims(fence, claims),
      next: next === "-1" ? undefined : Number(next),
    };
  }

  /** Outcomes of the needs of a claimed task. */
  async inputs(id: string, from: number, count: number): Promise<Outcome[]> {
    const parts: Promise<unknown>[] = [];
    // Sent together, answered in order.
    for (let at = from; at < from + count; at += MAX_IDS) {
      const size = Math.min(MAX_IDS, from + count - at);
      parts.push(this.#run(INPUTS, () => [id, `${at}`, `${size}`]));
    }
    return (await Promise.all(parts) as string[][]).flat().map(toResult);
  }

  /** Outcomes of those tasks that are over. */
  async wait(tasks: readonly Need[]): Promise<(Outcome | undefined)[]> {
    const parts: Promise<string[]>[] = [];
    for (let at = 0; at < tasks.length; at += MAX_IDS) {
      parts.push(this.#waitFor(tasks.slice(at, at + MAX_IDS).map(needText)));
    }
    const texts = (await Promise.all(parts)).flat();
    return texts.map((text) => text === "" ? undefined : toResult(text));
  }

  async #waitFor(tasks: readonly string[]): Promise<string[]> {
    while (true) {
      const args = [this.client, ...tasks];
      const texts = await this.#run(WAIT, () => args) as string[];
      if (texts[0] !== "!") return texts;
      await this.#settle("1");
    }
  }

  /** What is known about a task. */
  async inspect(id: string): Promise<TaskRecord | undefined> {
    return toRecord(id, await this.#run(INSPECT, () => [id]) as string[]);
  }

  /** What a task waits for. */
  async situation(id: string, limits: Limits): Promise<Situation | undefined> {
    await this.#connection.permit("why", [SITUATION]);
    const parts = await this.#run(SITUATION, () => [id, JSON.stringify(limits)]) as unknown[];
    const record = toRecord(id, parts[0] as string[] ?? []);
    if (record === undefined) return undefined;
    const [now, deadline, open, ahead, paused, leased, busy, rests, keyRests] = parts.slice(1);
    const number = (text: unknown) => text === "" ? undefined : Number(text);
    return {
      record,
      now: Number(now),
      deadline: number(deadline),
      openNeeds: (open as string[]).map((need) => toNeed(need.split(UNIT))),
      ahead: number(ahead),
      paused: paused === 1,
      leased: Number(leased),
      busy: Number(busy),
      rests: number(rests),
      keyRests: number(keyRests),
    };
  }

  /** Ids of tasks in a place. */
  async list(place: ListPlace, from: number, count: number): Promise<string[]> {
    return await this.#run(LIST, () => [place, `${from}`, `${count}`]) as string[];
  }

  /** Tasks with their neighbours. */
  async sights(ids: readonly string[]): Promise<(Sight | undefined)[]> {
    const parts = await this.#runInParts(SIGHTS, ids) as SightParts[][];
    return parts.flat().map(([status, message, needCount, feedCount, needs, feeds, name], i) =>
      status === undefined ? undefined : {
        id: ids[i]!,
        status: STATUSES[status]!,
        name: nameIn(message) ?? (name || undefined),
        message: message || undefined,
        needs: needs.map((need) => need.split(UNIT)[0]!),
        needCount,
        feeds: feeds.map((feed) => feed.slice(feed.indexOf(UNIT) + 1)),
        feedCount,
      }
    );
  }

  /** Keeps what tasks say. */
  async note(notes: readonly TaskNotes[]): Promise<void> {
    await this.#run(NOTE, () =>
      notes.flatMap(({ id, fence, notes, keep }) => {
        const part = notes.findLast(([part]) => part !== null);
        const lines = notes.filter(([part]) => part === null).map((line) => JSON.stringify(line));
        const last = part === undefined ? "" : JSON.stringify(part);
        return [id, `${fence}`, `${Math.ceil(keep)}`, last, `${lines.length}`, ...lines];
      }));
  }

  /** What a task said. */
  async notes(id: string, from: number): Promise<KeptNotes> {
    const [part, first, lines] = await this.#run(NOTES, () => [id, `${from}`]) as [
      ...[string, string, string[]],
    ];
    const progress = part === "" ? undefined : JSON.parse(part);
    return { progress, first: Number(first), lines: lines.map((line) => JSON.parse(line)) };
  }

  /** Keeps what a pool tells. */
  async announce(pool: string, card: string, keep: number): Promise<void> {
    await this.#run(ANNOUNCE, () => [pool, `${keep}`, card]);
  }

  /** What pools tell. */
  async cards(): Promise<string[]> {
    return await this.#run(CARDS, () => []) as string[];
  }

  /** How many tasks are where. */
  async stats(): Promise<QueueStats> {
    const count = (command: string, key: string) =>
      this.#connection.read(command, this.#prefix + key) as Promise<number>;
    const [pending, scheduled, line, keyed, leased, idle, unsettled, dead, paused] = await Promise
      .all([
        count("ZCARD", "pending"),
        count("ZCARD", "due"),
        count("ZCARD", "ready"),
        count("ZCARD", "keyed"),
        count("ZCARD", "leases"),
        count("ZCARD", "idle"),
        count("LLEN", "unsettled"),
        count("ZCARD", "dead"),
        count("EXISTS", "paused"),
      ]);
    const ready = line + keyed;
    const counts = { pending, scheduled, ready, leased, idle, unsettled, dead };
    return { ...counts, paused: paused === 1 };
  }

  /** Removes what no pool has claimed. */
  async clear(): Promise<number> {
    let total = 0;
    for (let removed = STEPS; removed === STEPS; total += removed) {
      removed = await this.#run(CLEAR, () => []) as number;
    }
    await this.#settle();
    return total;
  }

  /** Ends tasks as expired. */
  async cancel(tasks: readonly Need[]): Promise<CancelAnswer[]> {
    const letters = (await this.#runInParts(CANCEL, tasks.map(needText)) as string[]).join("");
    if (letters.includes("+")) await this.#settle();
    return [...letters.replaceAll("+", "")].map((letter) => CANCEL_ANSWERS[letter]!);
  }

  /** Gives no tasks until `resume()`. */
  async pause(): Promise<void> {
    await this.#run(PAUSE, () => ["1"]);
  }

  /** Gives tasks again. */
  async resume(): Promise<void> {
    await this.#run(PAUSE, () => ["0"]);
  }

  /** Tasks that failed for good. */
  async dead(from: number, count: number): Promise<DeadTask[]> {
    const parts = await this.#run(DEAD, () => [`${from}`, `${count}`]) as string[];
    const tasks: DeadTask[] = [];
    for (let at = 0; at < parts.length; at += 5) {
      const [id, message, outcome, ended, log] = parts.slice(at, at + 5) as [string, ...string[]];
      tasks.push({
        id,
        message: message!,
        outcome: toResult(outcome!),
        ended: Number(ended),
        attempts: toAttempts(log),
      });
    }
    return tasks;
  }

  /** Enqueues dead tasks again. */
  async redrive(ids: readonly string[]): Promise<RedriveAnswer[]> {
    const letters = await this.#runInParts(REDRIVE, ids) as string[];
    return [...letters.join("")].map((letter) => REDRIVE_ANSWERS[letter]!);
  }

  /** Drops dead tasks. */
  async discard(ids: readonly string[]): Promise<number> {
    const counts = await this.#runInParts(DISCARD, ids) as number[];
    await this.#settle();
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Ends a task that waits for its outcome. */
  async deliver(
    { id, origin = "" }: Need,
    outcome: Outcome,
    keep: number,
    name?: string,
  ): Promise<void> {
    const text = outcome.status[0]! + outcome.text + (name === undefined ? "" : `${UNIT}=${name}`);
    const more = await this.#run(DELIVER, () => [id, origin, text, `${Math.ceil(keep)}`]);
    if (more === 1) await this.#settle();
  }

  /** What is wrong with the queue. */
  async fsck(options: Required<FsckOptions>): Promise<Finding[]> {
    // What is not allowed would end a repair in the middle.
    await this.#connection.permit("fsck", FSCK_SCRIPTS);
    const run = (script: Script, args: readonly string[]) => this.#run(script, () => [...args]);
    return await fsckRedis(run, () => this.#settle(), options);
  }

  /** Another queue on the same server. */
  sibling(name: string): RedisTaskQueue {
    return new RedisTaskQueue(this.#url, name, this.#options);
  }

  /** Changes schedules. */
  async schedule(changes: readonly ScheduleChange[]): Promise<ScheduleBook> {
    const [now, more, ...parts] = await this.#run(SCHEDULE, () => {
      const args = [`${changes.length}`];
      for (const { name, seen, tick } of changes) {
        args.push(name, `${seen?.at ?? ""}`, seen?.spec ?? "", `${tick?.at ?? ""}`);
        const { spec = "", task, priority = 0 } = tick ?? {};
        args.push(spec, task?.id ?? "", task?.message ?? "", `${priority}`);
      }
      return args;
    }) as [string, number, ...(string | number)[]];
    if (more === 1) await this.#settle();
    const schedules: ScheduleRecord[] = [];
    for (let at = 0; at < parts.length; at += 5) {
      const [name, time, id, spec, over] = parts.slice(at, at + 5) as [
        ...[string, string, string, string, number],
      ];
      schedules.push({ name, spec, at: Number(time), id, over: over === 1 });
    }
    return { now: Number(now), schedules };
  }

  /** Adds a listener. */
  listen(listener: QueueListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes this handle. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#connection.unsubscribe(this.name, this.#subscriber);
    if (this.#writer !== this.#connection) await this.#writer.close();
    await this.#connection.close();
  }

  /** Brings the needs of very wide tasks to the server, ahead of the tasks themselves. */
  async #uploadAll(tasks: readonly NewTask[]): Promise<Uploads> {
    const wide = tasks.filter(({ needs }) => needs.length > STEPS);
    const names = await Promise.all(wide.map((task) => this.#upload(task)));
    return new Map(wide.map((task, i) => [task, names[i]!]));
  }

  async #upload({ needs }: NewTask): Promise<string> {
    const upload = crypto.randomUUID();
    for (let at = 0; at < needs.length; at += MAX_UPLOAD) {
      const texts = needs.slice(at, at + MAX_UPLOAD).map(needText);
      const length = await this.#run(UPLOAD, () => [upload, `${at}`, ...texts]);
      if (length !== at + texts.length) break; // the next step will find it lost
    }
    return upload;
  }

  #store(
    tasks: readonly NewTask[],
    uploads: Uploads,
    after: string,
    resent = false,
  ): Promise<string> {
    return tasks.every(isPlain)
      ? this.#storePlain(tasks, after, resent)
      : this.#storeAny(tasks, uploads, after, resent);
  }

  #storePlain(tasks: readonly NewTask[], after: string, resent: boolean): Promise<string> {
    return this.#run(ENQUEUE_PLAIN, (again) => {
      const args = [again || resent ? "1" : "", after];
      for (const { id, message } of tasks) args.push(id, message);
      return args;
    }, this.#writer) as Promise<string>;
  }

  #storeAny(
    tasks: readonly NewTask[],
    uploads: Uploads,
    after: string,
    resent: boolean,
  ): Promise<string> {
    return this.#run(ENQUEUE, (again) => {
      const args = [again || resent ? "1" : "", after, `${tasks.length}`];
      for (const task of tasks) {
        const { id, message, origin = "", needs, plan } = task;
        const upload = uploads.get(task);
        const planned = plan === undefined ? "" : UNIT + JSON.stringify(plan);
        args.push(id, message, origin);
        if (upload !== undefined) args.push(`${-needs.length}${planned}`, upload);
        else args.push(`${needs.length}${planned}`, ...needs.map(needText));
      }
      return args;
    }, this.#writer) as Promise<string>;
  }

  /** The answers to a chunk, or why there are none; `before` is the last answer to the one before. */
  async #settled(
    sent: Promise<string>,
    chunk: readonly NewTask[],
    uploads: Uploads,
    before: EnqueueAnswer | undefined,
  ): Promise<string | Error> {
    try {
      const letters = await sent;
      if (letters !== "early") return letters;
      return before instanceof Error ? before : await this.#store(chunk, uploads, "", true);
    } catch (error) {
      return error as Error;
    }
  }

  /** Runs a script for so many of `args` at a time; all are sent together. */
  #runInParts(script: Script, args: readonly string[]) {
    const parts: Promise<unknown>[] = [];
    for (let at = 0; at < args.length; at += STEPS) {
      parts.push(this.#run(script, () => args.slice(at, at + STEPS)));
    }
    return Promise.all(parts);
  }

  async #settle(late = ""): Promise<void> {
    while (await this.#run(SETTLE, () => [late]) === 1);
  }

  #run(
    script: Script,
    args: (again: boolean) => string[],
    connection = this.#connection,
  ): Promise<unknown> {
    const now = this.#clock === undefined ? "" : `${this.#clock()}`;
    return connection.run(script, this.#prefix, (again) => [now, ...args(again)]);
  }

  #hear(records: readonly string[]): void {
    for (const listener of this.#listeners) {
      if (records.length === 0) listener.wake?.();
      for (const record of records) {
        const end = record.indexOf(UNIT);
        const text = record.slice(end + 1);
        listener.outcome?.(record.slice(0, end), text === "?" ? undefined : toResult(text));
      }
    }
  }
}

/** The connection that these options share, with their defaults; one for each `lane`. */
export function openConnection(
  url: string,
  { connectTimeout = 5_000, retryFor = 30_000, redisFactory, tls, sentinel }: RedisQueueOptions,
  lane?: string,
): RedisConnection {
  return connectionTo(url, {
    connectTimeout,
    retryFor,
    ...(redisFactory ? { factory: redisFactory } : { factory: openRedis, load: loadRedisClient }),
    ...(tls === undefined ? {} : { tls }),
    ...(sentinel === undefined ? {} : { sentinel }),
    ...(lane === undefined ? {} : { lane }),
  });
}

/** Where the needs of tasks were put that are too many for one script. */
type Uploads = ReadonlyMap<NewTask, string>;

/** Whether a task waits for nothing, and its id is made up. */
function isPlain({ origin, needs, plan }: NewTask): boolean {
  return origin === undefined && needs.length === 0 && plan === undefined;
}

const needText = ({ id, origin }: Need): string => origin === undefined ? id : id + UNIT + origin;

/** Tasks in runs that one script can store without stalling the server. */
function chunksOf(tasks: readonly NewTask[], uploads: Uploads): NewTask[][] {
  const chunks: NewTask[][] = [];
  let room = 0;
  for (const task of tasks) {
    // An edge of the graph costs about five times what a task does.
    const edges = uploads.has(task) ? 1 : task.needs.length;
    const cost = 1 + 5 * edges + task.message.length / CHARACTERS;
    if (room < cost || chunks.length === 0) {
      chunks.push([]);
      room = MAX_TASKS;
    }
    room -= cost;
    chunks.at(-1)!.push(task);
  }
  return chunks;
}

/** What became of `count` tasks; undefined for one that is to be sent again. */
function toAnswers(text: string, count: number): (EnqueueAnswer | undefined)[] {
  const [letters = "", ...joined] = text.split(UNIT);
  return Array.from(letters.slice(0, count), (letter) => {
    if (letter === "j") return toNeed(joined.splice(0, 2));
    return letter === "a" ? undefined : ANSWERS[letter] ?? new QueueUnavailable(
      "Cannot enqueue: the list of results that the task takes was lost on its way to Redis; call " +
        "it again",
    );
  });
}

function toNeed([id = "", origin]: readonly string[]): Need {
  return origin ? { id, origin } : { id };
}

/** Part of the row of claims: an id, a message; failures and results. */
type ClaimPart = string | null | [failures: string | number, ...results: string[]];

function toClaims(fence: number, parts: readonly ClaimPart[]): Claim[] {
  const claims: Claim[] = [];
  for (let at = 0; at < parts.length;) {
    const id = parts[at++] as string;
    const message = parts[at++] as string | null ?? undefined;
    const rest = parts[at];
    const [failures, ...results] = Array.isArray(rest) ? rest : [0];
    if (Array.isArray(rest)) at++;
    claims.push({ id, fence, message, inputs: results.map(toResult), failures: Number(failures) });
  }
  return claims;
}

type SightParts =
  | readonly [string, string, number, number, readonly string[], readonly string[], string]
  | readonly [undefined, "", 0, 0, readonly [], readonly [], ""];

function toRecord(id: string, record: readonly string[]): TaskRecord | undefined {
  const [status, message, fence, owner, losses, open, refs, started, ended, origin] = record;
  const [failures, log, key, due, needs, name] = record.slice(10);
  if (status === undefined) return undefined;
  const over = status in OUTCOMES;
  return {
    id,
    status: STATUSES[status]!,
    origin: origin || undefined,
    name: nameIn(message ?? "") ?? (name || undefined),
    message: message || undefined,
    fence: Number(fence),
    owner: owner || undefined,
    key: key || undefined,
    losses: Number(losses),
    failures: Number(failures),
    attempts: toAttempts(log),
    due: due ? Number(due) : undefined,
    open: Number(open),
    needs: over ? [] : (needs as unknown as string[]).map((need) => toNeed(need.split(UNIT))),
    refs: Number(refs),
    started: started ? Number(started) : undefined,
    ended: ended ? Number(ended) : undefined,
  };
}

function toAttempts(log: string | undefined): Attempt[] {
  if (!log) return [];
  return log.split(RECORD).map((entry) => {
    const [fence, owner = "", started, ended, kind, text = ""] = entry.split(UNIT);
    return {
      fence: Number(fence),
      owner,
      started: Number(started),
      ended: Number(ended),
      kind: kind === "l" ? "lost" : "failed",
      text,
    };
  });
}

/** The outcome in what is stored of it, which goes on with when and how it came. */
function toResult(text: string): Outcome {
  const end = text.indexOf(UNIT);
  return toOutcome(end < 0 ? text : text.slice(0, end));
}

function toOutcome(text: string): Outcome {
  const status = OUTCOMES[text[0] ?? ""];
  if (status !== undefined) return { status, text: text.slice(1) };
  const data: FailureData = {
    task: "?",
    queue: "?",
    id: "?",
    text: "its stored outcome is damaged",
  };
  return { status: "failed", text: encodeValue("describe a failure", "it", data, Infinity) };
}
