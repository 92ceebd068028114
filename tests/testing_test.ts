/** The kit for tests of users. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import {
  currentTask,
  type Deferred,
  getQueue,
  QueueUnavailable,
  task,
  TaskExpired,
  TaskSpace,
} from "@worq/worq";
import { testQueue } from "@worq/worq/testing";
import { BACKENDS, testOn } from "./support/backends.ts";
import { freePort } from "./support/redis_server.ts";

const HOUR = 3_600_000;
const START = Date.UTC(2030, 0, 1);

/** The same test with a kit on every backend. */
function testKits(
  name: string,
  body: (url: string | undefined, options: { now: number }) => Promise<void>,
): void {
  for (const { name: backend, url } of BACKENDS) {
    const own = backend === "memory" ? `memory://kit-${crypto.randomUUID()}` : url;
    testOn(own, `${name} [${backend}]`, () => body(own, { now: START }));
  }
}

testKits("drain() runs what can run, and what that makes possible", async (url, options) => {
  const ran: string[] = [];
  const tasks = new TaskSpace("tasks", {
    num: (text: string) => {
      ran.push(text);
      return Number(text);
    },
    add: (values: number[]) => values.reduce((a, b) => a + b, 0),
  });
  await using kit = await testQueue(url!, { tasks, ...options });
  strictEqual(await kit.drain(), 0);
  const sum = await kit.q.tasks.add(["1", "2", "3"].map((text) => kit.q.tasks.num(text)));
  strictEqual(await sum.status(), "pending");
  strictEqual(await kit.drain(), 4);
  strictEqual(await sum.result({ timeout: 5_000 }), 6);
  deepStrictEqual(ran, ["1", "2", "3"]);
});

testKits("advance() runs what becomes due, each at its very time", async (url, options) => {
  const ran: [string, number][] = [];
  await using kit = await testQueue(url!, {
    tasks: { mark: (name: string) => void ran.push([name, kit.now.getTime() - START]) },
    ...options,
  });
  const { mark } = kit.q;
  await task(mark, { delay: 2 * HOUR })("two");
  await task(mark, { runAt: START + HOUR })("one");
  await task(mark, { delay: 3 * HOUR, expiresAt: START + 2.5 * HOUR })("never");
  await mark("now");
  strictEqual(await kit.advance(HOUR - 1), 1);
  strictEqual(await kit.advance(1), 1);
  strictEqual(await kit.advance(10 * HOUR), 1);
  deepStrictEqual(ran, [["now", 0], ["one", HOUR], ["two", 2 * HOUR]]);
  strictEqual(kit.now.getTime(), START + 11 * HOUR);
  await rejects(kit.advance(Infinity), /milliseconds must be at most/);
  await rejects(kit.advance(-1), /Cannot advance: milliseconds must be milliseconds, 0 or more/);
});

testKits("retries run at their time, as definitions say", async (url, options) => {
  const times: number[] = [];
  const flaky = () => {
    times.push(kit.now.getTime() - START);
    if (currentTask().attempt < 4) throw new RangeError(`attempt ${currentTask().attempt}`);
    return currentTask().attempt;
  };
  const tasks = new TaskSpace("tasks", { flaky }, {
    flaky: { retries: 3, backoff: { delay: 1_000, factor: 10, jitter: 0 } },
  });
  await using kit = await testQueue(url!, { tasks, ...options });
  const call = await kit.q.tasks.flaky();
  strictEqual(await kit.drain(), 1);
  const [waiting] = await kit.waiting();
  deepStrictEqual([waiting?.failures, waiting?.runAt?.getTime()], [1, START + 1_000]);
  strictEqual(await kit.advance(HOUR), 3);
  strictEqual(await call.result({ timeout: 5_000 }), 4);
  deepStrictEqual(times, [0, 1_000, 11_000, 111_000]);
  deepStrictEqual(kit.failures.map(({ errorText }) => errorText), [
    "RangeError: attempt 1",
    "RangeError: attempt 2",
    "RangeError: attempt 3",
  ]);
});

testKits(
  "assertEnqueued() finds tasks that wait, and lists them otherwise",
  async (url, options) => {
    const tasks = new TaskSpace("shop", {
      price: (_item: string) => 7,
      pay: (price: number, _note: { at: Date; tags: Set<string> }) => price,
    });
    await using kit = await testQueue(url!, { tasks, ...options });
    const { price, pay } = kit.q.shop;
    const note = { at: new Date(0), tags: new Set(["a"]) };
    await rejects(
      kit.assertEnqueued("shop.pay"),
      /Expected a waiting task shop\.pay, .* nothing waits/,
    );
    const book = await price("book");
    await pay(book, note);
    await task(pay, { delay: HOUR, priority: 3, id: "later" })(5, note);
    strictEqual((await kit.assertEnqueued("shop.pay"))[0]!.status, "pending");
    await kit.assertEnqueued("shop.pay", [book, { at: new Date(0), tags: new Set(["a"]) }]);
    await kit.assertEnqueued("shop.pay", [Promise.resolve(book), note]);
    await kit.assertEnqueued("shop.pay", [5, note], { delay: HOUR, priority: 3, id: "later" });
    await kit.assertEnqueued("shop.pay", [5, note], { runAt: new Date(START + HOUR), count: 1 });
    await kit.assertEnqueued("shop.pay", (price: unknown) => price === 5, { count: 1 });
    await kit.assertEnqueued("shop.pay", undefined, { count: 2 });
    await kit.assertEnqueued("shop.price", ["pen"], { count: 0 });
    const wrong = [
      kit.assertEnqueued("shop.pay", [6, note]),
      kit.assertEnqueued("shop.pay", [5, note, undefined]),
      kit.assertEnqueued("shop.pay", [5, note], { delay: HOUR - 1 }),
      kit.assertEnqueued("shop.pay", [5, note], { runAt: START }),
      kit.assertEnqueued("shop.pay", [5, note], { priority: 0 }),
      kit.assertEnqueued("shop.pay", [5, note], { id: "sooner" }),
      kit.assertEnqueued("shop.pay", () => false),
      kit.assertEnqueued("shop.pay", undefined, { count: 3 }),
      kit.assertEnqueued("shop"),
    ];
    const errors = await Promise.all(
      wrong.map((one) => one.then(() => undefined, (error: Error) => error)),
    );
    ok(errors.every((error) => error?.name === "AssertionError"));
    const [first, , third] = errors;
    match(
      first!.message,
      /^Expected a waiting task shop\.pay\(6, \{.*\}\), found 0; what waits:\n {2}shop\.price\('book'\) {2}enqueued\n {2}shop\.pay\(\{ resultOf: '.*' \}, .*\) {2}pending\n {2}shop\.pay\(5, .*\) {2}pending, due in 3600000 ms \(2030-01-01T01:00:00\.000Z\), priority 3$/,
    );
    match(third!.message, / with \{ delay: 3599999 \}, found 0; /);
    strictEqual(await kit.drain(), 2);
    await kit.assertEnqueued("shop.price", undefined, { count: 0 });
    await kit.broker.clear();
    await kit.assertEnqueued("shop.pay", undefined, { count: 0 });
  },
);

testKits("tasks may call tasks and wait for them", async (url, options) => {
  const space = {
    fib: async (n: number): Promise<number> => {
      if (n < 2) return n;
      const parts = [await kit.q.fib(n - 1), await kit.q.fib(n - 2)] as Deferred<number>[];
      const [a, b] = await Promise.all(parts.map((part) => part.result({ timeout: 20_000 })));
      return a! + b!;
    },
  };
  await using kit = await testQueue(url!, { tasks: space, ...options });
  const fib = await kit.q.fib(6) as Deferred<number>;
  await kit.drain();
  strictEqual(await fib.result({ timeout: 5_000 }), 8);
});

testKits("what fails for good is dead, and told", async (url, options) => {
  await using kit = await testQueue(url!, { tasks: { one: () => 1 }, ...options });
  const none = await (kit.broker.queue().none as () => Promise<Deferred<void>>)();
  strictEqual(await kit.drain(), 1);
  await rejects(none.result({ timeout: 5_000 }), /none .* no such task$/);
  strictEqual(kit.failures.length, 1);
  strictEqual((await kit.broker.dead()).length, 1);
  const one = await task(kit.q.one, { expiresAt: START + 1 })();
  await kit.broker.pause();
  strictEqual(await kit.advance(2), 0);
  await rejects(one.result({ timeout: 5_000 }), TaskExpired);
});

testKits("other handles of the queue have the same time", async (url, options) => {
  await using kit = await testQueue(url!, { tasks: { one: () => 1 }, ...options });
  await using q = getQueue<{ one(): number }>(kit.url, { name: kit.name, clock: kit.clock });
  const one = await task(q.one, { delay: HOUR })();
  strictEqual(await kit.drain(), 0);
  strictEqual(await kit.advance(HOUR), 1);
  strictEqual(await one.result({ timeout: 5_000 }), 1);
});

Deno.test("a kit is driven by one at a time, and has a queue of its own", async () => {
  const tasks = { drain: (): Promise<number> => kit.drain() };
  await using kit = await testQueue({ tasks, init: (broker) => broker.expose({ two: () => 2 }) });
  await using other = await testQueue({
    tasks: [new TaskSpace("a", { two: () => 2 }), new TaskSpace("b", { three: () => 3 })],
  });
  ok(Math.abs(kit.now.getTime() - Date.now()) < 60_000);
  deepStrictEqual(kit.broker.tasks, ["drain", "two"]);
  await kit.q.drain();
  const three = await other.q.b.three();
  const first = kit.drain();
  await rejects(kit.advance(1), /drain\(\) or advance\(\) is under way; await it first/);
  strictEqual(await first, 1);
  match(kit.failures[0]!.errorText, /Cannot drive the queue: drain\(\) or advance\(\) is under/);
  strictEqual(await other.drain(), 1);
  strictEqual(await three.result(), 3);
  await rejects(testQueue({ concurrency: 0 }), /concurrency must be a whole number, 1 or more/);
  await rejects(testQueue({ now: new Date(NaN) }), /now must be milliseconds, 0 or more/);
  const nowhere = `redis://127.0.0.1:${await freePort()}/0`;
  await rejects(testQueue(nowhere, { retryFor: 0 }), QueueUnavailable);
});
