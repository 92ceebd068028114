/** {@linkcode Entry}: a task of a queue in memory. */
import type { Chain, Linked } from "../chain.ts";
import type { Attempt, Need, NewTask, Outcome, TaskRecord } from "../task_queue.ts";

/** A handle of the queue, which hears the news. */
export interface Listening {
  /** With this begin the ids that its callers make up. */
  readonly client: string;
  /** A task is over. Its listeners hear of it after the step that caused it, and of a wake-up too. */
  hear(over: Over): void;
  /** One of its pools is to look. */
  wake(): void;
}

/** A task that is over. */
export interface Over {
  readonly id: string;
  readonly outcome: Outcome | undefined;
}

/** What tasks that were claimed together have in common. */
export interface Lease {
  readonly owner: string;
  readonly started: number;
  readonly deadline: number;
}

/** Outcomes that go at the same time. */
export interface Kept {
  readonly expires: number;
  readonly entries: Entry[];
}

/**
 * A task, from its enqueue until its outcome is dropped. There are as many as a process has memory
 * for: what most tasks never have stands in the prototype, see {@linkcode RARE}.
 */
export class Entry implements Linked<Entry> {
  readonly id: string;
  readonly score: number;
  /** Who made up its id. */
  caller: Listening | undefined;
  message: string | undefined;
  /** Kept when the message is not. */
  name: string | undefined = undefined;
  status: TaskRecord["status"] = "pending";
  fence = 0;
  /** The one that it has, or had. */
  lease: Lease | undefined = undefined;
  outcome: Outcome | undefined = undefined;
  keep = 0;
  ended: number | undefined = undefined;
  /** With which its outcome goes; undefined while another task needs it. */
  kept: Kept | undefined = undefined;
  chain: Chain<Entry> | undefined = undefined;
  before: Entry | undefined = undefined;
  after: Entry | undefined = undefined;

  constructor(task: NewTask, caller: Listening | undefined, score: number) {
    this.id = task.id;
    this.score = score;
    this.caller = caller;
    this.message = task.message;
    if (task.origin !== undefined) this.origin = task.origin;
    if (task.plan?.key !== undefined) this.key = task.plan.key;
    if (task.needs.length > 0) this.needs = task.needs;
  }
}

interface Rare {
  origin: string | undefined;
  key: string | undefined;
  needs: readonly Need[];
  /** Entries behind the needs that are known, to give them back. */
  held: Entry[] | undefined;
  /** Needs that were gone when it was stored: another task with such an id is not what it takes. */
  gone: Set<Need> | undefined;
  /** Results and times that it waits for. */
  open: number;
  /** Tasks that wait for its result. */
  feeds: Entry[] | undefined;
  /** Tasks that take its result. */
  refs: number;
  losses: number;
  failures: number;
  attempts: Attempt[] | undefined;
  waiters: Listening[] | undefined;
}

/** What an entry has unless it is told otherwise. */
const RARE: Rare = {
  ...{ origin: undefined, key: undefined, needs: [], held: undefined, gone: undefined, open: 0 },
  ...{ feeds: undefined, refs: 0, losses: 0, failures: 0, attempts: undefined, waiters: undefined },
};

/** It has all of that, too. */
export interface Entry extends Rare {}
Object.assign(Entry.prototype, RARE);
