/**
 * For those who write a backend or a pool of their own: the port that queues implement, and the two
 * that worq comes with. `@worq/worq/testing` holds the suite that every backend passes.
 *
 * @example
 * ```ts
 * import { Broker, InlineWorkerPool } from "@worq/worq";
 * import { MemoryTaskQueue } from "@worq/worq/backend";
 * import { strictEqual } from "node:assert/strict";
 *
 * const queue = new MemoryTaskQueue("memory://mine", "default");
 * await using broker = new Broker(queue).expose({ one: () => 1 });
 * await using _pool = new InlineWorkerPool(broker).start();
 * const one = await broker.queue<{ one(): number }>().one();
 * strictEqual(await one.result({ timeout: 5_000 }), 1);
 * ```
 *
 * @module
 */
export { type KeptNotes, type Note, type TaskNotes } from "./src/notes.ts";
export {
  decodeMessage,
  DEFAULT_POLICY,
  encodeMessage,
  type Message,
  type TaskPolicy,
} from "./src/message.ts";
export { Abort } from "./src/abort.ts";
export { type Place } from "./src/current_task.ts";
export { type Finding, type FsckOptions, type Invariant, INVARIANTS } from "./src/fsck.ts";
export { type Job } from "./src/pools/consumer.ts";
export { type Crew, type CrewHost } from "./src/pools/worker_pool.ts";
export { type MemoryQueueOptions, MemoryTaskQueue } from "./src/queues/memory.ts";
export { RedisTaskQueue } from "./src/queues/redis.ts";
export {
  type Attempt,
  type CancelAnswer,
  type Claim,
  type DeadTask,
  type EnqueueAnswer,
  type Exchange,
  type ExchangeAnswer,
  type FailureData,
  type ListPlace,
  type Need,
  type NewTask,
  type Outcome,
  type Plan,
  type QueueListener,
  type QueueStats,
  type RedriveAnswer,
  type Renewal,
  type Report,
  type ScheduleBook,
  type ScheduleChange,
  type ScheduleRecord,
  type Sight,
  type Situation,
  type TaskQueue,
  type TaskRecord,
  type Tick,
  type Window,
} from "./src/task_queue.ts";
