/** What must hold in a queue after every step, whatever the backend. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Need, TaskQueue, TaskRecord } from "../../src/task_queue.ts";

/** Checks the records of `ids`, which must be all tasks of the queue, and gives them. */
export async function checkInvariants(
  queue: TaskQueue,
  ids: readonly string[],
): Promise<Map<string, TaskRecord>> {
  const records = new Map<string, TaskRecord>();
  for (const id of ids) {
    const record = await queue.inspect(id);
    if (record !== undefined) records.set(id, record);
  }
  const dead = await queue.dead(0, ids.length);
  for (const record of records.values()) checkRecord(record, records);
  await checkCounts(queue, [...records.values()], dead.length);
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
  const times = due === undefined ? 0 : 1;
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

async function checkCounts(
  queue: TaskQueue,
  records: TaskRecord[],
  dying: number,
): Promise<void> {
  const count = (status: string) => records.filter((record) => record.status === status).length;
  const { pending, scheduled, ready, leased, unsettled, dead } = await queue.stats();
  deepStrictEqual(
    { pending, scheduled, ready, leased, unsettled, dead },
    {
      pending: count("pending"),
      ready: count("enqueued"),
      leased: count("processing"),
      scheduled: records.filter(({ due }) => due !== undefined).length,
      unsettled: 0,
      dead: dying,
    },
  );
  ok(records.every(({ losses, failures }) => losses >= 0 && failures >= 0));
}
