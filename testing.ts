/**
 * For tests: {@linkcode testQueue} gives users a queue whose time stands still until it is moved, so
 * that delays, retries and schedules are tested without waiting; {@linkcode testTaskQueue} is for
 * those who write a backend: the suite that every backend passes.
 *
 * @example
 * ```ts
 * import { TaskSpace } from "@worq/worq";
 * import { testQueue } from "@worq/worq/testing";
 * import { strictEqual } from "node:assert/strict";
 *
 * let tries = 0;
 * const tasks = new TaskSpace("shop", {
 *   pay: (cents: number) => {
 *     if (++tries < 3) throw new Error("the bank is closed");
 *     return cents;
 *   },
 * }, { pay: { retries: 2, backoff: 60_000 } });
 *
 * await using kit = await testQueue({ tasks });
 * const paid = await kit.q.shop.pay(100);
 * await kit.assertEnqueued("shop.pay", [100]);
 * strictEqual(await kit.drain(), 1); // and fails
 * strictEqual(await kit.advance(120_000), 2);
 * strictEqual(await paid.result(), 100);
 * ```
 *
 * @module
 */
export { type Backend, testTaskQueue } from "./src/testing/task_queue_suite.ts";
export {
  type ExpectedArguments,
  type ExpectedTask,
  TestQueue,
  testQueue,
  type TestQueueOptions,
  type TestTasks,
  type WaitingTask,
} from "./src/testing/test_queue.ts";
