/**
 * Task queue for TypeScript whose results are values that can be passed on.
 *
 * Calling a task on a queue enqueues it; what comes back is a handle that other tasks take as an
 * argument. The same code runs in one process on `memory://` and on many machines on `redis://`.
 *
 * - task: a function that a worker can run, under a name
 * - task space: a named group of tasks; dots nest (`shop.cart`)
 * - broker: knows the tasks, and connects them with a queue
 * - task queue: the backend that keeps tasks and results
 * - deferred: handle to a result that does not exist yet
 * - worker pool: takes tasks from a queue and has them run
 *
 * All times are milliseconds. What is opened is closed by its scope, with `await using`.
 *
 * @example
 * ```ts
 * import { getBroker, getQueue, InlineWorkerPool, TaskSpace } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * const tasks = new TaskSpace("tasks", {
 *   num: (value: string) => Number(value),
 *   add: (values: number[]) => values.reduce((a, b) => a + b, 0),
 * });
 *
 * // A worker …
 * await using broker = getBroker("memory://").expose(tasks);
 * await using _pool = new InlineWorkerPool(broker).start();
 *
 * // … and a producer, in this process or, on redis://, in any other.
 * await using q = getQueue<typeof tasks>("memory://");
 * const nums = ["1", "2", "3"].map((text) => q.tasks.num(text));
 * const sum = await q.tasks.add(nums);
 * strictEqual(await sum.result({ timeout: 30_000 }), 6);
 * ```
 *
 * @module
 */
export { Broker, type BrokerOptions, type Exposable, type ExposeOptions } from "./src/broker.ts";
export { metricsText, type QueueMetrics } from "./src/metrics.ts";
export { type Said } from "./src/follow.ts";
export { type LogLine, type Progress } from "./src/notes.ts";
export { type Cause, type Why } from "./src/why.ts";
export {
  type CardTask,
  type CardWorker,
  type PoolCard,
  type Tally,
  TALLY_BOUNDS,
} from "./src/cards.ts";
export {
  type ConnectOptions,
  getBroker,
  getQueue,
  listQueues,
  type QueueOptions,
} from "./src/connect.ts";
export { type TaskContext, withContext } from "./src/context.ts";
export { type CurrentTask, currentTask, type Waiting } from "./src/current_task.ts";
export { type DeadLetter, type DeadOptions, type FailedAttempt } from "./src/dead.ts";
export { Deferred } from "./src/deferred.ts";
export {
  type ArgumentIssue,
  DuplicateTask,
  InvalidArguments,
  NonRetryable,
  NotDurable,
  QueueFull,
  QueueUnavailable,
  TaskExpired,
  TaskFailure,
  TaskPending,
  WorqError,
} from "./src/errors.ts";
export { type Finding, type FsckOptions, type Invariant, INVARIANTS } from "./src/fsck.ts";
export { type Enqueued, type Hook, type RunningTask, type TaskResult } from "./src/hooks.ts";
export { all, asCompleted, type Handle, map } from "./src/helpers.ts";
export {
  type LogFields,
  type Logger,
  type LogLevel,
  stderrLogger,
  type StderrLoggerOptions,
} from "./src/logger.ts";
export { InlineWorkerPool, type InlineWorkerPoolOptions } from "./src/pools/inline.ts";
export { type StopOptions, WorkerPool, type WorkerPoolOptions } from "./src/pools/worker_pool.ts";
export {
  type AnyTasks,
  type At,
  type Called,
  type Contract,
  type Merge,
  type Nest,
  type Queue,
  type QueueMethods,
  type Remote,
  type ResultOf,
  type Schemas,
} from "./src/queue.ts";
export { type RedisQueueOptions } from "./src/queues/redis.ts";
export {
  denoRedis,
  type DenoRedisClient,
  type DenoRedisConnectOptions,
  type DenoRedisSubscription,
} from "./src/queues/deno_redis.ts";
export {
  type RedisClient,
  type RedisClientOptions,
  type RedisFactory,
  type RedisLogin,
  type RedisTls,
} from "./src/queues/redis_client.ts";
export { type Backoff } from "./src/message.ts";
export { type RetryRules } from "./src/retry.ts";
export { type Limits, type Rate } from "./src/task_queue.ts";
export { type Durability } from "./src/queues/redis_durable.ts";
export { type TaskStatus } from "./src/status.ts";
export {
  type Argument,
  type Arguments,
  type DefaultTaskOptions,
  type EnqueueCall,
  type Leaf,
  type OneTaskOptions,
  type SharingOptions,
  type Target,
  task,
  type TaskOptions,
  type TimeOptions,
} from "./src/task.ts";
export {
  type CronTimes,
  type Declaration,
  type Declarations,
  type IntervalTimes,
  type Overlap,
  type Schedule,
  type ScheduleTimes,
} from "./src/schedule.ts";
export {
  type SchemaIssue,
  type SchemaResult,
  type SchemaTree,
  type StandardSchema,
} from "./src/schema.ts";
export {
  type NoOthers,
  type TaskDefinition,
  type TaskDefinitions,
  type TaskFunction,
  type TaskRecordOf,
  TaskSpace,
} from "./src/task_space.ts";
export { type WaitOptions } from "./src/wait.ts";
export { ProcessWorkerPool, type ProcessWorkerPoolOptions } from "./src/pools/process.ts";
export { type WorkerPermissions } from "./src/pools/deno_flags.ts";
export { ModuleWorkerPool, type ModuleWorkerPoolOptions } from "./src/pools/module_pool.ts";
export { ThreadWorkerPool, type ThreadWorkerPoolOptions } from "./src/pools/thread.ts";
export { type Runtime } from "./src/runtime.ts";
export { startPools } from "./src/pools/start_pools.ts";
