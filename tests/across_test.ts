/** Results of one queue as arguments on another. */
import { deepStrictEqual, match, rejects, strictEqual } from "node:assert/strict";
import { type Broker, getBroker, getQueue, InlineWorkerPool, TaskExpired } from "@worq/worq";
import { testOnAll } from "./support/backends.ts";

const WAIT = { timeout: 10_000 };

const tasks = {
  one: () => 1,
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
  fail(): number {
    throw new RangeError("too much");
  },
};
type Tasks = typeof tasks;

/** Two queues of one server. */
function pair(url: string, name: string): [Broker, Broker] {
  return [getBroker(url, `${name}-a`).expose(tasks), getBroker(url, `${name}-b`).expose(tasks)];
}

testOnAll("a result goes to tasks of another queue, whichever is first", async (url, name) => {
  const [a, b] = pair(url, name);
  await using _a = a;
  await using _b = b;
  const [qa, qb] = [a.queue<Tasks>(), b.queue<Tasks>()];
  const one = await qa.one();
  const early = await qb.add([one, one, 5]);
  strictEqual(await early.status(), "pending");
  const both = await qb.add([early, qa.add([one]), 1]);
  await using _pa = new InlineWorkerPool(a).start();
  await using _pb = new InlineWorkerPool(b).start();
  strictEqual(await early.result(WAIT), 7);
  strictEqual(await both.result(WAIT), 9);
  // It is over by now, and needs no pool to be brought.
  strictEqual(await (await qb.add([one, 2])).result(WAIT), 3);
  // And back again.
  strictEqual(await (await qa.add([early, both])).result(WAIT), 16);
});

testOnAll("a failure reaches tasks of another queue, and says where it was", async (url, name) => {
  const [a, b] = pair(url, name);
  await using _a = a;
  await using _b = b;
  await using _pa = new InlineWorkerPool(a).start();
  const sum = await b.queue<Tasks>().add([a.queue<Tasks>().fail()]);
  await rejects(sum.result(WAIT), (error: Error) => {
    match(
      error.message,
      /^add \[.*-b:.*\] cannot run, since an argument failed: fail \[.*-a:.*\] /,
    );
    match(error.message, /RangeError: too much$/);
    return true;
  });
  await a.discard();
});

testOnAll("a result that is cleared or cancelled ends who waits elsewhere", async (url, name) => {
  const [a, b] = pair(url, name);
  await using _a = a;
  await using _b = b;
  const [qa, qb] = [a.queue<Tasks>(), b.queue<Tasks>()];
  const cleared = await qb.add([qa.one()]);
  strictEqual(await a.clear(), 1);
  const one = await qa.one();
  const cancelled = await qb.add([one]);
  await one.cancel();
  await using _pa = new InlineWorkerPool(a).start();
  for (const sum of [cleared, cancelled]) {
    await rejects(sum.result(WAIT), (error: Error) => error.cause instanceof TaskExpired);
  }
});

testOnAll("nothing is left when a result has been brought", async (url, name) => {
  const [a, b] = pair(url, name);
  await using _a = a;
  await using _b = b;
  const sum = await b.queue<Tasks>({ resultTimeout: 0 }).add([a.queue<Tasks>().one()]);
  const result = sum.result(WAIT);
  await using pa = new InlineWorkerPool(a).start();
  await using pb = new InlineWorkerPool(b).start();
  strictEqual(await result, 1);
  await Promise.all([pa.stop(), pb.stop()]);
  for (const { taskQueue } of [a, b]) {
    const { pending, ready, leased, dead } = await taskQueue.stats();
    deepStrictEqual([pending, ready, leased, dead], [0, 0, 0, 0]);
  }
});

Deno.test("a result of another server is refused", async () => {
  await using one = getQueue<Tasks>("memory://here");
  await using other = getQueue<Tasks>("memory://there");
  await rejects(other.add([one.one()]), {
    name: "TypeError",
    message:
      /argument one .* is on memory:\/\/here\/#default, and a result goes to tasks of the same/,
  });
  await one.clear();
});
