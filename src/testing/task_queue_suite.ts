/** What every backend must do: {@linkcode testTaskQueue}. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { CANCELLED, GONE, type TaskQueue } from "../task_queue.ts";
import type { Note } from "../notes.ts";
import { type Bench, type Case, failureIn, ids, SUITE_START } from "./case.ts";
import { DEAD, PRIORITY, RETRIES, TIMES } from "./delivery_cases.ts";
import { SCHEDULES } from "./schedule_cases.ts";
import { Driver } from "./driver.ts";
import { IDS, LIMITS, REMOTE } from "./sharing_cases.ts";
import { stateCases } from "./state_cases.ts";

/** A backend, for the suite. */
export interface Backend {
  /** What the names of the tests start with. */
  readonly name: string;
  /** Opens an empty queue whose time is what `clock` says, in milliseconds. */
  open(clock: () => number): TaskQueue | Promise<TaskQueue>;
  /** Declares a test, as `Deno.test` does. */
  test(name: string, body: () => Promise<void>): unknown;
}

/**
 * Declares the tests that every implementation of `TaskQueue` passes: life of a task,
 * dependencies, fences and leases, waiting, clearing, cancelling, waking, priorities, times, retries,
 * what is dead, limits and turns, ids that are taken, and each pair of a
 * place and an event of the state table.
 *
 * @example
 * ```ts
 * import { MemoryTaskQueue } from "@worq/worq/backend";
 * import { testTaskQueue } from "@worq/worq/testing";
 *
 * const tests: (() => Promise<void>)[] = [];
 * testTaskQueue({
 *   name: "MemoryTaskQueue",
 *   open: (clock) => new MemoryTaskQueue("memory://suite", crypto.randomUUID(), { clock }),
 *   // In a test file: (name, body) => Deno.test(name, body)
 *   test: (_name, body) => tests.push(body),
 * });
 * for (const body of tests) await body();
 * ```
 */
export function testTaskQueue(backend: Backend): void {
  const test = (name: string, body: (bench: Bench) => Promise<void>) => {
    backend.test(`${backend.name}${name}`, async () => {
      let now = SUITE_START;
      const queue = await backend.open(() => now);
      await using bench: Bench = {
        driver: new Driver(queue),
        pass: (milliseconds) => now += milliseconds,
        async [Symbol.asyncDispose]() {
          try {
            await queue.clear();
            await queue.discard((await queue.dead(0, 999)).map(({ id }) => id));
          } finally {
            await queue[Symbol.asyncDispose]();
          }
        },
      };
      await body(bench);
    });
  };
  const groups = [
    ...[LIFE, GRAPH, FENCES, WAITING, CANCEL, PAUSE],
    ...[PRIORITY, TIMES, RETRIES, DEAD, LIMITS, IDS, REMOTE, SCHEDULES, stateCases()],
  ];
  groups.flat().forEach(([name, body]) => test(name, body));
}

const LIFE: readonly Case[] = [
  [".enqueue() stores tasks that are claimed in order", async ({ driver }) => {
    deepStrictEqual(await driver.enqueue({ id: "a" }, { id: "b" }), ["enqueued", "enqueued"]);
    await driver.enqueue({ id: "c" });
    deepStrictEqual(ids(await driver.claim(2)), ["a", "b"]);
    deepStrictEqual(ids(await driver.claim(2)), ["c"]);
    deepStrictEqual(await driver.claim(), []);
  }],
  [".exchange() gives the message and a growing fence", async ({ driver }) => {
    await driver.enqueue({ id: "a", name: "shop.pay", args: "[1]" }, { id: "b" });
    const [a] = await driver.claim();
    const [b] = await driver.claim();
    strictEqual(a?.message, "\x1fshop.pay\x1f[1]");
    ok(b!.fence > a!.fence);
  }],
  [".enqueue() refuses a chosen id that is taken, and stores the others", async ({ driver }) => {
    await driver.enqueue({ id: "a", origin: "first" });
    const again = [{ id: "a", origin: "second" }, { id: "b" }];
    deepStrictEqual(await driver.enqueue(...again), ["duplicate", "enqueued"]);
    deepStrictEqual(ids(await driver.claim(9)), ["a", "b"]);
  }],
  [".enqueue() refuses a chosen id while its result is kept", async ({ driver }) => {
    await driver.enqueue({ id: "a", origin: "first" });
    await driver.run();
    deepStrictEqual(await driver.enqueue({ id: "a", origin: "second" }), ["duplicate"]);
  }],
  [".enqueue() sent again for the same call changes nothing", async ({ driver }) => {
    const call = { id: "a", origin: "only" };
    await driver.enqueue(call);
    deepStrictEqual(await driver.enqueue(call), ["enqueued"]);
    strictEqual((await driver.queue.stats()).ready, 1);
    await driver.run();
    deepStrictEqual(await driver.enqueue(call), ["enqueued"]);
    strictEqual((await driver.queue.stats()).ready, 0);
  }],
  [".inspect() tells where a task is", async ({ driver }) => {
    strictEqual(await driver.queue.inspect("a"), undefined);
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] });
    strictEqual(await driver.status("a"), "enqueued");
    const waiting = await driver.queue.inspect("b");
    deepStrictEqual([waiting?.status, waiting?.open, waiting?.needs], ["pending", 1, [{
      id: "a",
    }]]);
    const [claim] = await driver.claim(1, "one");
    const running = await driver.queue.inspect("a");
    deepStrictEqual(
      [running?.status, running?.owner, running?.fence, running?.started],
      ["processing", "one", claim?.fence, 1_000_000_000_000],
    );
    await driver.end("failed", claim!);
    deepStrictEqual([await driver.status("a"), await driver.status("b")], ["failed", "failed"]);
  }],
  [".inspect() and .sights() tell the name of a task, whatever became of it", async (bench) => {
    const { driver } = bench;
    const { queue } = driver;
    const names = async (...ids: string[]) => {
      const records = await Promise.all(ids.map((id) => queue.inspect(id)));
      const seen = (await queue.sights(ids)).map((sight) => sight?.name);
      deepStrictEqual(records.map((record) => record?.name), seen);
      return seen;
    };
    await driver.enqueue({ id: "a", name: "a.1" }, { id: "b", name: "2" }, { id: "c", name: "c" });
    await driver.enqueue({ id: "d", name: "d.d", takes: ["b"] }, { id: "e", name: "e" });
    await driver.enqueue({ id: "f", name: "f", takes: ["d"] });
    const all = ["a.1", "2", "c", "d.d", "e", "f"];
    deepStrictEqual(await names("a", "b", "c", "d", "e", "f"), all);
    const [a, b, c] = await driver.claim(3);
    await driver.end("success", a!);
    await driver.end("failed", b!);
    await driver.exchange({ reports: [{ ...driver.report("success", c!), text: "" }] });
    await driver.cancel("e");
    deepStrictEqual(await names("a", "b", "c", "d", "e", "f"), all);
    deepStrictEqual(await driver.outcome("a"), { status: "success", text: '"a"' });
    deepStrictEqual(await driver.outcome("f"), await driver.outcome("b"));
    const [dead] = await queue.dead(0, 1);
    deepStrictEqual(dead?.outcome, await driver.outcome("b"));
  }],
  [".stats() counts tasks by place", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "c", takes: ["a", "b"] });
    await driver.claim();
    const { pending, ready, leased } = await driver.queue.stats();
    deepStrictEqual({ pending, ready, leased }, { pending: 1, ready: 1, leased: 1 });
  }],
  [".situation() tells what a task waits for", async ({ driver }) => {
    const { queue } = driver;
    const none = await queue.situation("a", {});
    strictEqual(none, undefined);
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "c", takes: ["a", "gone", "b"] });
    const waiting = (await queue.situation("b", {}))!;
    deepStrictEqual([waiting.now, waiting.ahead, waiting.paused], [SUITE_START, 1, false]);
    deepStrictEqual(waiting.record, await queue.inspect("b"));
    await queue.pause();
    strictEqual((await queue.situation("b", {}))?.paused, true);
    await queue.resume();
    await driver.enqueue({ id: "d", takes: ["a", "b"], onError: "pass" });
    await driver.end("success", ...await driver.claim(1));
    const [b] = await driver.claim(1);
    deepStrictEqual((await queue.situation("d", {}))?.openNeeds, [{ id: "b" }]);
    const running = (await queue.situation("b", {}))!;
    deepStrictEqual([running.deadline, running.leased], [SUITE_START + 15_000, 1]);
    await driver.end("success", b!);
  }],
  [".situation() tells what limits a task", async ({ driver, pass }) => {
    const rate = { count: 1, per: 1_000 };
    const limits = { rate, perKey: { rate: { count: 1, per: 3_000 } } };
    const plan = { key: "k" };
    await driver.enqueue({ id: "a", plan }, { id: "b", plan });
    await driver.exchange({ want: 1, limits });
    pass(400);
    const { busy, rests, keyRests } = (await driver.queue.situation("b", limits))!;
    deepStrictEqual([busy, rests, keyRests], [1, SUITE_START + 1_000, SUITE_START + 3_000]);
    pass(2_600);
    const later = (await driver.queue.situation("b", limits))!;
    deepStrictEqual([later.busy, later.rests, later.keyRests], [1, undefined, undefined]);
  }],
  [".list() gives the tasks of a place, page by page", async ({ driver, pass }) => {
    const { queue } = driver;
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "k", plan: { key: "x" } }, { id: "c" });
    await driver.enqueue({ id: "late", plan: { delay: 50 } }, { id: "soon", plan: { delay: 10 } });
    await driver.enqueue({ id: "after", takes: ["c"] });
    deepStrictEqual(await queue.list("ready", 0, 9), ["a", "b", "c", "k"]);
    deepStrictEqual(await queue.list("ready", 1, 2), ["b", "c"]);
    deepStrictEqual(await queue.list("ready", 2, 2), ["c", "k"]);
    deepStrictEqual(await queue.list("ready", 3, 9), ["k"]);
    deepStrictEqual(await queue.list("ready", 4, 9), []);
    deepStrictEqual(await queue.list("scheduled", 0, 9), ["soon", "late"]);
    deepStrictEqual(await queue.list("pending", 0, 9), ["late", "soon", "after"]);
    const [a] = await driver.claim(1);
    deepStrictEqual(await queue.list("running", 0, 9), ["a"]);
    await driver.end("failed", a!);
    deepStrictEqual(await queue.list("dead", 0, 9), ["a"]);
    deepStrictEqual(await queue.list("running", 0, 9), []);
    pass(50);
  }],
  [".sights() gives tasks with their neighbours", async ({ driver }) => {
    const { queue } = driver;
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] }, { id: "c", takes: ["a", "b"] });
    const [a, b, none] = await queue.sights(["a", "b", "nobody"]);
    deepStrictEqual([a?.status, a?.needs, a?.feeds, a?.feedCount], ["enqueued", [], ["b", "c"], 2]);
    deepStrictEqual([b?.status, b?.needs, b?.needCount, b?.feeds], ["pending", ["a"], 1, ["c"]]);
    strictEqual(b?.message, (await queue.inspect("b"))?.message);
    strictEqual(none, undefined);
    await driver.end("success", ...await driver.claim(1));
    const [over] = await queue.sights(["a"]);
    deepStrictEqual([over?.status, over?.message, over?.needs, over?.feeds], [
      ...["success", undefined, [], []],
    ]);
    deepStrictEqual(await queue.sights([]), []);
  }],
  [".note() has .notes() tell what a task said", async ({ driver }) => {
    const { queue } = driver;
    const none = { progress: undefined, first: 0, lines: [] };
    deepStrictEqual(await queue.notes("a", 0), none);
    await driver.enqueue({ id: "a" }, { id: "b" });
    const [{ fence } = { fence: 0 }] = await driver.claim(1);
    const say = (fence: number, ...notes: Note[]) =>
      queue.note([{ id: "a", fence, notes, keep: 60_000 }]);
    await say(fence, [0.1, 1, ""], [null, 2, "one"], [0.5, 3, "half"]);
    await say(fence, [null, 4, "two"]);
    await say(fence - 1, [0.9, 5, "of another attempt"]);
    const lines = [[null, 2, "one"], [null, 4, "two"]];
    deepStrictEqual(await queue.notes("a", 0), { progress: [0.5, 3, "half"], first: 0, lines });
    deepStrictEqual((await queue.notes("a", 1)).lines, lines.slice(1));
    await say(fence, ...Array.from({ length: 1_001 }, (_, i): Note => [null, i, `${i}`]));
    const many = await queue.notes("a", 0);
    deepStrictEqual([many.first, many.lines.length, many.lines.at(-1)?.[2]], [3, 1_000, "1000"]);
    deepStrictEqual(await queue.notes("a", 1_003), { ...many, first: 1_003, lines: [] });
    deepStrictEqual(await queue.notes("b", 0), none);
  }],
  [".announce() has .cards() tell of a pool, for its time", async ({ driver, pass }) => {
    const { queue } = driver;
    deepStrictEqual(await queue.cards(), []);
    await queue.announce("one", "card 1", 1_000);
    await queue.announce("two", "card 2", 5_000);
    deepStrictEqual((await queue.cards()).sort(), ["card 1", "card 2"]);
    pass(1_000);
    deepStrictEqual(await queue.cards(), ["card 2"]);
    await queue.announce("two", "card 3", 5_000);
    deepStrictEqual(await queue.cards(), ["card 3"]);
    await queue.announce("two", "", 0);
    deepStrictEqual(await queue.cards(), []);
  }],
  [".exchange() keeps the outcome for its time, and then forgets it", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    const [a, b] = await driver.claim(2);
    await driver.exchange({ reports: [driver.report("success", a!, 0)] });
    strictEqual(await driver.queue.inspect("a"), undefined);
    await driver.end("success", b!);
    strictEqual(await driver.status("b"), "success");
  }],
];

const GRAPH: readonly Case[] = [
  [" runs a task when the results it takes are in, in their order", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    deepStrictEqual(await driver.enqueue({ id: "c", takes: ["b", "a"] }), ["pending"]);
    const [a, b] = await driver.claim(3);
    await driver.end("success", a!);
    deepStrictEqual(await driver.claim(), []);
    await driver.end("success", b!);
    const [c] = await driver.claim();
    deepStrictEqual(c?.inputs, [
      { status: "success", text: '"b"' },
      { status: "success", text: '"a"' },
    ]);
    deepStrictEqual(await driver.queue.inputs("c", 1, 5), [{ status: "success", text: '"a"' }]);
  }],
  [" stores a graph in one call", async ({ driver }) => {
    const answers = await driver.enqueue(
      { id: "a" },
      { id: "b", takes: ["a"] },
      { id: "c", takes: ["a", "b"] },
    );
    deepStrictEqual(answers, ["enqueued", "pending", "pending"]);
    deepStrictEqual([await driver.run(), await driver.run(), await driver.run()], ["a", "b", "c"]);
  }],
  [" runs a task at once whose arguments are there already", async ({ driver }) => {
    await driver.enqueue({ id: "a" });
    await driver.run();
    deepStrictEqual(await driver.enqueue({ id: "b", takes: ["a"] }), ["enqueued"]);
    strictEqual((await driver.claim())[0]?.inputs[0]?.text, '"a"');
  }],
  [" puts a released task where it was called, before later ones", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] }, { id: "late" });
    await driver.run();
    deepStrictEqual(ids(await driver.claim(2)), ["b", "late"]);
  }],
  [" gives one result to many tasks", async ({ driver }) => {
    const takers = Array.from({ length: 250 }, (_, i) => ({ id: `t${i}`, takes: ["a"] }));
    await driver.enqueue({ id: "a" }, ...takers);
    await driver.run();
    const claims = await driver.claim(250);
    strictEqual(claims.length, 250);
    const inputs = await Promise.all(claims.map((claim) => driver.inputs(claim, 1)));
    ok(inputs.every(([input]) => input?.text === '"a"'));
  }],
  [" gives many results to one task", async ({ driver }) => {
    const parts = Array.from({ length: 750 }, (_, i) => ({ id: `p${i}` }));
    await driver.enqueue(...parts);
    const answers = await driver.enqueue({ id: "sum", takes: ids(parts) });
    deepStrictEqual(answers, ["pending"]);
    for (let left = parts.length; left > 0; left -= 250) {
      strictEqual(await driver.status("sum"), "pending");
      await driver.end("success", ...await driver.claim(250));
    }
    const [sum] = await driver.claim();
    const texts = (await driver.inputs(sum!, 750)).map(({ text }) => text);
    deepStrictEqual(texts, parts.map(({ id }) => `"${id}"`));
  }],
  [" fails a task at once when a result it takes failed", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "ok" });
    await driver.enqueue({ id: "b", takes: ["a", "ok"] }, { id: "c", takes: ["b"] });
    await driver.outcome("c");
    const [a] = await driver.claim();
    await driver.end("failed", a!);
    deepStrictEqual([await driver.status("b"), await driver.status("c")], ["failed", "failed"]);
    strictEqual(failureIn((await driver.outcome("c"))?.text).id, "a");
    deepStrictEqual(await driver.enqueue({ id: "d", takes: ["c"] }), ["enqueued"]);
    strictEqual(await driver.status("d"), "failed");
    deepStrictEqual(ids(await driver.claim(9)), ["ok"]);
  }],
  [" gives a failure to a task that takes failures", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "ok" });
    await driver.enqueue({ id: "b", takes: ["a", "ok"], onError: "pass" });
    await driver.end("failed", ...await driver.claim());
    await driver.run();
    const [b] = await driver.claim();
    deepStrictEqual(b?.inputs.map(({ status }) => status), ["failed", "success"]);
  }],
  [" treats an unknown task as a failed argument", async ({ driver }) => {
    await driver.enqueue({ id: "b", takes: ["nobody"] });
    const outcome = await driver.outcome("b");
    deepStrictEqual([outcome?.status, failureIn(outcome?.text).text], ["expired", GONE]);
    await driver.enqueue({ id: "c", takes: ["nobody"], onError: "pass" });
    strictEqual((await driver.claim())[0]?.inputs[0]?.status, "expired");
    await driver.enqueue({ id: "a" }, { id: "d", takes: ["a", "nobody"] });
    strictEqual(await driver.status("d"), "expired");
    strictEqual((await driver.queue.inspect("a"))?.refs, 0);
  }],
  [" takes the result of the very call that was meant", async ({ driver }) => {
    await driver.enqueue({ id: "a", origin: "first" });
    await driver.run();
    const takes = [{ id: "a", origin: "second" }];
    await driver.enqueue({ id: "b", takes }, { id: "c", takes, onError: "pass" });
    strictEqual(failureIn((await driver.outcome("b"))?.text).text, GONE);
    strictEqual((await driver.claim())[0]?.inputs[0]?.status, "expired");
    const other = await driver.outcome("a", "second");
    deepStrictEqual([other?.status, failureIn(other?.text).text], ["expired", GONE]);
    strictEqual((await driver.outcome("a", "first"))?.status, "success");
  }],
  [" keeps a result as long as a task needs it", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "c", takes: ["a", "b"] });
    const [a, b] = await driver.claim(2);
    await driver.exchange({ reports: [driver.report("success", a!, 0)] });
    strictEqual(await driver.status("a"), "success");
    await driver.end("success", b!);
    const [c] = await driver.claim();
    deepStrictEqual(c?.inputs.map(({ text }) => text), ['"a"', '"b"']);
    await driver.end("success", c!);
    strictEqual(await driver.queue.inspect("a"), undefined);
    strictEqual((await driver.queue.inspect("b"))?.refs, 0);
  }],
  [" keeps nothing of a dependent that was over before what it needs", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "c", takes: ["a", "b"] });
    const [a, b] = await driver.claim(2);
    await driver.end("failed", b!);
    strictEqual((await driver.queue.inspect("a"))?.refs, 0);
    await driver.exchange({ reports: [driver.report("success", a!, 0)] });
    strictEqual(await driver.queue.inspect("a"), undefined);
  }],
  [" releases the very task that waits, not a later one with its id", async ({ driver }) => {
    await driver.enqueue({ id: "a" });
    const [a] = await driver.claim();
    await driver.enqueue({ id: "c", origin: "1", takes: ["a"] });
    await driver.queue.clear();
    await driver.enqueue({ id: "b" }, { id: "c", origin: "2", takes: ["a", "b"] });
    await driver.end("success", a!);
    strictEqual((await driver.queue.inspect("c"))?.open, 1);
    deepStrictEqual([await driver.run(), await driver.run()], ["b", "c"]);
  }],
  [" keeps count when an id is used again at once", async ({ driver }) => {
    const needs = Array.from({ length: 250 }, (_, i) => ({ id: `n${i}` }));
    await driver.enqueue(...needs);
    const [first] = await driver.claim();
    await driver.enqueue({ id: "x", origin: "1", takes: ids(needs) });
    await driver.enqueue(...needs.map(({ id }) => ({ id: `y${id}`, takes: ["x"] })));
    await driver.queue.clear();
    const again = needs.map(({ id }) => ({ id: `again${id}` }));
    await driver.enqueue(...again);
    const takes = ["n0", ...ids(again)];
    await driver.enqueue({ id: "x", origin: "2", takes });
    await driver.end("success", ...await driver.claim(250));
    const waiting = await driver.queue.inspect("x");
    deepStrictEqual([waiting?.status, waiting?.open], ["pending", 1]);
    await driver.end("success", first!);
    deepStrictEqual(ids(await driver.claim(9)), ["x"]);
  }],
  [" runs a failure down a graph of any depth", async ({ driver }) => {
    const chain = Array.from({ length: 400 }, (_, i) => ({
      id: `c${i}`,
      takes: i === 0 ? [] : [`c${i - 1}`],
    }));
    await driver.enqueue(...chain);
    await driver.end("failed", ...await driver.claim());
    strictEqual(failureIn((await driver.outcome("c399"))?.text).id, "c0");
    strictEqual((await driver.queue.stats()).pending, 0);
  }],
];

const FENCES: readonly Case[] = [
  [".exchange() drops a report with an old fence", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" });
    const [first] = await driver.claim(1, "slow");
    pass(15_000);
    const [second] = await driver.claim(1, "other");
    strictEqual(second?.id, "a");
    await driver.end("failed", first!);
    strictEqual(await driver.status("a"), "processing");
    await driver.end("success", second!);
    await driver.end("failed", first!);
    await driver.end("failed", second!);
    strictEqual(await driver.status("a"), "success");
  }],
  [".exchange() drops a report for a task that waits again", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" });
    const [claim] = await driver.claim();
    pass(15_000);
    await driver.exchange({});
    await driver.end("success", claim!);
    strictEqual(await driver.status("a"), "enqueued");
  }],
  [".exchange() gives a lost task away once, in its old place", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    await driver.claim();
    await driver.outcome("a");
    pass(14_999);
    await driver.exchange({});
    strictEqual(await driver.status("a"), "processing");
    pass(1);
    deepStrictEqual(ids(await driver.claim()), ["a"]);
    strictEqual((await driver.queue.inspect("a"))?.losses, 1);
    pass(15_000);
    await driver.exchange({});
    strictEqual(await driver.status("a"), "expired");
  }],
  [".exchange() takes the word of a pool that lost a worker", async ({ driver }) => {
    await driver.enqueue({ id: "a", redeliveries: 0 });
    await driver.end("lost", ...await driver.claim());
    const outcome = await driver.outcome("a");
    const { text } = failureIn(outcome?.text);
    deepStrictEqual([outcome?.status, text], ["expired", "task expired: its worker was lost"]);
  }],
  [".exchange() takes a task back without counting", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    await driver.end("returned", ...await driver.claim());
    deepStrictEqual(ids(await driver.claim(2)), ["a", "b"]);
    strictEqual((await driver.queue.inspect("a"))?.losses, 0);
  }],
  [".exchange() puts a task that comes back where it was", async ({ driver, pass }) => {
    await driver.enqueue(...["z", "y", "x", "w"].map((id) => ({ id })));
    const [z, y] = await driver.claim(3);
    await driver.end("returned", y!);
    await driver.end("lost", z!);
    pass(15_000);
    deepStrictEqual(ids(await driver.claim(9)), ["z", "y", "x", "w"]);
  }],
  [".exchange() renews leases, and names those that are gone", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    const [a, b] = await driver.claim(2);
    const renewals = [
      { id: "a", fence: a!.fence, lease: 60_000 },
      { id: "b", fence: b!.fence - 1, lease: 60_000 },
      { id: "nobody", fence: 1, lease: 60_000 },
    ];
    const { superseded } = await driver.exchange({ renewals });
    deepStrictEqual(superseded, ["b", "nobody"]);
    pass(59_999);
    await driver.exchange({});
    deepStrictEqual([await driver.status("a"), await driver.status("b")], [
      "processing",
      "enqueued",
    ]);
  }],
  [".exchange() with an earlier number claims nothing", async ({ driver }) => {
    await driver.enqueue({ id: "a" });
    await driver.exchange({ number: 8 });
    deepStrictEqual((await driver.exchange({ number: 7, want: 1 })).claims, []);
  }],
  [".exchange() sees to any number of lost leases", async ({ driver, pass }) => {
    await driver.enqueue(...Array.from({ length: 120 }, (_, i) => ({ id: `a${i}` })));
    await driver.claim(120);
    pass(15_000);
    await driver.exchange({});
    strictEqual((await driver.queue.stats()).ready, 120);
  }],
  [".exchange() with the same number gives the same claims", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    const { claims } = await driver.exchange({ number: 7, want: 1 });
    deepStrictEqual((await driver.exchange({ number: 7, want: 1 })).claims, claims);
    deepStrictEqual(ids((await driver.exchange({ number: 8, want: 1 })).claims), ["b"]);
  }],
];

const WAITING: readonly Case[] = [
  [".wait() gives the outcomes that are there", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    await driver.run();
    deepStrictEqual(await driver.queue.wait([{ id: "a" }, { id: "b" }]), [
      { status: "success", text: '"a"' },
      undefined,
    ]);
  }],
  [".wait() gives a result any number of times", async ({ driver }) => {
    await driver.enqueue({ id: "a" });
    await driver.run();
    deepStrictEqual(await driver.outcome("a"), await driver.outcome("a"));
  }],
  [".wait() has the listener told of the others", async ({ driver }) => {
    await driver.enqueue({ id: "a", redeliveries: 0 });
    await driver.outcome("a");
    await driver.end("lost", ...await driver.claim());
    strictEqual((await driver.hear("a"))?.status, "expired");
  }],
  [" tells the client that made up an id of the outcome, unasked", async ({ driver }) => {
    const mine = ["1", "2", "3"].map((number) => driver.queue.client + number);
    const [quiet, chosen, last] = mine as [string, string, string];
    await driver.enqueue({ id: quiet }, { id: chosen, origin: "me" }, { id: "a" }, { id: last });
    const [first, ...others] = await driver.claim(4);
    // An empty text says that nobody wants the result.
    await driver.exchange({ reports: [{ ...driver.report("success", first!), text: "" }] });
    await driver.end("success", ...others);
    deepStrictEqual(await driver.hear(last), { status: "success", text: `"${last}"` });
    deepStrictEqual([...driver.heard.keys()], [last]);
    await driver.outcome(last);
    await driver.enqueue({ id: `${driver.queue.client}4` });
    await driver.outcome(`${driver.queue.client}4`);
    await driver.cancel(`${driver.queue.client}4`);
    strictEqual((await driver.hear(`${driver.queue.client}4`))?.status, "expired");
  }],
  [".wait() calls a task expired that nobody knows", async ({ driver }) => {
    const outcome = await driver.outcome("nobody");
    deepStrictEqual([outcome?.status, failureIn(outcome?.text).text], ["expired", GONE]);
  }],
  [".wait() gets an outcome that is not kept", async ({ driver }) => {
    const told = Promise.withResolvers<string>();
    driver.queue.listen({ outcome: (_, outcome) => told.resolve(outcome?.text ?? "") });
    await driver.enqueue({ id: "a" });
    await driver.outcome("a");
    const [a] = await driver.claim();
    await driver.exchange({ reports: [driver.report("success", a!, 0)] });
    strictEqual(await told.promise, '"a"');
    strictEqual(await driver.queue.inspect("a"), undefined);
  }],
  [".clear() removes what nobody has claimed, and tells who waits", async ({ driver }) => {
    const told = Promise.withResolvers<string>();
    driver.queue.listen({ outcome: (id) => told.resolve(id) });
    await driver.enqueue({ id: "run" }, { id: "a" }, { id: "b", takes: ["a", "run"] });
    const [claim] = await driver.claim();
    await driver.outcome("b");
    strictEqual(await driver.queue.clear(), 2);
    strictEqual(await told.promise, "b");
    strictEqual(await driver.queue.inspect("a"), undefined);
    strictEqual(await driver.queue.inspect("b"), undefined);
    strictEqual(await driver.queue.clear(), 0);
    await driver.end("success", claim!);
    strictEqual(await driver.status("run"), "success");
    strictEqual((await driver.queue.inspect("run"))?.refs, 0);
  }],
  [".clear() removes any number of tasks", async ({ driver }) => {
    await driver.enqueue(...Array.from({ length: 250 }, (_, i) => ({ id: `a${i}` })));
    const takers = Array.from({ length: 250 }, (_, i) => ({ id: `b${i}`, takes: ["a249"] }));
    await driver.enqueue(...takers);
    strictEqual(await driver.queue.clear(), 500);
    const { pending, ready, unsettled } = await driver.queue.stats();
    deepStrictEqual({ pending, ready, unsettled }, { pending: 0, ready: 0, unsettled: 0 });
  }],
  [".clear() frees the ids", async ({ driver }) => {
    await driver.enqueue({ id: "a", origin: "first" });
    await driver.queue.clear();
    deepStrictEqual(await driver.enqueue({ id: "a", origin: "second" }), ["enqueued"]);
  }],
  [" wakes a pool that got less than it wanted", async ({ driver }) => {
    const woken = Promise.withResolvers<void>();
    driver.queue.listen({ wake: () => woken.resolve() });
    await driver.claim(2);
    strictEqual((await driver.queue.stats()).idle, 1);
    await driver.enqueue({ id: "a" });
    await woken.promise;
    strictEqual((await driver.queue.stats()).idle, 0);
  }],
  [" wakes the next pool when the first leaves something", async ({ driver }) => {
    const woken = Promise.withResolvers<void>();
    await driver.claim(1, "one");
    await driver.claim(1, "two");
    await driver.enqueue({ id: "a" }, { id: "b" });
    strictEqual((await driver.queue.stats()).idle, 1);
    driver.queue.listen({ wake: () => woken.resolve() });
    await driver.claim(1, "one");
    await woken.promise;
    strictEqual((await driver.queue.stats()).idle, 0);
  }],
  [" wakes another pool than the one that has just got a task", async ({ driver }) => {
    for (const pool of ["one", "two", "three"]) await driver.claim(1, pool);
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "c" });
    strictEqual((await driver.queue.stats()).idle, 2);
    strictEqual((await driver.claim(1, "two")).length, 1);
    strictEqual((await driver.queue.stats()).idle, 0);
  }],
  [" does not wake a pool that left", async ({ driver }) => {
    await driver.claim(1, "one");
    await driver.exchange({ pool: "one", leaving: true });
    strictEqual((await driver.queue.stats()).idle, 0);
  }],
  [" wakes another pool for what a leaving one gives back", async ({ driver }) => {
    const woken = Promise.withResolvers<void>();
    await driver.enqueue({ id: "a" });
    const [a] = await driver.claim(1, "one");
    await driver.claim(1, "two");
    driver.queue.listen({ wake: () => woken.resolve() });
    const reports = [driver.report("returned", a!)];
    await driver.exchange({ pool: "one", leaving: true, reports });
    await woken.promise;
    deepStrictEqual(ids(await driver.claim(1, "two")), ["a"]);
  }],
];

const PAUSE: readonly Case[] = [
  [".pause() gives no tasks, and all else goes on", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] });
    const [a] = await driver.claim();
    await driver.queue.pause();
    await driver.queue.pause(); // again, which changes nothing
    strictEqual((await driver.queue.stats()).paused, true);
    deepStrictEqual(await driver.enqueue({ id: "c" }), ["enqueued"]);
    await driver.end("success", a!);
    deepStrictEqual([await driver.status("a"), await driver.status("b")], ["success", "enqueued"]);
    deepStrictEqual(await driver.claim(5), []);
    pass(15_000);
    deepStrictEqual(await driver.claim(5, "another"), []);
    await driver.queue.resume();
    strictEqual((await driver.queue.stats()).paused, false);
    deepStrictEqual(ids(await driver.claim(5)), ["b", "c"]);
  }],
  [".resume() wakes a pool", async ({ driver }) => {
    const woken = Promise.withResolvers<void>();
    await driver.queue.pause();
    await driver.enqueue({ id: "a" });
    deepStrictEqual(await driver.claim(1), []);
    driver.queue.listen({ wake: () => woken.resolve() });
    await driver.queue.resume();
    await woken.promise;
    deepStrictEqual(ids(await driver.claim(1)), ["a"]);
    await driver.queue.resume(); // of a queue that is not paused
    strictEqual((await driver.queue.stats()).paused, false);
  }],
  [".pause() holds a task that is lost or handed back", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    const [a] = await driver.claim(2);
    await driver.queue.pause();
    await driver.end("returned", a!);
    pass(15_000);
    deepStrictEqual(await driver.claim(2, "another"), []);
    deepStrictEqual([await driver.status("a"), await driver.status("b")], ["enqueued", "enqueued"]);
    await driver.queue.resume();
    deepStrictEqual(ids(await driver.claim(2, "another")), ["a", "b"]);
  }],
  [".pause() leaves a pool what the lost answer to its exchange gave it", async ({ driver }) => {
    await driver.enqueue({ id: "a" });
    const exchange = { number: 7, want: 1 };
    const { claims } = await driver.exchange(exchange);
    await driver.queue.pause();
    deepStrictEqual((await driver.exchange(exchange)).claims, claims);
    await driver.queue.resume();
  }],
];

const CANCEL: readonly Case[] = [
  [".cancel() ends a task wherever it is, and tells who waits", async ({ driver }) => {
    await driver.enqueue({ id: "run" }, { id: "next" }, { id: "later", takes: ["next"] });
    await driver.claim();
    const all = ["run", "next", "later"];
    await Promise.all(all.map((id) => driver.outcome(id)));
    const answers = await driver.cancel(...all, "nobody");
    deepStrictEqual(answers, ["cancelled", "cancelled", "cancelled", "unknown"]);
    for (const id of all) {
      const outcome = await driver.outcome(id);
      const { id: cause, text } = failureIn(outcome?.text);
      deepStrictEqual([outcome?.status, cause, text], ["expired", id, CANCELLED]);
      deepStrictEqual(await driver.hear(id), outcome);
      const record = await driver.queue.inspect(id);
      deepStrictEqual([record?.message, record?.fence, record?.refs], [undefined, 0, 0]);
    }
    const { pending, ready, leased, unsettled } = await driver.queue.stats();
    deepStrictEqual([pending, ready, leased, unsettled], [0, 0, 0, 0]);
  }],
  [".cancel() with an origin ends that very call, and no later one", async ({ driver }) => {
    await driver.enqueue({ id: "a", origin: "first" });
    await driver.run();
    await driver.enqueue({ id: "b", origin: "first", resultTimeout: 0 });
    deepStrictEqual(
      await driver.queue.cancel([{ id: "b", origin: "other" }, { id: "a", origin: "other" }]),
      ["unknown", "unknown"],
    );
    strictEqual(await driver.status("b"), "enqueued");
    const same = [{ id: "b", origin: "first" }, { id: "a", origin: "first" }];
    deepStrictEqual(await driver.queue.cancel(same), ["cancelled", "over"]);
  }],
  [".cancel() leaves the others in their order", async ({ driver }) => {
    const all = Array.from({ length: 9 }, (_, i) => ({ id: `a${i}` }));
    await driver.enqueue(...all);
    await driver.cancel("a0", "a4", "a8");
    deepStrictEqual(ids(await driver.claim(9)), ["a1", "a2", "a3", "a5", "a6", "a7"]);
  }],
  [".cancel() leaves a task as it is that is over", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" });
    await driver.run();
    await driver.end("failed", ...await driver.claim());
    deepStrictEqual(await driver.cancel("a", "b"), ["over", "over"]);
    deepStrictEqual([await driver.status("a"), await driver.status("b")], ["success", "failed"]);
    await driver.enqueue({ id: "c" });
    const reports = (await driver.claim()).map((claim) => driver.report("success", claim));
    // A result that looks as if.
    const text = JSON.stringify({ task: "t", queue: driver.queue.name, id: "c", text: CANCELLED });
    await driver.exchange({ reports: reports.map((report) => ({ ...report, text })) });
    deepStrictEqual(await driver.cancel("c"), ["over"]);
  }],
  [".cancel() sent again changes nothing", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" }, { id: "b", takes: ["a"] }, { id: "c", takes: ["b"] });
    await driver.run();
    deepStrictEqual(await driver.cancel("b"), ["cancelled"]);
    const look = () => Promise.all(["a", "b", "c"].map((id) => driver.queue.inspect(id)));
    const before = await look();
    pass(1);
    deepStrictEqual(await driver.cancel("b", "c"), ["cancelled", "over"]);
    deepStrictEqual(await look(), before);
  }],
  [".cancel() takes a task from its pool", async ({ driver, pass }) => {
    await driver.enqueue({ id: "a" });
    const first = { number: 7, want: 1 };
    const [claim] = (await driver.exchange(first)).claims;
    await driver.cancel("a");
    deepStrictEqual((await driver.exchange(first)).claims, []);
    const renewals = [{ id: "a", fence: claim!.fence, lease: 15_000 }];
    deepStrictEqual((await driver.exchange({ renewals })).superseded, ["a"]);
    await driver.end("success", claim!);
    await driver.end("returned", claim!);
    pass(15_000);
    deepStrictEqual(await driver.claim(), []);
    strictEqual(await driver.status("a"), "expired");
  }],
  [
    ".cancel() fails dependents, and wakes a pool for one that takes failures",
    async ({ driver }) => {
      const woken = Promise.withResolvers<void>();
      await driver.enqueue({ id: "a" });
      await driver.claim(2);
      await driver.enqueue({ id: "fails", takes: ["a"] });
      await driver.enqueue({ id: "passes", takes: ["a"], onError: "pass" });
      driver.queue.listen({ wake: () => woken.resolve() });
      await driver.cancel("a");
      await woken.promise;
      const outcome = await driver.outcome("fails");
      deepStrictEqual([outcome?.status, failureIn(outcome?.text).id], ["expired", "a"]);
      const [passes] = await driver.claim();
      strictEqual(passes?.id, "passes");
      deepStrictEqual(passes?.inputs, [outcome]);
      strictEqual((await driver.queue.inspect("a"))?.refs, 1);
    },
  ],
  [".cancel() gives back the results that a task takes", async ({ driver }) => {
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "c", takes: ["a", "b"] });
    const [a, b] = await driver.claim(2);
    await driver.exchange({ reports: [driver.report("success", a!, 0)] });
    strictEqual((await driver.queue.inspect("a"))?.refs, 1);
    await driver.cancel("c");
    strictEqual(await driver.queue.inspect("a"), undefined);
    strictEqual((await driver.queue.inspect("b"))?.refs, 0);
    await driver.end("success", b!);
    strictEqual(await driver.status("b"), "success");
  }],
  [".cancel() keeps nothing of a task whose result is not kept", async ({ driver }) => {
    await driver.enqueue({ id: "a" });
    await driver.enqueue({ id: "b", origin: "first", takes: ["a"], resultTimeout: 0 });
    deepStrictEqual(await driver.cancel("b"), ["cancelled"]);
    strictEqual(await driver.queue.inspect("b"), undefined);
    deepStrictEqual(await driver.cancel("b"), ["unknown"]);
    deepStrictEqual(await driver.enqueue({ id: "b", origin: "second" }), ["enqueued"]);
  }],
  [".cancel() ends any number of tasks", async ({ driver }) => {
    const needs = Array.from({ length: 250 }, (_, i) => ({ id: `n${i}` }));
    await driver.enqueue(...needs);
    await driver.enqueue({ id: "wide", takes: ids(needs) });
    const takers = needs.map(({ id }) => ({ id: `t${id}`, takes: ["wide"] }));
    await driver.enqueue(...takers);
    deepStrictEqual(await driver.cancel("wide"), ["cancelled"]);
    const [first] = await driver.claim();
    deepStrictEqual((await driver.queue.inspect("n0"))?.refs, 0);
    const last = await driver.outcome("tn249");
    deepStrictEqual([last?.status, failureIn(last?.text).id], ["expired", "wide"]);
    const answers = await driver.cancel(...ids(needs), ...ids(takers), "nobody");
    deepStrictEqual(answers.slice(0, 250), needs.map(() => "cancelled"));
    deepStrictEqual(answers.slice(250), [...takers.map(() => "over"), "unknown"]);
    await driver.end("success", first!);
    const { pending, ready, leased, unsettled } = await driver.queue.stats();
    deepStrictEqual([pending, ready, leased, unsettled], [0, 0, 0, 0]);
  }],
  [".fsck() finds nothing in a queue with tasks in every place", async ({ driver }) => {
    const hostile = [
      "kept:a",
      "needs:a",
      "t:a",
      "m:",
      "given:1",
      "a\nb",
      "*",
      "%d é😀",
      "constructor",
    ];
    const needs = Array.from({ length: 200 }, (_, i) => ({ id: `n${i}` }));
    await driver.enqueue(...needs);
    await driver.end("success", ...await driver.claim(150));
    await driver.enqueue({ id: "wide", takes: [...ids(needs), "nobody"], onError: "pass" });
    await driver.enqueue({ id: "dies", takes: ["n0", "n1"], priority: 1 });
    await driver.end("failed", ...await driver.claim());
    await driver.enqueue(...hostile.map((id, i) => ({
      id,
      origin: `${i}`,
      takes: i === 0 ? [] : [{ id: hostile[i - 1]!, origin: `${i - 1}` }],
      plan: { key: id, ...(i % 2 === 0 ? {} : { delay: 60_000 }) },
    })));
    await driver.claim(20, "another");
    const options = { repair: true, limit: 9 };
    deepStrictEqual(await driver.queue.fsck(options), []);
    await driver.cancel("wide", ...hostile);
    await driver.end("success", ...await driver.claim(100));
    await driver.queue.discard(["dies"]);
    await driver.queue.clear();
    deepStrictEqual(await driver.queue.fsck(options), []);
  }],
];
