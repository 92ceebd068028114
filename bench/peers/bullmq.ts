/** BullMQ and its Redis client, named nowhere else: the project itself depends on neither. */
import { Redis } from "ioredis";

export { FlowProducer, type Job, Queue, QueueEvents, Worker } from "bullmq";

/** A connection of one's own, as BullMQ wants it for whatever blocks. */
export function connect(url: string): Redis {
  return new Redis(url, { maxRetriesPerRequest: null });
}
