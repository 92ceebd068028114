/**
 * The port: what a backend stores and does for one named queue.
 *
 * Life of a task, told by where its id is; it is in exactly one of these places:
 *
 * | place | status | leaves it when |
 * |---|---|---|
 * | pending | `pending` | the last result it takes is in, or one of them failed |
 * | ready | `enqueued` | a pool claims it |
 * | leases | `processing` | its outcome is accepted, it is handed back, or its worker is lost |
 * | over | `success`, `failed`, `expired` | its result timeout has passed and no task needs it |
 *
 * A cancelled task is over at once, wherever it is.
 *
 * Each claim gives the task a fence, a number that grows from claim to claim. A report with any other than the
 * latest fence is dropped: the worker that sent it lost the task to another one, or to its end.
 *
 * Every method is atomic (another client sees all of it or none) and may be sent again after an
 * answer was lost: the second time it changes nothing.
 */
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
}

/**
 * What became of a new task: stored as `enqueued`, stored as `pending`, or not stored, because its
 * id is taken (`duplicate`) or because the backend failed in the middle of the batch (an error).
 */
export type EnqueueAnswer = "enqueued" | "pending" | "duplicate" | Error;

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
}

/** How an attempt ended. */
export interface Report {
  /** Id of the task. */
  readonly id: string;
  /** Of the claim. */
  readonly fence: number;
  /** `returned`: not run after all, no attempt counted. `lost`: its worker died with it. */
  readonly kind: "success" | "failed" | "returned" | "lost";
  /** Encoded value or failure; for `lost` the reason in plain text. */
  readonly text: string;
  /** Milliseconds to keep the outcome. */
  readonly keep: number;
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
}

/** What a backend tells without being asked. */
export interface QueueListener {
  /** A task that was waited for is over; without the outcome when it is too big to push. */
  outcome?(id: string, outcome: Outcome | undefined): void;
  /** There may be tasks to claim for the pool that got no more than it wanted. */
  wake?(): void;
  /** Messages may have been missed. */
  restored?(): void;
}

/** How many tasks are where. */
export interface QueueStats {
  /** Tasks that wait for results. */
  readonly pending: number;
  /** Tasks that wait for a worker. */
  readonly ready: number;
  /** Tasks that a pool has. */
  readonly leased: number;
  /** Pools that wait to be woken. */
  readonly idle: number;
  /** Tasks whose dependents or needs are still being told. */
  readonly unsettled: number;
  /** Whether no pool is given tasks. */
  readonly paused: boolean;
}

/** What the queue knows about one task. */
export interface TaskRecord {
  /** Id of the task. */
  readonly id: string;
  /** Where the task stands. */
  readonly status: TaskStatus;
  /** Of the call that stored it, when the user chose the id. */
  readonly origin: string | undefined;
  /** As stored; undefined once the task is over. */
  readonly message: string | undefined;
  /** Number of the latest claim; 0 when no pool has the task. */
  readonly fence: number;
  /** Pool that claimed it last. */
  readonly owner: string | undefined;
  /** How many workers were lost with it. */
  readonly losses: number;
  /** Results that it still waits for. */
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

/** Storage for the tasks and results of one named queue. */
export interface TaskQueue extends AsyncDisposable {
  /** Name of the queue. */
  readonly name: string;
  /** Names the queue across servers, without secrets; equal for handles of the same queue. */
  readonly address: string;
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
  /** How many tasks are where. */
  stats(): Promise<QueueStats>;
  /** Removes every task that no pool has claimed; returns how many. Who waits for one is told. */
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
  /** Adds a listener; the returned function takes it away. */
  listen(listener: QueueListener): () => void;
}

/** Text of the failure that a waiter gets for a task the queue does not know (any more). */
export const GONE = "task expired: it was cleared, or its result was kept for its time";

/** Text for a task that was removed before a worker had it. */
export const CLEARED = "task expired: it was cleared";

/** Text for a task that was cancelled. */
export const CANCELLED = "task expired: it was cancelled";

/** Why a task was lost when its pool did not say. */
export const SILENT = "the pool that had it gave no sign of life for the time of its lease";

/** Milliseconds that a lease lasts, given the interval of heartbeats: two may get lost. */
export function leaseOf(heartbeatInterval: number): number {
  return 3 * heartbeatInterval;
}
