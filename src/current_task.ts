/** What a running task can know about itself. */
import { AsyncLocalStorage } from "node:async_hooks";

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
   * Aborts when the task is to end early: its pool stops, or the task was cancelled or given
   * to another worker. Whatever it returns then is dropped.
   */
  readonly signal: AbortSignal;
}

const running = new AsyncLocalStorage<CurrentTask>();

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
  const task = running.getStore();
  if (task === undefined) throw new Error("Cannot tell the current task: none is running here");
  return task;
}

/** Runs `body` as `task`. */
export function runAs<T>(task: CurrentTask, body: () => T): T {
  return running.run(task, body);
}
