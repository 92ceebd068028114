/** When a task runs, how often, and what is left of it when it fails: as users ask for it. */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  type Broker,
  currentTask,
  getBroker,
  InlineWorkerPool,
  NonRetryable,
  task,
  TaskExpired,
  type TaskOptions,
  TaskSpace,
} from "@worq/worq";
import { testOnAll } from "./support/backends.ts";
import { testWorkers } from "./support/worker_pools.ts";

const WAIT = { timeout: 10_000 };
const SOON = { backoff: { delay: 1, jitter: 1 } };

class Flaky extends Error {}
class VeryFlaky extends Flaky {}

/** Tasks that fail a number of times, and count. */
function failing() {
  const runs: number[] = [];
  const tasks = {
    fail(times: number, what: string): number {
      const { attempt } = currentTask();
      runs.push(attempt);
      if (attempt > times) return attempt;
      switch (what) {
        case "flaky":
          throw new VeryFlaky("try again");
        case "final":
          throw new NonRetryable("never again");
        default:
          throw new RangeError(what);
      }
    },
  };
  return { tasks, runs };
}

testOnAll("a task that fails runs again, as often as it may", async (url, name) => {
  const { tasks, runs } = failing();
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();
  const fail = task(broker.queue<typeof tasks>().fail, { retries: 2, ...SOON });
  strictEqual(await (await fail(2, "bad")).result(WAIT), 3);
  deepStrictEqual(runs.splice(0), [1, 2, 3]);
  await rejects((await fail(9, "bad")).result(WAIT), /TaskFailure: .* RangeError: bad$/);
  deepStrictEqual(runs, [1, 2, 3]);
  await broker.discard();
});

testOnAll("retryOn says after which errors, and NonRetryable ends it", async (url, name) => {
  const { tasks, runs } = failing();
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();
  const tryFor = async (retryOn: string[] | undefined, what: string) => {
    const options: TaskOptions = { retries: 1, ...SOON, ...(retryOn ? { retryOn } : {}) };
    const deferred = await task(broker.queue<typeof tasks>().fail, options)(9, what);
    await rejects(deferred.result(WAIT));
    return runs.splice(0).length;
  };
  strictEqual(await tryFor(["Flaky"], "flaky"), 2);
  strictEqual(await tryFor(["VeryFlaky", "TypeError"], "flaky"), 2);
  strictEqual(await tryFor(["TypeError"], "flaky"), 1);
  strictEqual(await tryFor(["Error"], "bad"), 2);
  strictEqual(await tryFor([], "bad"), 1);
  strictEqual(await tryFor(undefined, "final"), 1);
  strictEqual(await tryFor(["NonRetryable"], "final"), 1);
  await broker.discard();
});

testOnAll("what waits for a task that is retried gets the result in the end", async (url, name) => {
  const { tasks } = failing();
  const all = { ...tasks, double: (x: number) => 2 * x };
  await using broker = getBroker(url, name).expose(all);
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue<typeof all>();
  const flaky = task(q.fail, { retries: 1, ...SOON });
  strictEqual(await (await q.double(flaky(1, "bad"))).result(WAIT), 4);
});

testOnAll("a definition says how to retry, unless the caller does", async (url, name) => {
  const { tasks, runs } = failing();
  const pauses: [number, string][] = [];
  const space = new TaskSpace("space", tasks, {
    fail: {
      retries: 3,
      backoff: (failures, error) => pauses.push([failures, (error as Error).message]) && 1,
      retryOn: (error) => !(error instanceof TypeError) && !String(error).includes("wrong"),
    },
  });
  await using broker = getBroker(url, name).expose(space);
  await using _pool = new InlineWorkerPool(broker).start();
  const { fail } = broker.queue<typeof space>().space;
  strictEqual(await (await fail(2, "bad")).result(WAIT), 3);
  deepStrictEqual(pauses, [[1, "bad"], [2, "bad"]]);
  await rejects((await fail(2, "wrong")).result(WAIT), /RangeError: wrong/);
  runs.length = 0;
  await rejects((await task(fail, { retries: 0 })(2, "bad")).result(WAIT), /RangeError: bad/);
  await rejects((await task(fail, { retryOn: ["TypeError"] })(2, "bad")).result(WAIT));
  deepStrictEqual(runs, [1, 1]);
  await broker.discard();
});

testOnAll("rules that themselves fail end the task, with both reasons", async (url, name) => {
  const { tasks } = failing();
  const space = new TaskSpace("space", tasks, { fail: { retries: 3, backoff: () => NaN } });
  await using broker = getBroker(url, name).expose(space);
  await using _pool = new InlineWorkerPool(broker).start();
  const failed = await broker.queue<typeof space>().space.fail(2, "bad");
  await rejects(failed.result(WAIT), (error: Error) => {
    match(error.message, /Cannot tell whether to retry: backoff must give milliseconds.* NaN$/);
    strictEqual(((error.cause as Error).cause as Error).message, "bad");
    return true;
  });
  await broker.discard();
});

testWorkers("a task that fails runs again, in a worker, too", async ({ broker, q, start }) => {
  start({ concurrency: 2 });
  const fail = task(q.fail, { retries: 2, ...SOON });
  const failed = await fail("bad");
  strictEqual(await (await q.double(4)).result(WAIT), 8);
  await rejects(failed.result(WAIT), /RangeError: bad/);
  const [dead] = await broker.dead();
  deepStrictEqual(dead?.attempts.map(({ kind, text }) => [kind, text]), [
    ["failed", "RangeError: bad"],
    ["failed", "RangeError: bad"],
    ["failed", "RangeError: bad"],
  ]);
  await broker.discard();
});

testWorkers("a task over its taskTimeout is retried", async ({ broker, q, start }) => {
  start({ taskTimeout: 100 });
  const options = { retries: 1, retryOn: ["TimeoutError"], ...SOON };
  await rejects((await task(q.obey, options)("throw")).result(WAIT), /took longer than the/);
  strictEqual((await broker.dead())[0]?.attempts.length, 2);
  await broker.discard();
});

testOnAll("a delay and a runAt hold a task back, priority puts it first", async (url, name) => {
  const order: string[] = [];
  const tasks = { mark: (text: string) => void order.push(text) };
  await using broker = getBroker(url, name).expose(tasks);
  const { mark } = broker.queue<typeof tasks>();
  const calls = [
    await task(mark, { delay: 150 })("delayed"),
    await task(mark, { runAt: new Date(Date.now() + 80) })("later"),
    await mark("first"),
    await task(mark, { priority: 9 })("urgent"),
  ];
  strictEqual(await calls[0]!.status(), "pending");
  const begin = performance.now();
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();
  for (const call of calls) await call.result(WAIT);
  ok(performance.now() - begin < 4_000, "nobody slept for long");
  deepStrictEqual(order, ["urgent", "first", "later", "delayed"]);
});

testOnAll("a pool that sleeps hears of a time that comes sooner", async (url, name) => {
  await using broker = getBroker(url, name).expose({ now: () => Date.now() });
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue<{ now(): number }>();
  await (await q.now()).result(WAIT);
  const called = Date.now();
  const ran = await (await task(q.now, { delay: 100 })()).result(WAIT);
  // The server's clock counts, which need not be this one's.
  ok(ran - called >= 90 && ran - called < 3_000, `ran after ${ran - called} ms`);
});

testOnAll("what is not started in time expires, without a pool, too", async (url, name) => {
  await using broker = getBroker(url, name);
  const q = broker.queue();
  const late = await task(q.anything, { expiresAt: new Date(Date.now() - 1) })();
  await rejects(late.result(WAIT), TaskExpired);
  await rejects(late.result(WAIT), /task expired: it was not started in time/);
});

testOnAll("tasks that failed for good are kept, and can be redriven", async (url, name) => {
  let broken = true;
  const tasks = {
    one: () => 1,
    pay(amount: number, _note: string): number {
      if (broken) throw new RangeError("no money");
      return amount;
    },
  };
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue<typeof tasks>();
  const one = task(q.one, { resultTimeout: 0 })();
  const paid = await q.pay(one, "a");
  const other = await q.pay(2, "b");
  await rejects(paid.result(WAIT), /no money/);
  await rejects(other.result(WAIT), /no money/);
  const letters = await broker.dead();
  deepStrictEqual(letters.map(({ id }) => id).sort(), [paid.id, other.id].sort());
  const letter = letters.find(({ id }) => id === paid.id)!;
  deepStrictEqual([letter.name, letter.error.errorText], ["pay", "RangeError: no money"]);
  strictEqual((letter.error.cause as Error).name, "RangeError");
  ok(letter.ended instanceof Date && letter.attempts[0]!.started <= letter.ended);
  strictEqual((await broker.dead({ limit: 1, from: 1 })).length, 1);
  await rejects(broker.dead({ limit: 0 }), /limit must be a whole number, 1 or more, received 0/);

  broken = false;
  strictEqual(await broker.redrive([paid.id, "nobody"]), 1);
  strictEqual(await outcomeOf(broker, paid.id), 1);
  strictEqual(await broker.redrive(), 1);
  strictEqual(await outcomeOf(broker, other.id), 2);
  deepStrictEqual(await broker.dead(), []);
});

/** The value of a task, whoever called it. */
async function outcomeOf(broker: Broker, id: string): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const unlisten = broker.taskQueue.listen({ outcome: (one) => one === id && resolve() });
  const [outcome] = await broker.taskQueue.wait([{ id }]);
  if (outcome === undefined) await promise;
  unlisten();
  return JSON.parse((outcome ?? (await broker.taskQueue.wait([{ id }]))[0])!.text);
}

Deno.test("options of delivery that cannot be are refused", async () => {
  await using broker = getBroker("memory://delivery-mistakes");
  const { anything } = broker.queue();
  const wrong: [object, RegExp][] = [
    [{ retries: -1 }, /retries must be a whole number, 0 or more, received -1/],
    [{ retries: 1.5 }, /received 1.5/],
    [{ priority: 256 }, /priority must be a whole number, 0 to 255, received 256/],
    [{ delay: -5 }, /delay must be milliseconds, 0 or more, received -5/],
    [{ delay: "5s" }, /delay must be milliseconds, 0 or more, received 5s/],
    [{ runAt: new Date(NaN) }, /runAt must be a valid Date or milliseconds .* Invalid Date/],
    [{ expiresAt: "tomorrow" }, /expiresAt must be a valid Date .* received tomorrow/],
    [{ backoff: -1 }, /backoff must be milliseconds/],
    [{ backoff: "1s" }, /backoff must be milliseconds or an object, not 1s/],
    [{ backoff: { jitter: 2 } }, /backoff.jitter must be 0 to 1, received 2/],
    [{ backoff: { factor: 0 } }, /backoff.factor must be 1 to 1000, received 0/],
    [{ backoff: { base: 1 } }, /unknown backoff.base, expected delay, factor, max, jitter/],
    [{ backoff: () => 1 }, /a function does not travel with a call; give it to the task's def/],
    [{ retryOn: () => true }, /a function does not travel with a call/],
    [{ retryOn: [TypeError] }, /retryOn must be names of errors/],
    [{ deadTimeout: -1 }, /deadTimeout must be milliseconds/],
  ];
  for (const [options, message] of wrong) throws(() => task(anything, options), { message });
  throws(() => broker.queue({ delay: 5 } as object), /option "delay" is for single tasks/);
});
