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

const NONE: readonly never[] = [];

/** A task, from its enqueue until its outcome is dropped. */
export class Entry implements Linked<Entry> {
  readonly id: string;
  readonly origin: string | undefined;
  readonly score: number;
  readonly key: string | undefined;
  /** Who made up its id. */
  readonly caller: Listening | undefined;
  status: TaskRecord["status"] = "pending";
  message: string | undefined;
  needs: readonly Need[];
  /** Entries behind the needs that are known, to give them back. */
  held: Entry[] | undefined = undefined;
  /** Needs that were gone when it was stored: another task with such an id is not what it takes. */
  gone: Set<Need> | undefined = undefined;
  open = 1;
  feeds: Entry[] | undefined = undefined;
  refs = 0;
  fence = 0;
  owner: string | undefined = undefined;
  losses = 0;
  failures = 0;
  attempts: Attempt[] | undefined = undefined;
  /** End of the lease. */
  deadline = 0;
  started: number | undefined = undefined;
  ended: number | undefined = undefined;
  waiters: Listening[] | undefined = undefined;
  outcome: Outcome | undefined = undefined;
  keep = 0;
  /** When the outcome is dropped; Infinity while another task needs it. */
  expires = Infinity;
  chain: Chain<Entry> | undefined = undefined;
  before: Entry | undefined = undefined;
  after: Entry | undefined = undefined;

  constructor(task: NewTask, caller: Listening | undefined, score: number) {
    this.id = task.id;
    this.origin = task.origin;
    this.key = task.plan?.key;
    this.caller = caller;
    this.score = score;
    this.message = task.message;
    this.needs = task.needs;
  }
}

/** What is the same for all tasks that are over. */
const SAME = {
  ...{ message: undefined, needs: NONE, held: undefined, gone: undefined, feeds: undefined },
  ...{ caller: undefined, waiters: undefined, chain: undefined, before: undefined },
  ...{ after: undefined, score: 0, open: 0, fence: 0, deadline: 0 },
} satisfies Partial<Entry>;

/** What is so for most of them. */
const USUAL = {
  ...{ origin: undefined, key: undefined, attempts: undefined, losses: 0, failures: 0 },
} satisfies Partial<Entry>;

/**
 * A task that is over, as long as its outcome is kept and no task takes it. There are as many as end
 * in that time: what is the same for them stands in the prototype, and takes no memory.
 */
export class Rest {
  constructor(entry: Entry) {
    this.id = entry.id;
    this.status = entry.status;
    this.outcome = entry.outcome;
    this.owner = entry.owner;
    this.started = entry.started;
    this.ended = entry.ended;
    this.keep = entry.keep;
    this.refs = 0;
    this.expires = Infinity;
    if (entry.origin !== undefined) this.origin = entry.origin;
    if (entry.key !== undefined) this.key = entry.key;
    if (entry.attempts === undefined) return;
    this.attempts = entry.attempts;
    this.losses = entry.losses;
    this.failures = entry.failures;
  }
}
/** It has all that an entry has. */
export interface Rest extends Writable<Entry> {}
Object.assign(Rest.prototype, SAME, USUAL);

type Writable<T> = { -readonly [K in keyof T]: T[K] };
