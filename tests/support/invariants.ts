/** What must hold in a queue after every step, whatever the backend. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { STAND_IN } from "../../src/couriers.ts";
import { UNIT } from "../../src/message.ts";
import type { Need, QueueStats, TaskQueue, TaskRecord } from "../../src/task_queue.ts";

/** Checks the records of `ids`, which must be all tasks of the queue, and gives them. */
export async function checkInvariants(
  queue: TaskQueue,
  ids: readonly string[],
): Promise<Map<string, TaskRecord>> {
  // All are asked for at once: on Redis that is one round trip.
  const asked = Promise.all(ids.map((id) => queue.inspect(id)));
  const [found, stats] = await Promise.all([asked, queue.stats()]);
  const records = new Map<string, TaskRecord>();
  for (const record of found) if (record !== undefined) records.set(record.id, record);
  for (const record of records.values()) checkRecord(record, records);
  checkCounts(stats, [...records.values()]);
  return records;
}

function checkRecord(record: TaskRecord, all: Map<string, TaskRecord>): void {
  const { id, status, open, fence, message, refs, needs, due } = record;
  const over = OVER.includes(status);
  strictEqual(message === undefined, over, `${id} ${status}: a message as long as it may run`);
  strictEqual(fence > 0, status === "processing", `${id} ${status}: a fence while it runs`);
  strictEqual(open > 0, status === "pending", `${id} ${status}: open ${open}`);
  const waitsFor = needs.filter((need) => {
    const other = all.get(need.id);
    return isIt(need, other) && !OVER.includes(other!.status);
  });
  const remote = message?.split(UNIT)[1] === STAND_IN ? 1 : 0;
  const times = (due === undefined ? 0 : 1) + remote;
  if (times > 0) strictEqual(status, "pending", `${id} waits for its time`);
  if (status === "pending") {
    strictEqual(open, waitsFor.length + times, `${id} waits for what is not over`);
  }
  if (status === "enqueued" || status === "processing") deepStrictEqual(waitsFor, [], id);
  const takers = [...all.values()].filter((other) =>
    other.needs.some((need) => need.id === id && isIt(need, record))
  );
  // What a dead task took is kept for it.
  ok(refs >= takers.length, `${id} is needed by ${takers.map((taker) => taker.id)}`);
}

const OVER: readonly string[] = ["success", "failed", "expired"];

function isIt({ origin }: Need, other: TaskRecord | undefined): boolean {
  return other !== undefined && (origin === undefined || other.origin === origin);
}

function checkCounts(stats: QueueStats, records: TaskRecord[]): void {
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
  ok(records.every(({ losses, failures }) => losses >= 0 && failures >= 0));
}
