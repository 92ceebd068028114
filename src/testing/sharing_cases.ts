/** Cases of the suite: limits, turns, full queues, and calls that join or replace others. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { REPLACED } from "../task_queue.ts";
import { type Case, failureIn, ids, SUITE_START } from "./case.ts";
import { type Driver, RETRY, type TaskSpec } from "./driver.ts";

const keyed = (key: string, ...names: string[]): TaskSpec[] =>
  names.map((id) => ({ id, plan: { key } }));
const plain = (...names: string[]): TaskSpec[] => names.map((id) => ({ id }));
const claim = async (driver: Driver, want: number, limits = {}) =>
  (await driver.exchange({ want, limits })).claims;

/** Limits of the queue and of keys, and whose turn it is. */
export const LIMITS: readonly Case[] = [
  [".exchange() gives no more than may run at the same time", async ({ driver }) => {
    const limits = { concurrency: 2 };
    await driver.enqueue(...plain("a", "b", "c", "d"));
    const [a, b] = await claim(driver, 9, limits);
    deepStrictEqual([a?.id, b?.id], ["a", "b"]);
    deepStrictEqual(await claim(driver, 9, limits), []);
    await driver.end("success", a!);
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["c"]);
    await driver.end("retry", b!);
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["d"]);
    await driver.enqueue(...plain("e"));
    deepStrictEqual(await claim(driver, 9, { concurrency: 1 }), []); // fewer than run already
  }],
  [".exchange() gives no more in any time than the rate allows", async ({ driver, pass }) => {
    const limits = { rate: { count: 2, per: 1_000 } };
    await driver.enqueue(...plain("a", "b", "c", "d", "e"));
    deepStrictEqual(ids(await claim(driver, 1, limits)), ["a"]);
    pass(600);
    const answer = await driver.exchange({ want: 9, limits });
    deepStrictEqual([ids(answer.claims), answer.next], [["b"], 400]);
    pass(400);
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["c"]);
    pass(599);
    deepStrictEqual(await claim(driver, 9, limits), []);
    pass(1);
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["d"]);
  }],
  [".exchange() has keys take turns", async ({ driver }) => {
    await driver.enqueue(...keyed("x", "x1", "x2", "x3", "x4"), ...keyed("y", "y1", "y2"));
    await driver.enqueue(...plain("a", "b"), ...keyed("z", "z1"));
    deepStrictEqual(ids(await driver.claim(5)), ["a", "x1", "y1", "z1", "b"]);
    deepStrictEqual(ids(await driver.claim(9)), ["x2", "y2", "x3", "x4"]);
    strictEqual((await driver.queue.stats()).ready, 0);
  }],
  [".exchange() gives a key that comes later its turn at once", async ({ driver }) => {
    await driver.enqueue(...keyed("x", "x1", "x2", "x3", "x4", "x5"));
    deepStrictEqual(ids(await driver.claim(3)), ["x1", "x2", "x3"]);
    await driver.enqueue(...keyed("y", "y1", "y2"));
    deepStrictEqual(ids(await driver.claim(3)), ["y1", "x4", "y2"]);
  }],
  [".exchange() goes on without turns when no key has a task left", async ({ driver }) => {
    await driver.enqueue(...plain("a", "b", "c", "d"), ...keyed("x", "x1"));
    deepStrictEqual(ids(await driver.claim(4)), ["a", "x1", "b", "c"]);
    deepStrictEqual(ids(await driver.claim(2)), ["d"]);
    await driver.claim(1, "sleeper");
    strictEqual((await driver.queue.stats()).idle, 2);
    await driver.queue.resume();
    strictEqual((await driver.queue.stats()).idle, 2); // there is nothing to give
  }],
  [".exchange() passes over a line that was cancelled as a whole", async ({ driver }) => {
    await driver.enqueue(...keyed("x", "x1"), ...keyed("y", "y1", "y2"), ...plain("a", "b"));
    await driver.cancel("x1");
    deepStrictEqual(ids(await driver.claim(2)), ["a", "y1"]);
    await driver.cancel("b");
    deepStrictEqual(ids(await driver.claim(9)), ["y2"]);
  }],
  [".exchange() keeps to the concurrency of a key", async ({ driver, pass }) => {
    const limits = { perKey: { concurrency: 1 } };
    await driver.enqueue(...keyed("x", "x1", "x2", "x3"), ...keyed("y", "y1"), ...plain("a", "b"));
    const first = await claim(driver, 9, limits);
    deepStrictEqual(ids(first), ["a", "x1", "y1", "b"]);
    deepStrictEqual(await claim(driver, 9, limits), []);
    await driver.end("returned", first[1]!);
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["x1"]);
    pass(15_000); // its lease
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["a", "x1", "y1", "b"]);
    await driver.cancel("x1");
    const [next] = await claim(driver, 9, limits);
    strictEqual(next?.id, "x2");
    await driver.end("retry", next!);
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["x3"]);
  }],
  [
    ".exchange() keeps to the rate of a key, and tells when it may go on",
    async ({ driver, pass }) => {
      const limits = { perKey: { rate: { count: 1, per: 1_000 } } };
      await driver.enqueue(
        ...keyed("x", "x1", "x2"),
        ...keyed("y", "y1", "y2"),
        ...plain("a", "b"),
      );
      deepStrictEqual(ids(await claim(driver, 3, limits)), ["a", "x1", "y1"]);
      pass(400);
      const answer = await driver.exchange({ want: 9, limits });
      deepStrictEqual([ids(answer.claims), answer.next], [["b"], 600]);
      pass(600);
      deepStrictEqual(ids(await claim(driver, 9, limits)), ["x2", "y2"]);
    },
  ],
  [
    ".enqueue() wakes nobody for a key that rests, and forgets its rest with its tasks",
    async (bench) => {
      const { driver, pass } = bench;
      const limits = { perKey: { rate: { count: 1, per: 10_000 } } };
      const next = async () => (await driver.exchange({ want: 1, limits })).next;
      await driver.enqueue(...keyed("x", "x1", "x2"), ...keyed("y", "y1"));
      deepStrictEqual(ids(await claim(driver, 1, limits)), ["x1"]);
      pass(4_000);
      deepStrictEqual(ids(await claim(driver, 1, limits)), ["y1"]);
      strictEqual(await next(), 6_000);
      await driver.enqueue(...keyed("x", "x3"));
      strictEqual((await driver.queue.stats()).idle, 1);
      await driver.enqueue(...keyed("y", "y2"));
      strictEqual((await driver.queue.stats()).idle, 0);
      deepStrictEqual(await claim(driver, 1, limits), []);
      await driver.cancel("x2", "x3");
      strictEqual(await next(), 10_000);
      await driver.cancel("y2");
      strictEqual(await next(), 11_000); // a lease
      await driver.enqueue(...keyed("x", "x4"));
      strictEqual(await next(), 6_000);
    },
  ],
  [".exchange() keeps priorities within a key", async ({ driver }) => {
    await driver.enqueue(...keyed("x", "low"), { id: "high", priority: 5, plan: { key: "x" } });
    await driver.enqueue({ id: "top", priority: 9 });
    deepStrictEqual(ids(await driver.claim(9)), ["top", "high", "low"]);
  }],
  [".exchange() wakes a pool when a key may go on", async ({ driver }) => {
    const limits = { perKey: { concurrency: 1 } };
    await driver.enqueue(...keyed("x", "x1", "x2", "x3"));
    const [x1] = await claim(driver, 1, limits);
    await driver.exchange({ want: 9, limits, pool: "sleeper" });
    const woken = Promise.withResolvers<void>();
    driver.queue.listen({ wake: () => woken.resolve() });
    await driver.end("success", x1!);
    await woken.promise;
    deepStrictEqual(ids(await claim(driver, 1, limits)), ["x2"]);
    await driver.exchange({ want: 9, limits, pool: "sleeper" });
    strictEqual((await driver.queue.stats()).idle, 1);
    await driver.cancel("x2");
    strictEqual((await driver.queue.stats()).idle, 0);
  }],
  [
    ".enqueue() puts a keyed task into its line when its time and results are there",
    async (bench) => {
      const { driver, pass } = bench;
      await driver.enqueue(...keyed("x", "x1"), { id: "a" });
      await driver.enqueue({ id: "late", takes: ["a"], plan: { key: "y", delay: 1_000 } });
      await driver.end("success", ...await driver.claim(2));
      await driver.enqueue(...keyed("x", "x2", "x3"));
      pass(1_000);
      deepStrictEqual(ids(await driver.claim(9)), ["x2", "late", "x3"]);
      strictEqual((await driver.queue.inspect("late"))?.key, "y");
    },
  ],
  [".clear() and .cancel() take keyed tasks out of their lines", async ({ driver }) => {
    await driver.enqueue(...keyed("x", "x1", "x2", "x3"), ...keyed("y", "y1"));
    deepStrictEqual(await driver.cancel("x1", "y1"), ["cancelled", "cancelled"]);
    strictEqual((await driver.queue.stats()).ready, 2);
    strictEqual(await driver.queue.clear(), 2);
    deepStrictEqual(await driver.claim(9), []);
    await driver.enqueue(...keyed("x", "x4"));
    deepStrictEqual(ids(await driver.claim(9)), ["x4"]);
  }],
  [".redrive() puts a keyed task into its line", async ({ driver }) => {
    const limits = { perKey: { concurrency: 1 } };
    await driver.enqueue(...keyed("x", "x1"));
    await driver.end("failed", ...await driver.claim());
    await driver.enqueue(...keyed("x", "x2"));
    await driver.queue.redrive(["x1"]);
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["x2"]);
    strictEqual((await driver.queue.inspect("x1"))?.key, "x");
  }],
  [".redrive() counts a keyed task, which may have to be retried", async ({ driver, pass }) => {
    await driver.enqueue(...keyed("x", "x1"));
    await driver.end("failed", ...await driver.claim());
    await driver.queue.redrive(["x1"]);
    await driver.end("retry", ...await driver.claim());
    pass(RETRY);
    await driver.exchange({});
    await driver.enqueue(...keyed("x", "x2"));
    const limits = { perKey: { concurrency: 1 } };
    deepStrictEqual(ids(await claim(driver, 9, limits)), ["x1"]);
  }],
  [".enqueue() refuses tasks when the queue is full", async ({ driver, pass }) => {
    const call = (id: string) => driver.enqueue({ id, plan: { maxLength: 3 } });
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] }, { id: "c", plan: { delay: 1 } });
    deepStrictEqual(await call("d"), ["full"]);
    strictEqual(await driver.queue.inspect("d"), undefined);
    deepStrictEqual(await driver.enqueue({ id: "others" }), ["enqueued"]);
    pass(1);
    await driver.claim(2);
    const all = ["e", "f", "g"].map((id) => ({ id, plan: { maxLength: 3 } }));
    deepStrictEqual(await driver.enqueue(...all), ["enqueued", "full", "full"]);
  }],
  [
    ".enqueue() counts each task of a call once, for a queue that may be full",
    async ({ driver }) => {
      const last = (id: string) => ({ id, plan: { maxLength: 4 } });
      const batch = [
        { id: "a" },
        { id: "b", takes: ["a"] },
        ...keyed("x", "c"),
        last("d"),
        last("e"),
      ];
      deepStrictEqual(
        await driver.enqueue(...batch),
        ["enqueued", "pending", "enqueued", "enqueued", "full"],
      );
    },
  ],
];

/** Tasks whose outcome comes from elsewhere. */
export const REMOTE: readonly Case[] = [
  [".deliver() ends a task that nobody runs, once", async ({ driver, pass }) => {
    await driver.enqueue({ id: "far", name: "far.away", origin: "@", plan: { remote: true } });
    await driver.enqueue({ id: "a", takes: [{ id: "far", origin: "@" }] });
    deepStrictEqual(await driver.claim(9), []);
    const far = { id: "far", origin: "@" };
    await driver.queue.deliver({ ...far, origin: "other" }, { status: "failed", text: "0" }, 9_000);
    strictEqual(await driver.status("far"), "pending");
    await driver.queue.deliver(far, { status: "success", text: "7" }, 9_000, "far.away");
    await driver.queue.deliver(far, { status: "success", text: "8" }, 9_000, "other");
    strictEqual((await driver.queue.inspect("far"))?.name, "far.away");
    const [a] = await driver.claim(9);
    deepStrictEqual(a?.inputs, [{ status: "success", text: "7" }]);
    await driver.end("success", a!);
    const { pending, unsettled } = await driver.queue.stats();
    deepStrictEqual([pending, unsettled], [0, 0]);
    pass(9_000);
  }],
  [".deliver() tells who waits, wakes a pool, and releases any number of tasks", async (bench) => {
    const { driver } = bench;
    const far = { id: "far", origin: "@" };
    const takers = Array.from({ length: 120 }, (_, i) => ({ id: `t${i}`, takes: [far] }));
    await driver.enqueue({ ...far, plan: { remote: true } }, ...takers);
    strictEqual(await driver.outcome("far", "@"), undefined);
    await driver.claim();
    strictEqual((await driver.queue.stats()).idle, 1);
    const outcome = { status: "success", text: "7" } as const;
    await driver.queue.deliver(far, outcome, 9_000);
    deepStrictEqual(await driver.hear("far"), outcome);
    const { ready, idle, unsettled } = await driver.queue.stats();
    deepStrictEqual([ready, idle, unsettled], [120, 0, 0]);
  }],
  [".deliver() wakes a pool for the only task that takes the outcome", async ({ driver }) => {
    const far = { id: "far", origin: "@" };
    await driver.enqueue({ ...far, plan: { remote: true } }, { id: "a", takes: [far] });
    await driver.claim();
    strictEqual((await driver.queue.stats()).idle, 1);
    await driver.queue.deliver(far, { status: "success", text: "7" }, 9_000);
    strictEqual((await driver.queue.stats()).idle, 0);
  }],
  [".deliver() keeps an outcome for a task that comes later", async ({ driver }) => {
    const far = { id: "far", origin: "@" };
    await driver.queue.deliver(far, { status: "success", text: "7" }, 9_000, "far.away");
    const [seen] = await driver.queue.sights(["far"]);
    deepStrictEqual([seen?.status, seen?.name], ["success", "far.away"]);
    const again = { ...far, plan: { remote: true } };
    deepStrictEqual(await driver.enqueue(again, { id: "a", takes: [far] }), [
      "enqueued",
      "enqueued",
    ]);
    const [a] = await driver.claim(9);
    deepStrictEqual(a?.inputs, [{ status: "success", text: "7" }]);
  }],
  [".deliver() of a failure fails what takes it", async ({ driver }) => {
    const far = { id: "far", origin: "@" };
    await driver.enqueue({ ...far, plan: { remote: true } }, { id: "a", takes: [far] });
    await driver.queue.deliver(far, { status: "expired", text: "{}" }, 0);
    strictEqual(await driver.status("a"), "expired");
    strictEqual((await driver.queue.stats()).unsettled, 0);
  }],
  [".clear() leaves what is above the priorities of users", async ({ driver }) => {
    await driver.enqueue({ id: "a", priority: 255 }, { id: "b", priority: 256 });
    await driver.enqueue({ id: "c", priority: 256, takes: ["a"], onError: "pass" });
    strictEqual(await driver.queue.clear(), 1);
    deepStrictEqual(ids(await driver.claim(9)), ["b", "c"]);
  }],
  [".sibling() is another queue of the same server", async ({ driver }) => {
    await using other = driver.queue.sibling(`${driver.queue.name}-other`);
    strictEqual(other.name, `${driver.queue.name}-other`);
    strictEqual(other.address, `${driver.queue.address}-other`);
    await driver.enqueue({ id: "a" });
    strictEqual((await other.stats()).ready, 0);
  }],
];

/** Calls that join other ones, or take their place. */
export const IDS: readonly Case[] = [
  [".enqueue() joins the task that has the id, as long as it is known", async ({ driver }) => {
    const join = { id: "a", origin: "second", plan: { onDuplicate: "join" as const } };
    await driver.enqueue({ id: "a", origin: "first" });
    const joined = [{ id: "a", origin: "first" }];
    deepStrictEqual(await driver.enqueue(join), joined);
    const [claim] = await driver.claim(2);
    deepStrictEqual(await driver.enqueue(join), joined);
    await driver.end("success", claim!);
    deepStrictEqual(await driver.enqueue(join), joined);
    deepStrictEqual(await driver.claim(), []);
    deepStrictEqual(await driver.enqueue({ ...join, id: "b" }), ["enqueued"]);
  }],
  [".enqueue() replaces the task that has the id", async ({ driver, pass }) => {
    const call = (origin: string) =>
      driver.enqueue({ id: "a", origin, args: `["${origin}"]`, plan: { onDuplicate: "replace" } });
    await call("first");
    strictEqual(await driver.outcome("a", "first"), undefined);
    deepStrictEqual(await call("second"), ["enqueued"]);
    deepStrictEqual(await call("second"), ["enqueued"]); // sent again
    const outcome = await driver.hear("a");
    deepStrictEqual([outcome?.status, failureIn(outcome?.text).text], ["expired", REPLACED]);
    const [running] = await driver.claim(9);
    strictEqual(running?.message, '\x1ft\x1f["second"]');
    deepStrictEqual(await call("third"), ["enqueued"]);
    const renewals = [{ id: "a", fence: running!.fence, lease: 15_000 }];
    deepStrictEqual((await driver.exchange({ renewals })).superseded, ["a"]);
    await driver.end("success", running!);
    pass(15_000);
    strictEqual(await driver.run(), "a");
    strictEqual(await driver.status("a"), "success");
    deepStrictEqual(await call("fourth"), ["enqueued"]);
    strictEqual((await driver.queue.inspect("a"))?.origin, "fourth");
  }],
  [
    ".enqueue() replaces a task with all that it needs, and fails what needs it",
    async ({ driver }) => {
      await driver.enqueue({ id: "n" });
      await driver.enqueue({ id: "a", origin: "first", takes: ["n"], plan: { delay: 9_000 } });
      await driver.enqueue({ id: "b", takes: [{ id: "a", origin: "first" }] });
      const again = { id: "a", origin: "second", plan: { onDuplicate: "replace" as const } };
      deepStrictEqual(await driver.enqueue(again, { id: "c" }), ["enqueued", "enqueued"]);
      strictEqual(await driver.status("b"), "expired");
      const { pending, scheduled, ready, unsettled } = await driver.queue.stats();
      deepStrictEqual([pending, scheduled, ready, unsettled], [0, 0, 3, 0]);
      strictEqual((await driver.queue.inspect("n"))?.refs, 0);
    },
  ],
  [".enqueue() replaces no task whose result another one takes", async ({ driver }) => {
    await driver.enqueue({ id: "a", origin: "first" });
    const takes = [{ id: "a", origin: "first" }];
    await driver.enqueue({ id: "b", takes, onError: "pass" });
    await driver.run();
    const again = { id: "a", origin: "second", plan: { onDuplicate: "replace" as const } };
    deepStrictEqual(await driver.enqueue(again), ["duplicate"]);
    await driver.run();
    deepStrictEqual(await driver.enqueue(again), ["enqueued"]);
  }],
  [".enqueue() throttles: the first call of a time runs", async ({ driver, pass }) => {
    const call = (id: string, name = "w") =>
      driver.enqueue({ id, plan: { window: { name, kind: "throttle", time: 1_000 } } });
    deepStrictEqual(await call("a"), ["enqueued"]);
    strictEqual(await driver.run(), "a");
    pass(999);
    deepStrictEqual(await call("b"), [{ id: "a" }]);
    deepStrictEqual(await call("other", "v"), ["enqueued"]);
    pass(1);
    deepStrictEqual(await call("c"), ["enqueued"]);
    deepStrictEqual(ids(await driver.claim(9)), ["other", "c"]);
  }],
  [".enqueue() debounces: the last call runs when no other has come", async ({ driver, pass }) => {
    const call = (id: string) =>
      driver.enqueue({
        ...{ id, args: `["${id}"]` },
        plan: { window: { name: "w", kind: "debounce", time: 1_000 } },
      });
    deepStrictEqual(await call("a"), ["pending"]);
    pass(900);
    deepStrictEqual(await call("b"), [{ id: "a" }]);
    pass(900);
    deepStrictEqual(await call("c"), [{ id: "a" }]);
    deepStrictEqual(await driver.claim(), []);
    pass(1_000);
    const [claim] = await driver.claim(9);
    deepStrictEqual([claim?.id, claim?.message], ["a", '\x1ft\x1f["c"]']);
    deepStrictEqual(await call("d"), ["pending"]);
    // What waits for its next attempt has run: it is not the one that waits for another call.
    await driver.end("retry", claim!);
    pass(RETRY);
    const last = await driver.claim(9);
    deepStrictEqual(last.map(({ id, message }) => [id, message]), [
      ["a", '\x1ft\x1f["c"]'],
      ["d", '\x1ft\x1f["d"]'],
    ]);
  }],
  [".enqueue() debounces: the last call says until when it may start", async ({ driver, pass }) => {
    const window = { name: "w", kind: "debounce" as const, time: 1_000 };
    const call = (id: string, rest = {}) => driver.enqueue({ id, plan: { window }, ...rest });
    await call("a", { expiresAt: SUITE_START + 2_000 });
    await call("b");
    pass(2_000);
    deepStrictEqual(ids(await driver.claim(9)), ["a"]);
    await call("c");
    await call("d", { expiresAt: SUITE_START + 4_000 });
    pass(2_000);
    deepStrictEqual(await driver.claim(9), []);
    strictEqual(await driver.status("c"), "expired");
  }],
];
