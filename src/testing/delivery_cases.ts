/** Cases of the suite: when a task runs, how often, and what is left of it when it fails. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { BAND, GONE, LATE, MAX_ATTEMPT_TEXT, MAX_ATTEMPTS } from "../task_queue.ts";
import { type Case, failureIn, ids, SUITE_START } from "./case.ts";
import { type Driver, RETRY } from "./driver.ts";

const NOW = SUITE_START;

/** Numbers in which the places of a task are told. */
const places = async (driver: Driver) => {
  const { pending, scheduled, ready, leased, dead } = await driver.queue.stats();
  return { pending, scheduled, ready, leased, dead };
};
const NOWHERE = { pending: 0, scheduled: 0, ready: 0, leased: 0, dead: 0 };

/** Which of the waiting tasks is first. */
export const PRIORITY: readonly Case[] = [
  [".exchange() gives what has a higher priority first, and else in order", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b", priority: 1 }, { id: "c", priority: 255 });
    await driver.enqueue({ id: "d", priority: 1 }, { id: "e", priority: 0 });
    deepStrictEqual(ids(await driver.claim(9)), ["c", "b", "d", "a", "e"]);
  }],
  [".exchange() keeps the priority of what waited for a result or was lost", async ({ driver }) => {
    await driver.enqueue({ id: "a", priority: 2 }, { id: "b" });
    await driver.enqueue({ id: "c", takes: ["a"], priority: 1 });
    const [a] = await driver.claim();
    await driver.end("lost", a!);
    await driver.enqueue({ id: "d", priority: 1 });
    strictEqual(await driver.run(), "a");
    deepStrictEqual(ids(await driver.claim(9)), ["c", "d", "b"]);
  }],
  [".exchange() tells apart the places of tasks far down the line", async ({ driver }) => {
    ok(Number.isSafeInteger(255 * BAND) && 256 * BAND > Number.MAX_SAFE_INTEGER);
    await driver.enqueue(...["a", "b", "c"].map((id) => ({ id, priority: 255 })));
    deepStrictEqual(ids(await driver.claim(9)), ["a", "b", "c"]);
  }],
];

/** Delays, and ends of the time to start. */
export const TIMES: readonly Case[] = [
  [".enqueue() holds a task back for its delay", async ({ driver, pass }) => {
    deepStrictEqual(await driver.enqueue({ id: "a", plan: { delay: 1_000 } }, { id: "b" }), [
      "pending",
      "enqueued",
    ]);
    const record = await driver.queue.inspect("a");
    deepStrictEqual([record?.status, record?.due, record?.open], ["pending", NOW + 1_000, 1]);
    deepStrictEqual(await places(driver), { ...NOWHERE, pending: 1, scheduled: 1, ready: 1 });
    strictEqual(await driver.run(), "b");
    pass(999);
    deepStrictEqual(await driver.claim(), []);
    pass(1);
    deepStrictEqual(ids(await driver.claim()), ["a"]);
    strictEqual((await driver.queue.inspect("a"))?.due, undefined);
  }],
  [
    ".enqueue() holds a task back until its time, and past times at once",
    async ({ driver, pass }) => {
      await driver.enqueue({ id: "a", plan: { runAt: NOW + 500 } }, {
        id: "b",
        plan: { runAt: NOW - 500 },
      });
      await driver.enqueue({ id: "c", plan: { runAt: NOW + 500, delay: 800 } });
      strictEqual(await driver.run(), "b");
      pass(500);
      deepStrictEqual(ids(await driver.claim(9)), ["a"]);
      pass(300);
      deepStrictEqual(ids(await driver.claim(9)), ["c"]);
    },
  ],
  [".exchange() gives what is due in its place in the line", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a", plan: { delay: 900 } }, { id: "b", plan: { delay: 100 } }, {
      id: "c",
    });
    pass(900);
    deepStrictEqual(ids(await driver.claim(9)), ["a", "b", "c"]);
  }],
  [".enqueue() waits for results and for the time, whichever is last", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"], plan: { delay: 1_000 } });
    await driver.enqueue({ id: "c", takes: ["a"], plan: { delay: 1 } });
    pass(1);
    strictEqual(await driver.run(), "a");
    strictEqual(await driver.run(), "c");
    deepStrictEqual(await driver.claim(), []);
    pass(999);
    const [claim] = await driver.claim();
    strictEqual(claim?.id, "b");
    deepStrictEqual(claim?.inputs.map(({ text }) => text), ['"a"']);
  }],
  [".exchange() tells when time brings something", async ({ driver, pass }) => {
    const next = async () => (await driver.exchange({ want: 1 })).next;
    strictEqual(await next(), undefined);
    await driver.enqueue({ id: "a", plan: { delay: 7_000 } });
    strictEqual(await next(), 7_000);
    await driver.enqueue({ id: "b", plan: { delay: 9_000 }, expiresAt: NOW + 5_000 });
    strictEqual(await next(), 5_000);
    await driver.cancel("b");
    pass(6_000);
    strictEqual(await next(), 1_000);
    pass(1_000);
    strictEqual((await driver.exchange({ want: 1 })).claims.length, 1);
    // The lease of the other pool.
    strictEqual((await driver.exchange({ want: 1, pool: "two" })).next, 15_000);
  }],
  [".enqueue() wakes a pool that would sleep for too long", async ({ driver }) => {
    const woken = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let wakes = 0;
    driver.queue.listen({ wake: () => woken[wakes++]?.resolve() });
    await driver.claim();
    await driver.enqueue({ id: "a", plan: { delay: 5_000 } });
    await woken[0]!.promise;
    await driver.claim();
    await driver.enqueue({ id: "later", plan: { delay: 6_000 } });
    await driver.enqueue({ id: "sooner", plan: { delay: 4_000 } });
    await woken[1]!.promise;
  }],
  [".cancel() and .clear() take a task from its time", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a", plan: { delay: 1_000 }, expiresAt: NOW + 2_000 });
    await driver.enqueue({ id: "b", plan: { delay: 1_000 }, expiresAt: NOW + 2_000 });
    await driver.cancel("a");
    strictEqual(await driver.queue.clear(), 1);
    deepStrictEqual(await places(driver), NOWHERE);
    strictEqual((await driver.exchange({ want: 1 })).next, undefined);
    pass(2_000);
    deepStrictEqual(await driver.claim(), []);
  }],
  [".enqueue() of a task whose need fails takes it from its time", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"], plan: { delay: 1_000 } });
    await driver.end("failed", ...await driver.claim());
    strictEqual(await driver.status("b"), "failed");
    strictEqual((await driver.queue.stats()).scheduled, 0);
  }],
  [".exchange() ends what was not started in time", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a", expiresAt: NOW + 1_000 });
    await driver.enqueue({ id: "b", takes: ["a"] });
    await driver.enqueue({ id: "c", plan: { delay: 2_000 }, expiresAt: NOW + 1_000 });
    await driver.enqueue({ id: "d", plan: { delay: 1_000 }, expiresAt: NOW + 1_000 });
    strictEqual(await driver.outcome("b"), undefined);
    pass(1_000);
    deepStrictEqual(await driver.claim(9), []);
    const outcome = await driver.outcome("a");
    deepStrictEqual([outcome?.status, failureIn(outcome?.text).text], ["expired", LATE]);
    deepStrictEqual(await driver.outcome("b"), outcome);
    deepStrictEqual([await driver.status("c"), await driver.status("d")], ["expired", "expired"]);
    deepStrictEqual(await places(driver), NOWHERE);
  }],
  [".exchange() lets run what was started in time", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a", expiresAt: NOW + 1_000 });
    const [claim] = await driver.claim();
    strictEqual((await driver.exchange({ want: 1 })).next, 15_000); // its lease
    pass(1_000);
    await driver.exchange({});
    await driver.end("success", claim!);
    strictEqual(await driver.status("a"), "success");
  }],
  [".exchange() starts nothing again that is too late", async ({ driver, pass }) => {
    const all = ["back", "lost", "again", "early"];
    await driver.enqueue(...all.map((id) => ({ id, expiresAt: NOW + 2_000 })));
    const [back, lost, again, early] = await driver.claim(4);
    await driver.end("retry", early!);
    strictEqual((await driver.queue.inspect("early"))?.due, NOW + RETRY);
    pass(1_000);
    await driver.end("retry", again!);
    pass(1_000);
    await driver.end("returned", back!);
    await driver.end("lost", lost!);
    deepStrictEqual(await driver.claim(9), []);
    const statuses = await Promise.all(all.map((id) => driver.status(id)));
    deepStrictEqual(statuses, ["expired", "expired", "failed", "expired"]);
    const dead = await driver.queue.dead(0, 9);
    deepStrictEqual(dead.map(({ id, attempts }) => [id, attempts.length]), [["again", 1]]);
    strictEqual((await driver.queue.inspect("again"))?.failures, 0);
  }],
  [".wait() ends what was not started in time, where no pool is", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a", expiresAt: NOW + 1_000 }, { id: "b", takes: ["a"] });
    pass(1_000);
    const [a, b] = await driver.queue.wait([{ id: "a" }, { id: "b" }]);
    strictEqual(failureIn(a?.text).text, LATE);
    deepStrictEqual(b, a);
    strictEqual((await driver.queue.stats()).unsettled, 0);
  }],
  [".exchange() looks after any number of times", async ({ driver, pass }) => {
    const many = (name: string, rest: object) =>
      Array.from({ length: 120 }, (_, i) => ({ id: name + i, ...rest }));
    await driver.enqueue(...many("due", { plan: { delay: 1_000 } }));
    await driver.enqueue(...many("late", { expiresAt: NOW + 1_000 }));
    pass(1_000);
    await driver.exchange({});
    deepStrictEqual(await places(driver), { ...NOWHERE, ready: 120 });
  }],
  [".exchange() gives nothing that is too late, however much that is", async ({ driver, pass }) => {
    const late = Array.from(
      { length: 120 },
      (_, i) => ({ id: `late${i}`, expiresAt: NOW + 1_000 }),
    );
    await driver.enqueue(...late, { id: "a" });
    pass(1_000);
    const claims = [];
    for (let more = true; more;) {
      const answer = await driver.queue.exchange({
        ...{ pool: "one", number: claims.length, reports: [], renewals: [], want: 9, lease: 9_000 },
      });
      claims.push(answer.claims);
      more = answer.more;
    }
    deepStrictEqual(ids(claims.flat()), ["a"]);
    deepStrictEqual(await places(driver), { ...NOWHERE, leased: 1 });
  }],
];

/** Attempts that fail. */
export const RETRIES: readonly Case[] = [
  [
    ".exchange() gives a task that is to be retried again, after its pause",
    async ({ driver, pass }) => {
      await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] }, { id: "c" });
      const [first] = await driver.claim();
      strictEqual(first?.failures, 0);
      await driver.end("retry", first!);
      const record = await driver.queue.inspect("a");
      deepStrictEqual(
        [record?.status, record?.failures, record?.due, record?.fence],
        ["pending", 1, NOW + RETRY, 0],
      );
      deepStrictEqual(await places(driver), { ...NOWHERE, pending: 2, scheduled: 1, ready: 1 });
      strictEqual(await driver.status("b"), "pending");
      pass(RETRY);
      const [again] = await driver.claim();
      deepStrictEqual([again?.id, again?.failures], ["a", 1]);
      ok(again!.fence > first!.fence);
      await driver.end("success", again!);
      deepStrictEqual(ids(await driver.claim(2)), ["b", "c"]);
    },
  ],
  [".exchange() gives what a retried task takes, again", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] });
    const [a] = await driver.claim();
    await driver.exchange({ reports: [driver.report("success", a!, 0)] });
    await driver.end("retry", ...await driver.claim());
    strictEqual((await driver.queue.inspect("a"))?.refs, 1);
    pass(RETRY);
    const [b] = await driver.claim();
    deepStrictEqual(b?.inputs.map(({ text }) => text), ['"a"']);
    await driver.end("success", b!);
    strictEqual(await driver.queue.inspect("a"), undefined);
  }],
  [".exchange() takes a retry once, and only of the latest attempt", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" });
    const [stale] = await driver.claim();
    pass(15_000);
    const [claim] = await driver.claim();
    await driver.end("retry", stale!);
    strictEqual((await driver.queue.inspect("a"))?.failures, 0);
    await driver.end("retry", claim!, claim!);
    await driver.end("success", claim!);
    const record = await driver.queue.inspect("a");
    deepStrictEqual([record?.status, record?.failures], ["pending", 1]);
  }],
  [".exchange() counts failures apart from lost workers", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a", redeliveries: 1 });
    await driver.end("lost", ...await driver.claim());
    await driver.end("retry", ...await driver.claim());
    pass(RETRY);
    const [claim] = await driver.claim();
    strictEqual(claim?.failures, 1);
    const { losses, failures, attempts } = (await driver.queue.inspect("a"))!;
    deepStrictEqual([losses, failures, attempts.map(({ kind }) => kind)], [1, 1, [
      "lost",
      "failed",
    ]]);
    await driver.end("lost", claim!);
    strictEqual(await driver.status("a"), "expired");
  }],
  [".exchange() gives the failures of a claim whose answer was lost", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" });
    await driver.end("retry", ...await driver.claim());
    pass(RETRY);
    const exchange = { number: 77, want: 1 };
    const first = await driver.exchange(exchange);
    deepStrictEqual((await driver.exchange(exchange)).claims, first.claims);
    strictEqual(first.claims[0]?.failures, 1);
  }],
  [".inspect() tells the last attempts", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" });
    for (let i = 0; i < MAX_ATTEMPTS + 2; i++) {
      const [claim] = await driver.claim(1, `pool${i}`);
      pass(1);
      await driver.end("retry", claim!);
      pass(RETRY);
    }
    const record = (await driver.queue.inspect("a"))!;
    const { attempts, failures } = record;
    strictEqual(failures, MAX_ATTEMPTS + 2);
    deepStrictEqual([record.owner, record.started], ["pool11", attempts.at(-1)?.started]);
    deepStrictEqual(
      attempts.map(({ owner }) => owner),
      [2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((i) => `pool${i}`),
    );
    const { started, ended, text } = attempts[0]!;
    deepStrictEqual([ended - started, failureIn(text).text], [1, "bad"]);
    await driver.run();
    strictEqual((await driver.queue.inspect("a"))?.attempts.length, MAX_ATTEMPTS);
  }],
  [".inspect() leaves out the text of an attempt that is too long", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" });
    const texts = [MAX_ATTEMPT_TEXT, MAX_ATTEMPT_TEXT + 1].map((length) => "x".repeat(length));
    for (const text of texts) {
      const [claim] = await driver.claim();
      await driver.exchange({ reports: [{ ...driver.report("retry", claim!), text }] });
      pass(RETRY);
    }
    const { attempts } = (await driver.queue.inspect("a"))!;
    deepStrictEqual(attempts.map(({ text }) => text), [texts[0], ""]);
  }],
  [".cancel() ends a task that waits for its next attempt", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" });
    await driver.end("retry", ...await driver.claim());
    deepStrictEqual(await driver.cancel("a"), ["cancelled"]);
    pass(RETRY);
    deepStrictEqual(await driver.claim(), []);
    deepStrictEqual(await places(driver), NOWHERE);
  }],
];

/** Tasks that failed for good. */
export const DEAD: readonly Case[] = [
  [
    ".dead() has what failed for good and what was lost, the youngest first",
    async ({ driver, pass }) => {
      await driver.enqueue({ id: "a", args: "[1]" }, { id: "b", redeliveries: 0 }, { id: "c" });
      const [a, b, c] = await driver.claim(3);
      await driver.end("failed", a!);
      pass(1);
      await driver.end("lost", b!);
      await driver.end("success", c!);
      await driver.enqueue({ id: "d" });
      await driver.cancel("d");
      await driver.enqueue({ id: "e", takes: ["a"] });
      const dead = await driver.queue.dead(0, 9);
      deepStrictEqual(ids(dead), ["b", "a"]);
      deepStrictEqual(ids(await driver.queue.dead(1, 1)), ["a"]);
      const { message, outcome, ended, attempts } = dead[1]!;
      deepStrictEqual([message, ended], ["\x1ft\x1f[1]", NOW]);
      deepStrictEqual(outcome, await driver.outcome("a"));
      deepStrictEqual(attempts.map(({ kind, owner }) => [kind, owner]), [["failed", "pool"]]);
      strictEqual(attempts[0]?.text, outcome.text);
    },
  ],
  [".redrive() enqueues it again, as new and at the end of the line", async ({ driver }) => {
    await driver.enqueue({ id: "a", redeliveries: 0, priority: 1, origin: "mine" });
    await driver.end("lost", ...await driver.claim());
    strictEqual((await driver.outcome("a"))?.status, "expired");
    await driver.enqueue({ id: "b", priority: 1 }, { id: "c" });
    deepStrictEqual(await driver.queue.redrive(["a", "b", "nobody"]), [
      ...["redriven", "unknown", "unknown"] as const,
    ]);
    const record = await driver.queue.inspect("a");
    deepStrictEqual([record?.status, record?.losses, record?.origin], ["enqueued", 0, "mine"]);
    strictEqual(record?.attempts.length, 1);
    strictEqual((await driver.queue.stats()).dead, 0);
    strictEqual(await driver.outcome("a", "mine"), undefined);
    deepStrictEqual(ids(await driver.claim(9)), ["b", "a", "c"]);
    deepStrictEqual(await driver.queue.dead(0, 9), []);
    deepStrictEqual(await driver.queue.redrive(["a"]), ["unknown"]);
  }],
  [
    ".dead() has a task that waited for its time, and none that is not to be kept",
    async (bench) => {
      const { driver, pass } = bench;
      await driver.enqueue({ id: "a", plan: { delay: 1_000 } }, { id: "b", deadTimeout: 0 });
      pass(1_000);
      const reports = (await driver.claim(2)).map((claim) => driver.report("failed", claim, 0));
      await driver.exchange({ reports });
      deepStrictEqual(ids(await driver.queue.dead(0, 9)), ["a"]);
      deepStrictEqual(await driver.queue.redrive(["b", "a"]), ["unknown", "redriven"]);
      strictEqual(await driver.run(), "a");
    },
  ],
  [".redrive() wakes a pool", async ({ driver }) => {
    const woken = Promise.withResolvers<void>();
    await driver.enqueue({ id: "a" });
    await driver.end("failed", ...await driver.claim());
    await driver.claim();
    driver.queue.listen({ wake: () => woken.resolve() });
    await driver.queue.redrive(["a"]);
    await woken.promise;
  }],
  [".redrive() brings back what a task took", async ({ driver }) => {
    const needs = Array.from({ length: 120 }, (_, i) => `n${i}`);
    await driver.enqueue(...needs.map((id) => ({ id })));
    await driver.enqueue({ id: "wide", takes: needs });
    const reports = (await driver.claim(200)).map((claim) => driver.report("success", claim, 0));
    await driver.exchange({ reports });
    await driver.end("failed", ...await driver.claim());
    strictEqual((await driver.queue.inspect("n7"))?.refs, 1);
    await driver.queue.redrive(["wide"]);
    const [claim] = await driver.claim();
    const inputs = await driver.inputs(claim!, 120);
    deepStrictEqual(inputs.map(({ text }) => text), needs.map((id) => JSON.stringify(id)));
    await driver.end("success", claim!);
    deepStrictEqual(
      await Promise.all(needs.map((id) => driver.queue.inspect(id))),
      needs.map(() => undefined),
    );
  }],
  [".redrive() leaves a task whose id is taken", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a", origin: "first", resultTimeout: 0 });
    const [claim] = await driver.claim();
    await driver.exchange({ reports: [driver.report("failed", claim!, 0)] });
    await driver.enqueue({ id: "a", origin: "second" });
    deepStrictEqual(await driver.queue.redrive(["a"]), ["taken"]);
    pass(1);
    await driver.end("failed", ...await driver.claim());
    // One dead task for an id: the later.
    deepStrictEqual((await driver.queue.dead(0, 9)).map(({ id, ended }) => [id, ended]), [
      ["a", NOW + 1],
    ]);
  }],
  [".exchange() forgets the outcome of a dead task when no other one takes it", async (bench) => {
    const { driver } = bench;
    await driver.enqueue({ id: "n" }, { id: "a", takes: ["n"] });
    await driver.enqueue({ id: "b", takes: ["a"], onError: "pass" });
    await driver.run();
    const [a] = await driver.claim();
    await driver.exchange({ reports: [driver.report("failed", a!, 0)] });
    strictEqual((await driver.queue.inspect("a"))?.refs, 1);
    strictEqual(await driver.run(), "b");
    strictEqual(await driver.queue.inspect("a"), undefined);
  }],
  [".dead() has one task for an id, and gives back what the earlier took", async ({ driver }) => {
    await driver.enqueue({ id: "n" });
    await driver.run();
    for (const [origin, takes] of [["first", ["n"]], ["second", []]] as const) {
      await driver.enqueue({ id: "a", origin, takes, resultTimeout: 0 });
      const [claim] = await driver.claim();
      await driver.exchange({ reports: [driver.report("failed", claim!, 0)] });
      strictEqual((await driver.queue.inspect("n"))?.refs, takes.length);
    }
    strictEqual((await driver.queue.stats()).dead, 1);
  }],
  [".redrive() leaves the result of another call with the id", async ({ driver }) => {
    await driver.enqueue({ id: "a", origin: "first", resultTimeout: 0 });
    const [claim] = await driver.claim();
    await driver.exchange({ reports: [driver.report("failed", claim!, 0)] });
    await driver.enqueue({ id: "a", origin: "second" });
    await driver.run();
    deepStrictEqual(await driver.queue.redrive(["a"]), ["taken"]);
    strictEqual((await driver.outcome("a", "second"))?.status, "success");
  }],
  [".redrive() leaves a task whose failure another one takes", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"], onError: "pass" });
    await driver.end("failed", ...await driver.claim());
    deepStrictEqual(await driver.queue.redrive(["a"]), ["taken"]);
    strictEqual(await driver.run(), "b");
    deepStrictEqual(await driver.queue.redrive(["a"]), ["redriven"]);
  }],
  [".redrive() brings nothing back for who was told that it is gone", async ({ driver }) => {
    await driver.enqueue({ id: "a", resultTimeout: 0 });
    const [a] = await driver.claim();
    await driver.exchange({ reports: [driver.report("failed", a!, 0)] });
    await driver.enqueue({ id: "b", takes: ["a"], onError: "pass" });
    await driver.queue.redrive(["a"]);
    await driver.enqueue({ id: "c", takes: ["a"] });
    // What b ends is not the count of those that take the new result.
    strictEqual(await driver.run(), "b");
    strictEqual((await driver.queue.inspect("a"))?.refs, 1);
    await driver.enqueue({ id: "d", takes: ["a"], onError: "pass" });
    strictEqual(await driver.run(), "a");
    strictEqual(await driver.status("c"), "enqueued");
    strictEqual((await driver.queue.inspect("a"))?.refs, 2);
    deepStrictEqual([await driver.run(), await driver.run()], ["c", "d"]);
  }],
  [".redrive() gives who was told that it is gone no other result", async ({ driver }) => {
    await driver.enqueue({ id: "a", origin: "1", resultTimeout: 0 }, { id: "c" });
    const [a, c] = await driver.claim(2);
    await driver.exchange({ reports: [driver.report("failed", a!, 0)] });
    const needs = [{ id: "a", origin: "1" }, { id: "c" }];
    await driver.enqueue({ id: "b", takes: needs, onError: "pass" });
    await driver.queue.redrive(["a"]);
    strictEqual(await driver.run(), "a");
    await driver.end("success", c!);
    const [b] = await driver.claim();
    deepStrictEqual((await driver.queue.inspect("b"))?.needs, needs);
    const inputs = await driver.inputs(b!, 2);
    deepStrictEqual(inputs.map(({ status }) => status), ["expired", "success"]);
    strictEqual(failureIn(inputs[0]?.text).text, GONE);
  }],
  [".discard() drops a dead task and what it took", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] });
    const [a] = await driver.claim();
    await driver.exchange({ reports: [driver.report("success", a!, 0)] });
    await driver.end("failed", ...await driver.claim());
    strictEqual(await driver.queue.discard(["b", "a"]), 1);
    deepStrictEqual(await driver.queue.dead(0, 9), []);
    strictEqual(await driver.queue.inspect("a"), undefined);
    strictEqual(await driver.queue.discard(["b"]), 0);
  }],
  [".exchange() drops a dead task after its time", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"], deadTimeout: 1_000 });
    await driver.enqueue({ id: "c", deadTimeout: 0 }, { id: "d" });
    const [a, c, d] = await driver.claim(3);
    await driver.exchange({ reports: [driver.report("success", a!, 0)] });
    await driver.end("failed", c!, d!, ...await driver.claim());
    deepStrictEqual(ids(await driver.queue.dead(0, 9)), ["d", "b"]);
    pass(1_000);
    await driver.exchange({});
    deepStrictEqual(ids(await driver.queue.dead(0, 9)), ["d"]);
    strictEqual(await driver.queue.inspect("a"), undefined);
    await driver.queue.discard(["d"]);
  }],
];
