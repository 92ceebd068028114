/** What a running task can know about itself, and what its pool knows about its waiting. */
import { AsyncLocalStorage } from "node:async_hooks";
import { carry, isCarried, NO_CONTEXT, type TaskContext } from "./context.ts";
import type { Message } from "./message.ts";
import { lineNote, type Note, partNote } from "./notes.ts";
import type { Claim } from "./task_queue.ts";
import type { WaitOptions } from "./wait.ts";

/** The task that is running here. */
export interface CurrentTask {
  /** Id of the task, the same in every attempt. */
  readonly id: string;
  /** Full name, such as `shop.pay`. */
  readonly name: string;
  /** Name of the queue. */
  readonly queue: string;
  /**
   * Number of this attempt. It grows from one attempt of a task to the next, so a store that keeps
   * the highest one it saw can refuse a write from an attempt that was given up.
   */
  readonly fence: number;
  /** 1 for the first attempt, and one more for each one that failed. Lost workers do not count. */
  readonly attempt: number;
  /**
   * What travels with the task: set by its caller, through `withContext` or a hook, or inherited
   * from the task that called it. Empty otherwise.
   */
  readonly context: TaskContext;
  /**
   * Aborts when the task is to end early: its pool stops, or the task was cancelled or given
   * to another worker. Whatever it returns then is dropped.
   */
  readonly signal: AbortSignal;
  /**
   * Tells how far the task is, 0 to 1, and perhaps a text. The last one counts: `Deferred.progress()`
   * has it, the dashboard and `worq inspect --follow`. It leaves within a third of a second, and costs
   * next to nothing in between. Throws a `RangeError` for another number.
   */
  progress(part: number, text?: string): void;
  /**
   * Adds a line to the log of the task, of which the last 1,000 are kept as long as its outcome, a
   * minute at least. `Deferred.log()` has them. 2,000 characters of a line are kept.
   */
  log(text: string): void;
}

/** What happens when a task waits for the result of another one. */
export type Waiting = "lend" | "refuse";

/** The place of a task in its pool, of which there are as many as tasks may run at a time. */
export interface Place {
  /** Whether the task may wait in it. */
  readonly waiting: Waiting;
  /** The task waits: another one may have its place. */
  lend(): void;
  /** The task goes on, whoever has its place now. */
  takeBack(): void;
  /** The task says something. Whatever is behind a place may be of a version that does not hear it. */
  note?(claim: Claim, note: Note): void;
}

/** One run of a task. */
export class Run {
  /** What the queue gave. */
  readonly claim: Claim;
  /** What it says is to be run. */
  readonly message: Message;
  /** Name of the queue. */
  readonly queue: string;
  /** Undefined where nobody gave it one. */
  readonly place: Place | undefined;
  readonly #abort: { readonly signal: AbortSignal };
  #task: CurrentTask | undefined;
  #waits = 0;
  #over = false;

  /** A run that is about to begin. */
  constructor(
    claim: Claim,
    message: Message,
    queue: string,
    abort: { readonly signal: AbortSignal },
    place: Place | undefined,
  ) {
    this.claim = claim;
    this.message = message;
    this.queue = queue;
    this.place = place;
    this.#abort = abort;
  }

  /** What travels with the task. */
  get context(): TaskContext {
    return this.message.context ?? NO_CONTEXT;
  }

  /** Asks the task to end early. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What the task can know about it. */
  get task(): CurrentTask {
    return this.#task ??= new Current(this);
  }

  /** The task says something; after its end nobody hears it. */
  say(note: Note): void {
    if (!this.#over) this.place?.note?.(this.claim, note);
  }

  /** Whether the task has returned; what it left behind has no place to lend. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Waits, with the place lent once for all waits at the same time, and no longer than the task. */
  async lendWhile<T>(
    options: WaitOptions,
    wait: (options: WaitOptions) => Promise<T>,
  ): Promise<T> {
    const own = this.signal;
    const signal = options.signal === undefined || options.signal === own
      ? own
      : AbortSignal.any([own, options.signal]);
    signal.throwIfAborted();
    if (this.#waits++ === 0) this.place?.lend();
    try {
      return await wait({ ...options, signal });
    } finally {
      if (--this.#waits === 0 && !this.#over) this.place?.takeBack();
    }
  }

  /** The task has returned. */
  end(): void {
    this.#over = true;
    if (this.#waits > 0) this.place?.takeBack();
  }
}

/** Made when somebody asks for it: most tasks do not. */
class Current implements CurrentTask {
  readonly id: string;
  readonly name: string;
  readonly queue: string;
  readonly fence: number;
  readonly attempt: number;
  readonly context: TaskContext;
  readonly #run: Run;

  constructor(run: Run) {
    const { claim: { id, fence, failures }, message: { name }, queue, context } = run;
    this.id = id;
    this.name = name;
    this.queue = queue;
    this.fence = fence;
    this.attempt = failures + 1;
    this.context = context;
    this.#run = run;
  }

  get signal(): AbortSignal {
    return this.#run.signal;
  }

  progress(part: number, text?: string): void {
    this.#run.say(partNote(part, text));
  }

  log(text: string): void {
    this.#run.say(lineNote(text));
  }
}

const running = new AsyncLocalStorage<Run>();

/**
 * The task that is running here, also after an `await`. Throws an `Error` outside of a task.
 *
 * @example
 * ```ts
 * import { currentTask, getQueue, getBroker, InlineWorkerPool } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * await using broker = getBroker("memory://");
 * broker.expose({ whoami: () => currentTask().name });
 * await using _pool = new InlineWorkerPool(broker).start();
 *
 * await using q = getQueue<{ whoami: () => string }>("memory://");
 * strictEqual(await (await q.whoami()).result({ timeout: 5_000 }), "whoami");
 * ```
 */
export function currentTask(): CurrentTask {
  const run = running.getStore();
  if (run === undefined) throw new Error("Cannot tell the current task: none is running here");
  return run.task;
}

/** The run that this is part of, also when it is over by now. */
export function currentRun(): Run | undefined {
  return running.getStore();
}

/** Has `body` be part of `run`. */
export function runAs<T>(run: Run, body: () => T): T {
  const { context } = run;
  if (!isCarried(context)) return running.run(run, body);
  return carry(context, () => running.run(run, body));
}
