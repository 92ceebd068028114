/**
 * The port: what a backend stores and does for one named queue.
 *
 * Life of a task, told by where its id is; it is in exactly one of these places:
 *
 * | place | status | leaves it when |
 * |---|---|---|
 * | pending | `pending` | the last result it takes is in and its time has come, or a result failed |
 * | ready | `enqueued` | a pool claims it |
 * | leases | `processing` | its outcome is accepted, it is to be retried or handed back, or its worker is lost |
 * | over | `success`, `failed`, `expired` | its result timeout has passed and no task needs it |
 *
 * A cancelled task is over at once, wherever it is; so is one that no pool has when its `expiresAt`
 * comes. A task that failed for good is over, and a copy of it is among the dead, from which it can
 * be enqueued again. `states.ts` has all that can happen to a task, as a table from which tests are
 * made.
 *
 * Each claim gives the task a fence, a number that grows from claim to claim. A report with any other than the
 * latest fence is dropped: the worker that sent it lost the task to another one, or to its end.
 *
 * Every method is atomic (another client sees all of it or none) and may be sent again after an
 * answer was lost: the second time it changes nothing.
 */
import type { Finding, FsckOptions } from "./fsck.ts";
import type { KeptNotes, TaskNotes } from "./notes.ts";
import type { TaskStatus } from "./status.ts";

/** How a task ended. */
export interface Outcome {
  /** Whether there is a value, a failure, or nothing. */
  readonly status: "success" | "failed" | "expired";
  /** The encoded value of a success, else an encoded {@linkcode FailureData}. */
  readonly text: string;
}

/** Why a task failed or expired, as data. */
export interface FailureData {
  /** Name of the task that failed: this one, or one whose result it takes. */
  readonly task: string;
  /** Queue of that task. */
  readonly queue: string;
  /** Id of that task. */
  readonly id: string;
  /** Why, in one line. */
  readonly text: string;
  /** What was thrown. */
  readonly error?: unknown;
  /** The task had returned a handle, and ended as the task behind it: that one is in the text. */
  readonly continued?: boolean;
}

/** A task whose result is wanted, by another task or by a caller. */
export interface Need {
  /** Id of the task that has the result. */
  readonly id: string;
  /** Given when the user chose the id: then only that very call is meant. */
  readonly origin?: string;
}

/** A task to store. */
export interface NewTask {
  /** Id of the task, free of control characters. */
  readonly id: string;
  /** Made by `encodeMessage`. */
  readonly message: string;
  /** Random text of this call, when the user chose the id. */
  readonly origin?: string;
  /** Tasks whose results it takes, in the order of its placeholders, none twice. */
  readonly needs: readonly Need[];
  /** When and before whom it is to run; at once and in line when omitted. */
  readonly plan?: Plan;
}

/** When a task is to run. */
export interface Plan {
  /**
   * In front of all with a lower one that wait for a worker: 0 to 255, or 256 for what is not a
   * user's.
   */
  readonly priority?: number;
  /** Milliseconds from now before which it does not run. */
  readonly delay?: number;
  /** Milliseconds since 1970 before which it does not run; the later one counts. */
  readonly runAt?: number;
  /** Milliseconds since 1970: an attempt that has not started then is none. */
  readonly expiresAt?: number;
  /** What it shares limits with; tasks of different keys take turns. */
  readonly key?: string;
  /** Not stored when so many tasks, or more, are pending or ready. */
  readonly maxLength?: number;
  /** What to do when its chosen id is taken: join that task, or end and replace it. */
  readonly onDuplicate?: "join" | "replace";
  /** Calls that come close to each other are one task. */
  readonly window?: Window;
  /** No pool runs it: its outcome is delivered. */
  readonly remote?: boolean;
}

/** Calls with the same name, of the same kind, that come within so many milliseconds are one task. */
export interface Window {
  /** What they have in common. */
  readonly name: string;
  /** `throttle`: the first one runs. `debounce`: the last one, when no other has come for so long. */
  readonly kind: "throttle" | "debounce";
  /** Milliseconds. */
  readonly time: number;
}

/** So many tasks may start in any time of `per` milliseconds. */
export interface Rate {
  /** How many, 1 to 10,000. */
  readonly count: number;
  /** Milliseconds. */
  readonly per: number;
}

/** How many tasks may run, or start, over all pools. What a pool says holds for what it claims. */
export interface Limits {
  /** Tasks of the queue that run at the same time. */
  readonly concurrency?: number;
  /** Tasks of the queue that start. An attempt counts, whatever comes of it. */
  readonly rate?: Rate;
  /** The same for tasks that share a key. Keys take turns, with or without limits. */
  readonly perKey?: { readonly concurrency?: number; readonly rate?: Rate };
}

/** Of the numbers in a line of one priority, there are so many. */
export const BAND: number = 2 ** 45;

/** Places in the line that tasks of users have begin here. */
export const FLOOR: number = -255 * BAND;

/**
 * What became of a new task: stored as `enqueued`, stored as `pending`, or not stored, because its
 * id is taken (`duplicate`), because the queue is `full`, because it joined another task (that one),
 * or because the backend failed in the middle of the batch (an error).
 */
export type EnqueueAnswer = "enqueued" | "pending" | "duplicate" | "full" | Need | Error;

/**
 * What became of a task that was to be cancelled: it is `cancelled`, by this call or an earlier one;
 * it was `over` before; or it is `unknown`, never stored or no longer kept.
 */
export type CancelAnswer = "cancelled" | "over" | "unknown";

/** A task in the hands of a pool. */
export interface Claim {
  /** Id of the task. */
  readonly id: string;
  /** Number of this attempt; only its reports count. */
  readonly fence: number;
  /** Undefined when the record is damaged. */
  readonly message: string | undefined;
  /** The first outcomes of its needs, in order; `inputs` gives the rest. */
  readonly inputs: readonly Outcome[];
  /** How many attempts failed before this one. */
  readonly failures: number;
}

/** How an attempt ended. */
export interface Report {
  /** Id of the task. */
  readonly id: string;
  /** Of the claim. */
  readonly fence: number;
  /**
   * `retry`: failed, and to be run again. `returned`: not run after all, no attempt counted. `lost`:
   * its worker died with it.
   */
  readonly kind: "success" | "failed" | "retry" | "returned" | "lost";
  /** Encoded value or failure; for `lost` the reason in plain text. */
  readonly text: string;
  /** Milliseconds until the next attempt, for a `retry`. */
  readonly delay?: number;
  /** Milliseconds to keep the outcome. */
  readonly keep: number;
  /** Full name of the task, which is kept with a success. */
  readonly name?: string;
}

/** A sign of life for a running task. */
export interface Renewal {
  /** Id of the task. */
  readonly id: string;
  /** Of the claim. */
  readonly fence: number;
  /** Milliseconds from now until the task counts as lost. */
  readonly lease: number;
}

/** The one call a pool makes. */
export interface Exchange {
  /** Id of the pool. */
  readonly pool: string;
  /** Counts the exchanges of this pool: the same number again means the answer got lost. */
  readonly number: number;
  /** How attempts ended. */
  readonly reports: readonly Report[];
  /** Signs of life for tasks that still run. */
  readonly renewals: readonly Renewal[];
  /** How many tasks to claim at most. With none left the pool is woken when there is one. */
  readonly want: number;
  /** Milliseconds of the lease that a claimed task starts with. */
  readonly lease: number;
  /** How many it may claim, of which. */
  readonly limits?: Limits;
  /** The pool stops: it wants no more, now or later. */
  readonly leaving?: boolean;
}

/** What an exchange brought. */
export interface ExchangeAnswer {
  /** Tasks that the pool has from now on, until its lease ends or it reports. */
  readonly claims: readonly Claim[];
  /** Renewed tasks that the pool no longer holds. */
  readonly superseded: readonly string[];
  /** There is unfinished work inside the queue: come again soon. */
  readonly more: boolean;
  /**
   * Milliseconds until time alone brings something: a task becomes due or too late, or a lease ends.
   * Undefined when there is no such time, and for a pool that got all it wanted.
   */
  readonly next: number | undefined;
}

/** What a backend tells without being asked. */
export interface QueueListener {
  /**
   * A task is over that was waited for, or whose id this client made up; without the outcome when
   * it is too big to push. Nobody hears of a success with an empty text, unless asked to.
   */
  outcome?(id: string, outcome: Outcome | undefined): void;
  /** There may be tasks to claim for the pool that got no more than it wanted. */
  wake?(): void;
  /** Messages may have been missed. */
  restored?(): void;
}

/** How many tasks are where. */
export interface QueueStats {
  /** Tasks that wait for results, or for their time. */
  readonly pending: number;
  /** Those of the pending ones that wait for their time, perhaps for results, too. */
  readonly scheduled: number;
  /** Tasks that wait for a worker. */
  readonly ready: number;
  /** Tasks that a pool has. */
  readonly leased: number;
  /** Pools that wait to be woken. */
  readonly idle: number;
  /** Tasks whose dependents or needs are still being told. */
  readonly unsettled: number;
  /** Tasks that failed for good and are kept. */
  readonly dead: number;
  /** Whether no pool is given tasks. */
  readonly paused: boolean;
}

/** An attempt that did not bring a value. */
export interface Attempt {
  /** Of the claim. */
  readonly fence: number;
  /** Pool that had the task. */
  readonly owner: string;
  /** When it was claimed, in milliseconds of the backend's clock. */
  readonly started: number;
  /** When that was over, likewise. */
  readonly ended: number;
  /** Whether the task failed, or its worker was lost. */
  readonly kind: "failed" | "lost";
  /** Encoded failure, empty when it is too long; for `lost` the reason in plain text. */
  readonly text: string;
}

/** A task that failed for good. */
export interface DeadTask {
  /** Id of the task. */
  readonly id: string;
  /** As it was stored. */
  readonly message: string;
  /** How it ended. */
  readonly outcome: Outcome;
  /** When it ended, in milliseconds of the backend's clock. */
  readonly ended: number;
  /** Its last attempts, in order. */
  readonly attempts: readonly Attempt[];
}

/**
 * What became of a dead task that was to be enqueued again: it is `redriven`; its id is `taken` by
 * another call, or by its own outcome that some task still takes; or it is `unknown`, never dead or
 * no longer kept.
 */
export type RedriveAnswer = "redriven" | "taken" | "unknown";

/** A schedule: which of its ticks was enqueued last. */
export interface ScheduleRecord {
  /** Name of the schedule. */
  readonly name: string;
  /** What it says, free of control characters: another text is another schedule. */
  readonly spec: string;
  /** When the tick runs, or was to run, in milliseconds of the backend's clock. */
  readonly at: number;
  /** Id of the task that is the tick. */
  readonly id: string;
  /** Whether that task is over, or gone. */
  readonly over: boolean;
}

/** What the schedules of a queue are, and when. */
export interface ScheduleBook {
  /** Milliseconds of the backend's clock. */
  readonly now: number;
  /** In no order. */
  readonly schedules: readonly ScheduleRecord[];
}

/** The next tick of a schedule. */
export interface Tick {
  /** What the schedule says. */
  readonly spec: string;
  /** When the tick runs, in milliseconds of the backend's clock. */
  readonly at: number;
  /** Its task, which takes no results; the id is its origin, too. */
  readonly task: Pick<NewTask, "id" | "message">;
  /** 0 to 255. */
  readonly priority: number;
}

/** What is to become of a schedule. */
export interface ScheduleChange {
  /** Name of the schedule, free of control characters. */
  readonly name: string;
  /** The record that the change is based on, if there was one: with any other, nothing changes. */
  readonly seen?: Pick<ScheduleRecord, "spec" | "at">;
  /** Its next tick; there is no such schedule any more when omitted. */
  readonly tick?: Tick;
}

/** What the queue knows about one task. */
export interface TaskRecord {
  /** Id of the task. */
  readonly id: string;
  /** Where the task stands. */
  readonly status: TaskStatus;
  /** Of the call that stored it, when the user chose the id. */
  readonly origin: string | undefined;
  /** Full name of the task; undefined when the queue has not kept it. */
  readonly name: string | undefined;
  /** As stored; undefined once the task is over. */
  readonly message: string | undefined;
  /** Number of the latest claim; 0 when no pool has the task. */
  readonly fence: number;
  /** Pool that claimed it last. */
  readonly owner: string | undefined;
  /** What it shares limits with. */
  readonly key: string | undefined;
  /** How many workers were lost with it. */
  readonly losses: number;
  /** How many attempts failed, but the last one of a task that failed. */
  readonly failures: number;
  /** Its last attempts that brought no value, in order, at most {@linkcode MAX_ATTEMPTS}. */
  readonly attempts: readonly Attempt[];
  /** When it may run, in milliseconds of the backend's clock; undefined when it need not wait. */
  readonly due: number | undefined;
  /** What it still waits for: results, and its time as one more. */
  readonly open: number;
  /** Results that it takes; none once it is over. */
  readonly needs: readonly Need[];
  /** Tasks that still need its result. */
  readonly refs: number;
  /** When it was last claimed, in milliseconds of the backend's clock. */
  readonly started: number | undefined;
  /** When it ended, likewise. */
  readonly ended: number | undefined;
}

/** What a task waits for, as far as the queue knows: all seen at one moment. */
export interface Situation {
  /** What is known about the task. */
  readonly record: TaskRecord;
  /** Milliseconds of the backend's clock. */
  readonly now: number;
  /** Until when the pool that has it need not give a sign of life, likewise. */
  readonly deadline: number | undefined;
  /** Results that it takes and that are not there yet, the first {@linkcode MAX_OPEN} of them. */
  readonly openNeeds: readonly Need[];
  /** Tasks that come before it: of those that wait for a worker, with its key if it has one. */
  readonly ahead: number | undefined;
  /** Whether no pool is given tasks. */
  readonly paused: boolean;
  /** Tasks that pools have. */
  readonly leased: number;
  /** Those with the key of this task. */
  readonly busy: number;
  /** When the rate of the queue lets the next task start; undefined when now. */
  readonly rests: number | undefined;
  /** The same for tasks with its key. */
  readonly keyRests: number | undefined;
}

/** Where tasks can be listed: those that are over, but failed for good, are in no list. */
export type ListPlace = "pending" | "scheduled" | "ready" | "running" | "dead";

/** A task and its neighbours in the graph. */
export interface Sight {
  /** Id of the task. */
  readonly id: string;
  /** Where it stands. */
  readonly status: TaskStatus;
  /** Full name of the task; undefined when the queue has not kept it. */
  readonly name: string | undefined;
  /** As it was stored; undefined once it is over. */
  readonly message: string | undefined;
  /** Results that it takes, the first {@linkcode MAX_EDGES}; none once it is over. */
  readonly needs: readonly string[];
  /** How many these are in all. */
  readonly needCount: number;
  /** Tasks that wait for its result, the first {@linkcode MAX_EDGES}; none once it is over. */
  readonly feeds: readonly string[];
  /** How many these are in all. */
  readonly feedCount: number;
}

/** Storage for the tasks and results of one named queue. */
export interface TaskQueue extends AsyncDisposable {
  /** Name of the queue. */
  readonly name: string;
  /** Names the queue across servers, without secrets; equal for handles of the same queue. */
  readonly address: string;
  /**
   * Who calls through this handle: 16 characters, with which the ids that it makes up begin. When
   * such a task is over, the listeners hear of it, whether they wait or not.
   */
  readonly client: string;
  /** Stores tasks in order; each one may need those before it. */
  enqueue(tasks: readonly NewTask[]): Promise<EnqueueAnswer[]>;
  /** Takes reports and renewals, gives claims; looks after expired leases on the way. */
  exchange(exchange: Exchange): Promise<ExchangeAnswer>;
  /** Outcomes of the needs of a claimed task, `count` of them from number `from` on. */
  inputs(id: string, from: number, count: number): Promise<Outcome[]>;
  /** Outcomes of those tasks that are over; the listener hears of the others. */
  wait(tasks: readonly Need[]): Promise<(Outcome | undefined)[]>;
  /** What is known about a task; undefined when nothing is. */
  inspect(id: string): Promise<TaskRecord | undefined>;
  /** What a task waits for, where pools keep to these limits; undefined when nothing is known of it. */
  situation(id: string, limits: Limits): Promise<Situation | undefined>;
  /** How many tasks are where. */
  stats(): Promise<QueueStats>;
  /**
   * Removes every task that no pool has claimed, but what is above all priorities of users; returns
   * how many. Who waits for one is told.
   */
  clear(): Promise<number>;
  /**
   * Ends tasks as `expired`, wherever they are; a pool that has one hears of it as `superseded`. Of
   * tasks that take each other's results, all are cancelled, and none fails for another. Without an
   * origin, whatever task has the id is meant.
   */
  cancel(tasks: readonly Need[]): Promise<CancelAnswer[]>;
  /**
   * From now on no pool is given tasks, until `resume()`. All else goes on: tasks are stored, those
   * that run end, and what waits for them becomes ready.
   */
  pause(): Promise<void>;
  /** Pools are given tasks again. */
  resume(): Promise<void>;
  /** Tasks that failed for good, `count` of them from number `from` on, the last to be dropped first. */
  dead(from: number, count: number): Promise<DeadTask[]>;
  /** Enqueues dead tasks again, in order, each at the end of the line and as if it were new. */
  redrive(ids: readonly string[]): Promise<RedriveAnswer[]>;
  /** Drops dead tasks; returns how many there were. */
  discard(ids: readonly string[]): Promise<number>;
  /**
   * Ends a task that waits for that, or keeps the outcome for one that comes; `keep` milliseconds
   * after no task takes it. A second outcome is dropped. The name is kept with it.
   */
  deliver(task: Need, outcome: Outcome, keep: number, name?: string): Promise<void>;
  /**
   * Ids of tasks in a place, `count` of them from number `from` on: of those that wait, the next ones
   * first, and those with a key after the others.
   */
  list(place: ListPlace, from: number, count: number): Promise<string[]>;
  /** Tasks with their neighbours; undefined for one of which nothing is known. */
  sights(ids: readonly string[]): Promise<(Sight | undefined)[]>;
  /** Keeps what tasks say, unless the attempt is another one's by now. */
  note(notes: readonly TaskNotes[]): Promise<void>;
  /** What a task said, of its log the lines from number `from` on. */
  notes(id: string, from: number): Promise<KeptNotes>;
  /**
   * A pool tells what it does; that is kept for `keep` milliseconds. With an empty card it tells that
   * it is gone.
   */
  announce(pool: string, card: string, keep: number): Promise<void>;
  /** The cards of the pools that are there, in no order. */
  cards(): Promise<string[]>;
  /** Another queue on the same server. */
  sibling(name: string): TaskQueue;
  /**
   * Changes schedules, none twice, each only if it is as it was seen, and gives what there is then.
   * A tick that was not due yet is cancelled, without a trace, when another one takes its place. A
   * change that repeats the tick that is there brings back its task, if that was removed before it
   * was due.
   */
  schedule(changes: readonly ScheduleChange[]): Promise<ScheduleBook>;
  /**
   * What is wrong with the queue, as `INVARIANTS` of `fsck.ts` tell what must hold; with `repair`, what
   * can be set right is. It looks while the queue works: what it finds was so at one moment, each task
   * with what is around it.
   */
  fsck(options: Required<FsckOptions>): Promise<Finding[]>;
  /** Adds a listener; the returned function takes it away. */
  listen(listener: QueueListener): () => void;
}

/** Text of the failure that a waiter gets for a task the queue does not know (any more). */
export const GONE = "task expired: it was cleared, or its result was kept for its time";

/** Text for a task that was removed before a worker had it. */
export const CLEARED = "task expired: it was cleared";

/** Text for a task that was cancelled. */
export const CANCELLED = "task expired: it was cancelled";

/** Text for a task whose id another call took, which asked to replace it. */
export const REPLACED = "task expired: it was replaced by another call with its id";

/** Text for a task that was not started by its `expiresAt`. */
export const LATE = "task expired: it was not started in time";

/** Neighbours of a task, of each kind, that a look at it gives. */
export const MAX_EDGES = 200;

/** Results that a task waits for, of which its situation tells. */
export const MAX_OPEN = 20;

/** Attempts of a task that are remembered. */
export const MAX_ATTEMPTS = 10;

/** Characters of a failure that are remembered with an attempt. */
export const MAX_ATTEMPT_TEXT = 4_000;

/** Dead tasks that a queue keeps; with one more, the one goes that would be dropped next. */
export const MAX_DEAD = 10_000;

/** Why a task was lost when its pool did not say. */
export const SILENT = "the pool that had it gave no sign of life for the time of its lease";

/** Milliseconds that a lease lasts, given the interval of heartbeats: two may get lost. */
export function leaseOf(heartbeatInterval: number): number {
  return 3 * heartbeatInterval;
}
