/** Cases of the suite: schedules, of which one tick is enqueued at a time. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DEFAULT_POLICY, encodeMessage } from "../message.ts";
import type { ScheduleChange, ScheduleRecord } from "../task_queue.ts";
import { type Case, ids } from "./case.ts";

const NOW = 1_000_000_000_000;
const FIRST = NOW + 1_000;

const message = (args = "[]") => encodeMessage({ ...DEFAULT_POLICY, name: "t", args, needs: 0 });

/** The next tick of schedule "s". */
function tick(at: number, spec = "a", seen?: ScheduleChange["seen"], id = `s${at}`) {
  const next = { spec, at, task: { id, message: message(`["${spec}"]`) }, priority: 0 };
  return { name: "s", tick: next, ...(seen === undefined ? {} : { seen }) };
}

const without = ({ over: _, ...record }: ScheduleRecord) => record;

/** Schedules and their ticks. */
export const SCHEDULES: readonly Case[] = [
  [".schedule() enqueues a tick for its time", async ({ driver, pass }) => {
    const { queue } = driver;
    deepStrictEqual(await queue.schedule([]), { now: NOW, schedules: [] });
    const first = { name: "s", spec: "a", at: FIRST, id: "one", over: false };
    deepStrictEqual(await queue.schedule([tick(FIRST, "a", undefined, "one")]), {
      now: NOW,
      schedules: [first],
    });
    const { status, due, origin } = (await queue.inspect("one"))!;
    deepStrictEqual([status, due, origin], ["pending", FIRST, "one"]);
    pass(1_000);
    strictEqual(await driver.run(), "one");
    deepStrictEqual((await queue.schedule([])).schedules, [{ ...first, over: true }]);
  }],
  [".schedule() makes several changes in one call", async ({ driver, pass }) => {
    const others = ["x", "y"].map((id) => ({ ...tick(FIRST, id, undefined, id), name: id }));
    const { schedules } = await driver.queue.schedule([tick(FIRST), ...others]);
    deepStrictEqual(schedules.map(({ name }) => name).sort(), ["s", "x", "y"]);
    pass(1_000);
    deepStrictEqual(ids(await driver.claim(9)), [`s${FIRST}`, "x", "y"]);
  }],
  [".schedule() makes one tick for all who ask for it", async ({ driver, pass }) => {
    const { queue } = driver;
    await Promise.all([1, 2, 3].map(() => queue.schedule([tick(FIRST)])));
    const other = await queue.schedule([tick(FIRST + 5)]);
    deepStrictEqual(other.schedules.map(({ at }) => at), [FIRST]);
    strictEqual((await queue.stats()).scheduled, 1);
    pass(1_000);
    const seen = { spec: "a", at: FIRST };
    await queue.schedule([tick(FIRST + 1_000, "a", seen), tick(FIRST + 1_000, "a", seen)]);
    await queue.schedule([tick(FIRST + 1_000, "a", seen)]);
    deepStrictEqual(ids(await driver.claim(9)), [`s${FIRST}`]);
    strictEqual((await queue.stats()).scheduled, 1);
  }],
  [".schedule() replaces a tick that is not due, also under its id", async ({ driver, pass }) => {
    const { queue } = driver;
    await queue.schedule([tick(FIRST)]);
    strictEqual(await driver.outcome(`s${FIRST}`), undefined);
    await queue.schedule([tick(FIRST, "b", { spec: "a", at: FIRST })]);
    strictEqual((await driver.hear(`s${FIRST}`))?.status, "expired");
    strictEqual((await queue.inspect(`s${FIRST}`))?.message, message('["b"]'));
    await queue.schedule([tick(FIRST, "c", { spec: "a", at: FIRST })]);
    deepStrictEqual((await queue.schedule([])).schedules.map(without), [
      { name: "s", spec: "b", at: FIRST, id: `s${FIRST}` },
    ]);
    await queue.schedule([tick(FIRST + 500, "d", { spec: "b", at: FIRST })]);
    strictEqual(await queue.inspect(`s${FIRST}`), undefined);
    pass(9_000);
    const claims = await driver.claim(9);
    deepStrictEqual(claims.map(({ message }) => message), [message('["d"]')]);
  }],
  [".schedule() leaves alone a tick that was due", async ({ driver, pass }) => {
    const { queue } = driver;
    await queue.schedule([tick(FIRST)]);
    pass(1_000);
    const seen = { spec: "a", at: FIRST };
    await queue.schedule([tick(FIRST + 1_000, "b", seen)]);
    strictEqual(await driver.run(), `s${FIRST}`);
    pass(1_000);
    const [claim] = await driver.claim();
    await queue.schedule([{ name: "s", seen: { spec: "b", at: FIRST + 1_000 } }]);
    await driver.end("success", claim!);
    strictEqual(await driver.status(claim!.id), "success");
    deepStrictEqual((await queue.schedule([])).schedules, []);
  }],
  [".schedule() ends a schedule, and then there is none to end", async ({ driver, pass }) => {
    const { queue } = driver;
    const seen = { spec: "a", at: FIRST };
    await queue.schedule([tick(FIRST)]);
    await queue.schedule([{ name: "s", seen: { ...seen, at: 0 } }]);
    strictEqual((await queue.schedule([])).schedules.length, 1);
    const { schedules } = await queue.schedule([{ name: "s", seen }, { name: "s", seen }]);
    deepStrictEqual(schedules, []);
    const { pending, scheduled, unsettled } = await queue.stats();
    deepStrictEqual([pending, scheduled, unsettled], [0, 0, 0]);
    pass(1_000);
    deepStrictEqual(await driver.claim(), []);
  }],
  [".schedule() brings back a tick that was cleared, but never one that was due", async (bench) => {
    const { driver: { queue }, driver, pass } = bench;
    const again = tick(FIRST, "a", { spec: "a", at: FIRST });
    await queue.schedule([tick(FIRST)]);
    strictEqual(await queue.clear(), 1);
    const cleared = await queue.schedule([again]);
    deepStrictEqual(cleared.schedules.map(({ over }) => over), [false]);
    await driver.cancel(`s${FIRST}`);
    // That is meant, as its record tells.
    deepStrictEqual((await queue.schedule([again])).schedules.map(({ over }) => over), [true]);
    await queue.schedule([tick(FIRST + 1, "b", again.seen)]);
    pass(1_001);
    const [claim] = await driver.claim();
    await driver.exchange({ reports: [driver.report("success", claim!, 0)] });
    await queue.schedule([tick(FIRST + 1, "b", { spec: "b", at: FIRST + 1 })]);
    deepStrictEqual(await driver.claim(), []);
  }],
  [".schedule() keeps priorities, and wakes a pool that sleeps for too long", async (bench) => {
    const { driver: { queue }, driver, pass } = bench;
    const woken = Promise.withResolvers<void>();
    queue.listen({ wake: woken.resolve });
    await driver.claim();
    const urgent = tick(FIRST);
    await queue.schedule([{ ...urgent, tick: { ...urgent.tick, priority: 9 } }]);
    await woken.promise;
    await driver.enqueue({ id: "a" });
    // One whose time has come is enqueued at once.
    await driver.run();
    await driver.claim();
    strictEqual((await queue.stats()).idle, 1);
    await queue.schedule([{ ...tick(NOW, "a", undefined, "now"), name: "other" }]);
    deepStrictEqual([await driver.status("now"), (await queue.stats()).idle], ["enqueued", 0]);
    pass(1_000);
    deepStrictEqual(ids(await driver.claim(9)), [`s${FIRST}`, "now"]);
  }],
];
