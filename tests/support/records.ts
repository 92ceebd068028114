/** What a queue tells of itself, which must agree; what it is inside is for `fsck()`. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { TaskQueue, TaskRecord } from "../../src/task_queue.ts";

/** The records of `ids`, which must be all tasks of the queue, beside its counts. */
export async function recordsOf(
  queue: TaskQueue,
  ids: readonly string[],
): Promise<Map<string, TaskRecord>> {
  // All are asked for at once: on Redis that is one round trip.
  const asked = Promise.all(ids.map((id) => queue.inspect(id)));
  const [found, stats] = await Promise.all([asked, queue.stats()]);
  const records = found.filter((record) => record !== undefined);
  const count = (status: string) => records.filter((record) => record.status === status).length;
  const { pending, scheduled, ready, leased, unsettled } = stats;
  deepStrictEqual(
    { pending, scheduled, ready, leased, unsettled },
    {
      pending: count("pending"),
      ready: count("enqueued"),
      leased: count("processing"),
      scheduled: records.filter(({ due }) => due !== undefined).length,
      unsettled: 0,
    },
  );
  for (const { id, status, message, fence, open } of records) {
    const over = OVER.includes(status);
    strictEqual(message === undefined, over, `${id} ${status}: a message as long as it may run`);
    strictEqual(fence > 0, status === "processing", `${id} ${status}: a fence while it runs`);
    strictEqual(open > 0, status === "pending", `${id} ${status}: open ${open}`);
  }
  return new Map(records.map((record) => [record.id, record]));
}

const OVER: readonly string[] = ["success", "failed", "expired"];
