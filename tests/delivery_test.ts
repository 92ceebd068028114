/** When a task runs, how often, and what is left of it when it fails: as users ask for it. */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  type Broker,
  currentTask,
  getBroker,
  getQueue,
  InlineWorkerPool,
  NonRetryable,
  QueueFull,
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
  const times = new Map<string, number>();
  const tasks = {
    mark(text: string): void {
      order.push(text);
      times.set(text, Date.now());
    },
  };
  await using broker = getBroker(url, name).expose(tasks);
  const { mark } = broker.queue<typeof tasks>();
  await broker.size(); // connects
  const called = Date.now();
  const calls = [
    await task(mark, { delay: 700 })("delayed"),
    await task(mark, { runAt: new Date(called + 600) })("later"),
    await mark("first"),
    await task(mark, { priority: 9 })("urgent"),
  ];
  strictEqual(await calls[0]!.status(), "pending");
  const begin = performance.now();
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();
  for (const call of calls) await call.result(WAIT);
  ok(performance.now() - begin < 4_000, "nobody slept for long");
  deepStrictEqual(order.slice(0, 2), ["urgent", "first"]);
  ok(times.get("later")! >= called + 600 && times.get("delayed")! >= called + 700, `${[...times]}`);
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

/** Tasks that tell who runs together. */
function crowd() {
  const now = new Map<string, number>();
  const most = new Map<string, number>();
  const order: string[] = [];
  const tasks = {
    async work(tenant: string, _n: number): Promise<void> {
      order.push(tenant);
      for (const name of [tenant, "all"]) {
        const count = (now.get(name) ?? 0) + 1;
        now.set(name, count);
        most.set(name, Math.max(count, most.get(name) ?? 0));
      }
      await new Promise((resolve) => setTimeout(resolve, 2));
      for (const name of [tenant, "all"]) now.set(name, now.get(name)! - 1);
    },
  };
  return { tasks, most, order };
}

testOnAll("limits hold over all pools, and keys take turns", async (url, name) => {
  const { tasks, most, order } = crowd();
  const limits = { concurrency: 5, perKey: { concurrency: 2 } };
  await using one = getBroker(url, name, { limits }).expose(tasks);
  await using two = getBroker(url, name, { limits }).expose(tasks);
  const work = task(one.queue<typeof tasks>().work, { key: (tenant) => `${tenant}` });
  const calls = [];
  for (const [tenant, count] of [["big", 60], ["small", 4], ["other", 4]] as const) {
    for (let i = 0; i < count; i++) calls.push(work(tenant, i));
  }
  const all = await Promise.all(calls);
  await using _pool = new InlineWorkerPool(one, { concurrency: 20 }).start();
  await using _other = new InlineWorkerPool(two, { concurrency: 20 }).start();
  for (const call of all) await call.result(WAIT);
  deepStrictEqual(["big", "small", "other"].map((tenant) => most.get(tenant)), [2, 2, 2]);
  ok(most.get("all")! <= 5, `${most.get("all")} at once`);
  ok(order.lastIndexOf("small") < 20, `small waited behind big: ${order}`);
});

testOnAll("a rate limits how many start in any time", async (url, name) => {
  const starts: number[] = [];
  const limits = { rate: { count: 3, per: 200 } };
  await using broker = getBroker(url, name, { limits });
  broker.expose({ start: () => void starts.push(performance.now()) });
  const q = broker.queue<{ start(): void }>();
  const calls = await Promise.all(Array.from({ length: 8 }, () => q.start()));
  await using _pool = new InlineWorkerPool(broker).start();
  for (const call of calls) await call.result(WAIT);
  // What the queue lets start begins here a little later.
  starts.slice(3).forEach((start, i) => ok(start - starts[i]! > 150, `${starts}`));
  ok(starts.at(-1)! - starts[0]! < 4_000, "and the pool comes back in time");
});

testOnAll("a full queue rejects a call, or has it wait", async (url, name) => {
  await using broker = getBroker(url, name).expose({ same: (n: number) => n });
  const { same } = broker.queue<{ same(n: number): number }>({ maxLength: 2 });
  const first = await Promise.all([same(1), same(2)]);
  await rejects(same(3), (error: Error) => {
    ok(error instanceof QueueFull);
    match(error.message, /^Cannot call same: queue ".*" is full, 2 tasks or more wait in it; call/);
    return true;
  });
  const patient = task(same, { whenFull: "wait" })(4);
  await using _pool = new InlineWorkerPool(broker).start();
  strictEqual(await (await patient).result(WAIT), 4);
  for (const call of first) await call.result(WAIT);
});

testOnAll("a queue that is closed lets nobody wait for room", async (url, name) => {
  await using broker = getBroker(url, name);
  const q = getQueue(url, { name, maxLength: 1, whenFull: "wait" });
  await q.one();
  const two = q.two();
  two.catch(() => {});
  await q.size();
  await q[Symbol.asyncDispose]();
  await rejects(two, QueueFull);
  strictEqual(await broker.clear(), 1);
});

testOnAll("onDuplicate joins the task with the id, or replaces it", async (url, name) => {
  let runs = 0;
  const tasks = { count: (_who: string) => ++runs, next: (n: number) => n + 1 };
  await using broker = getBroker(url, name).expose(tasks);
  const q = broker.queue<typeof tasks>();
  const join = task(q.count, { id: "same", onDuplicate: "join" });
  const calls = await Promise.all([join("a"), join("b"), q.next(join("c"))]);
  const pool = new InlineWorkerPool(broker).start();
  deepStrictEqual(await Promise.all(calls.map((call) => call.result(WAIT))), [1, 1, 2]);
  strictEqual(await (await join("later")).result(WAIT), 1);
  await pool.stop();

  const replace = task(q.count, { id: "same", onDuplicate: "replace" });
  const old = await replace("d");
  const young = await replace("e");
  await rejects(old.result(WAIT), TaskExpired);
  await using _pool = new InlineWorkerPool(broker).start();
  strictEqual(await young.result(WAIT), 2);
});

testOnAll("throttle runs the first call of a time, debounce the last", async (url, name) => {
  const seen: string[] = [];
  const tasks = { see: (text: string) => (seen.push(text), text) };
  await using broker = getBroker(url, name).expose(tasks);
  const { see } = broker.queue<typeof tasks>();
  const first = task(see, { throttle: 60_000, id: "first" });
  const last = task(see, { debounce: 100 });
  const calls = [];
  for (const text of ["a", "b", "c"]) {
    calls.push(await first(`first ${text}`), await last(`last ${text}`));
  }
  strictEqual(new Set(calls.map(({ id }) => id)).size, 2);
  await using _pool = new InlineWorkerPool(broker).start();
  for (const call of calls) await call.result(WAIT);
  deepStrictEqual(seen, ["first a", "last c"]);
  await rejects(last(see("x") as unknown as string), /debounce takes values only/);
  strictEqual(await (await task(see, { throttle: 60_000, id: "other" })("d")).result(WAIT), "d");
});

Deno.test("options of sharing that cannot be are refused", async () => {
  await using broker = getBroker("memory://sharing-mistakes");
  const { anything } = broker.queue();
  const wrong: [object, RegExp][] = [
    [{ maxLength: 0 }, /maxLength must be a whole number, 1 or more, received 0/],
    [{ whenFull: "block" }, /whenFull must be "reject" or "wait", received "block"/],
    [{ id: "a", onDuplicate: "skip" }, /onDuplicate must be "fail" or "join" or "replace"/],
    [{ onDuplicate: "join" }, /onDuplicate needs an id/],
    [{ id: "a", onDuplicate: "join", throttle: 1 }, /onDuplicate needs an id, and none that/],
    [{ throttle: 1, debounce: 1 }, /throttle and debounce exclude each other/],
    [{ throttle: -1 }, /throttle must be milliseconds/],
    [{ key: 7 }, /key must be a string or a function, received number/],
  ];
  for (const [options, message] of wrong) throws(() => task(anything, options), { message });
  await rejects(task(anything, { key: () => "" })(), /the key must be 1 to 512 characters/);
  await rejects(
    task(anything, { id: () => undefined as unknown as string })(),
    /id must be 1 to 512 characters/,
  );
  const limits: [object, RegExp][] = [
    [{ concurrency: 0 }, /limits.concurrency must be a whole number, 1 or more/],
    [{ perkey: {} }, /unknown limits.perkey, expected one of concurrency, rate, perKey/],
    [{ perKey: { rate: { count: 1 } } }, /limits.perKey.rate.per must be a whole number/],
    [{ rate: { count: 1e6, per: 1 } }, /limits.rate.count must be at most 10000, received 1000000/],
  ];
  for (const [wrong, message] of limits) {
    throws(() => getBroker("memory://", "x", { limits: wrong }), { message });
  }
});

testOnAll("the queues of a pool have their turns in order, or by weight", async (url, name) => {
  const order: string[] = [];
  const names = [`${name}-a`, `${name}-b`];
  await using stack = new AsyncDisposableStack();
  const brokers = names.map((queue, i) =>
    stack.use(getBroker(url, queue)).expose({ mark: () => void order.push("ab"[i]!) })
  );
  const run = async (weights?: number[]) => {
    order.length = 0;
    const calls = await Promise.all(brokers.flatMap((broker) => {
      const q = broker.queue<{ mark(): void }>();
      return Array.from({ length: 40 }, () => q.mark());
    }));
    const options = { concurrency: 1, ...(weights && { weights }) };
    await using _pool = new InlineWorkerPool(brokers, options).start();
    for (const call of calls) await call.result(WAIT);
    return order.slice(0, 40).filter((queue) => queue === "a").length;
  };
  strictEqual(await run(), 40);
  const shares = [await run([3, 1]), await run([1, 3]), await run([1, 1])];
  // A pool that starts has asked only one of them.
  [30, 10, 20].forEach((share, i) => ok(Math.abs(shares[i]! - share) <= 2, `${shares}`));
});

Deno.test("weights that cannot be are refused", async () => {
  await using broker = getBroker("memory://weights");
  throws(
    () => new InlineWorkerPool(broker, { weights: [0] }),
    /weights\[0\] must be a whole number/,
  );
  throws(
    () => new InlineWorkerPool(broker, { weights: [1, 2] }),
    /weights must be as many as queues/,
  );
});
