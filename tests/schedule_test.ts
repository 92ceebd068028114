/** Schedules: when they tick, and that each tick is one task. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import process from "node:process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Broker,
  currentTask,
  getBroker,
  InlineWorkerPool,
  type ModuleWorkerPool,
  type ScheduleTimes,
  task,
  TaskSpace,
} from "@worq/worq";
import { testQueue } from "@worq/worq/testing";
import { Scheduler } from "../src/scheduler.ts";
import { BACKENDS, freshName, redisUrl, testOn, testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { FROM_SOURCE, Running, worq } from "./support/worq.ts";
import { KINDS, makePool } from "./support/worker_pools.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A kit with a task that notes when it ran. */
async function clockwork(url: string, now: string) {
  const ran: string[] = [];
  const kit = await testQueue(url, {
    tasks: { mark: (text: string) => void ran.push(`${text} ${kit.now.toISOString()}`) },
    now: new Date(now),
    name: freshName(),
  });
  return { kit, ran, mark: kit.q.mark, [Symbol.asyncDispose]: () => kit[Symbol.asyncDispose]() };
}

/** A pool elsewhere, or the same one after a restart: its scheduler alone. */
function elsewhere(kit: { url: string; name: string; clock: () => number }) {
  const broker = getBroker(kit.url, kit.name, { clock: kit.clock });
  const scheduler = new Scheduler(broker.taskQueue, () => broker.declared);
  return {
    broker,
    mark: broker.queue<{ mark(text: string): void }>().mark,
    look: () => scheduler.look(),
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

/** The same test on every backend, with a clock of its own. */
function testKits(name: string, body: (url: string) => Promise<void>): void {
  for (const { name: backend, url } of BACKENDS) {
    testOn(backend === "memory" ? "memory://schedules" : url, `${name} [${backend}]`, body);
  }
}

testKits("a fixed time comes on each day, when the clocks change, too", async (url) => {
  await using spring = await clockwork(url, "2027-03-26T12:00:00Z");
  const daily = { cron: "30 2 * * *", timeZone: "Europe/Berlin" };
  spring.kit.broker.schedule("daily", daily, spring.mark, "tick");
  await spring.kit.advance(4 * DAY);
  deepStrictEqual(spring.ran, [
    "tick 2027-03-27T01:30:00.000Z",
    "tick 2027-03-28T01:00:00.000Z", // at 2:00 it becomes 3:00
    "tick 2027-03-29T00:30:00.000Z",
    "tick 2027-03-30T00:30:00.000Z",
  ]);
  await using autumn = await clockwork(url, "2027-10-29T12:00:00Z");
  autumn.kit.broker.schedule("daily", daily, autumn.mark, "tick");
  autumn.kit.broker.schedule("twice", { ...daily, cron: "30 2,14 * * *" }, autumn.mark, "two");
  await autumn.kit.advance(3 * DAY);
  deepStrictEqual(autumn.ran.filter((text) => text.startsWith("tick")), [
    "tick 2027-10-30T00:30:00.000Z",
    "tick 2027-10-31T00:30:00.000Z", // at 3:00 it becomes 2:00 again
    "tick 2027-11-01T01:30:00.000Z",
  ]);
  deepStrictEqual(autumn.ran.filter((text) => text.startsWith("two")), [
    "two 2027-10-29T12:30:00.000Z",
    "two 2027-10-30T00:30:00.000Z",
    "two 2027-10-30T12:30:00.000Z",
    "two 2027-10-31T00:30:00.000Z",
    "two 2027-10-31T13:30:00.000Z",
    "two 2027-11-01T01:30:00.000Z",
  ]);
});

testKits("a step of minutes is what the clocks show, once for each time", async (url) => {
  await using autumn = await clockwork(url, "2027-10-30T23:59:00Z");
  autumn.kit.broker.schedule(
    "often",
    { cron: "*/30 * * * *", timeZone: "Europe/Berlin" },
    autumn.mark,
    "tick",
  );
  strictEqual(await autumn.kit.advance(2 * HOUR), 4);
  deepStrictEqual(autumn.ran.at(-1), "tick 2027-10-31T01:30:00.000Z");
});

testKits("intervals count from 1970 on, without a zone cron is in UTC", async (url) => {
  await using one = await clockwork(url, "2030-01-01T00:17:31Z");
  const { kit: { broker }, kit, mark, ran } = one;
  broker.schedule("hourly", { every: HOUR }, mark, "hour");
  broker.schedule("daily", { cron: "@daily" }, mark, "day");
  broker.schedule("seconds", { cron: "15 59 23 * * *" }, mark, "second");
  await kit.advance(2 * HOUR);
  deepStrictEqual(ran.splice(0), [
    "hour 2030-01-01T01:00:00.000Z",
    "hour 2030-01-01T02:00:00.000Z",
  ]);
  await kit.advance(22 * HOUR);
  deepStrictEqual(ran.filter((text) => !text.startsWith("hour")), [
    "second 2030-01-01T23:59:15.000Z",
    "day 2030-01-02T00:00:00.000Z",
  ]);
  await kit.assertEnqueued("mark", ["day"], {
    id: "schedule:daily:2030-01-03T00:00:00.000Z",
    runAt: Date.UTC(2030, 0, 3),
  });
});

testKits("any number of pools make one tick, whatever their clocks say", async (url) => {
  await using one = await clockwork(url, "2030-01-01T00:00:00Z");
  const { kit, ran } = one;
  await using pools = new AsyncDisposableStack();
  const others = [1, 2, 3].map(() => pools.use(elsewhere(kit)));
  for (const { broker, mark } of others) broker.schedule("often", { every: MINUTE }, mark, "tick");
  const { now } = Date;
  for (let i = 1; i <= 5; i++) {
    await Promise.all(others.map(({ look }, n) => {
      Date.now = () => now() + (n - 1) * DAY;
      return look();
    }));
    Date.now = now;
    strictEqual((await kit.broker.taskQueue.stats()).scheduled, 1);
    strictEqual(await kit.advance(MINUTE), 1);
    deepStrictEqual(ran.splice(0), [`tick ${kit.now.toISOString()}`]);
  }
});

testKits("ticks that nobody was there for are made up for by one", async (url) => {
  await using one = await clockwork(url, "2030-01-01T00:00:00Z");
  const { kit, ran } = one;
  {
    await using pool = elsewhere(kit);
    pool.broker.schedule("daily", { cron: "0 3 * * *" }, pool.mark, "tick");
    await pool.look();
  }
  strictEqual(await kit.advance(5 * DAY), 1);
  deepStrictEqual(ran.splice(0), ["tick 2030-01-01T03:00:00.000Z"]);
  await kit.broker.pause();
  await using again = elsewhere(kit);
  again.broker.schedule("daily", { cron: "0 3 * * *" }, again.mark, "tick");
  await again.look();
  await kit.advance(3 * DAY); // nobody takes tasks, or makes ticks
  await kit.broker.resume();
  await again.look();
  strictEqual(await kit.drain(), 1);
  const [schedule] = await again.broker.schedules();
  deepStrictEqual(schedule?.tick, new Date("2030-01-09T03:00:00Z"));
  strictEqual(schedule?.state, "waiting");
});

testKits("a declaration that changed takes the place of the old one", async (url) => {
  await using one = await clockwork(url, "2030-01-01T00:00:00Z");
  const { kit, ran } = one;
  await using old = elsewhere(kit);
  old.broker.schedule("job", { cron: "0 3 * * *" }, old.mark, "old");
  await old.look();
  await using young = elsewhere(kit);
  young.broker.schedule("job", { cron: "0 3 * * *" }, young.mark, "young"); // other arguments
  await young.look();
  await Promise.all([old.look(), young.look()]);
  strictEqual((await kit.broker.taskQueue.stats()).pending, 1);
  await kit.advance(4 * HOUR);
  await Promise.all([old.look(), young.look()]);
  deepStrictEqual(ran.splice(0), ["young 2030-01-01T03:00:00.000Z"]);

  await using later = elsewhere(kit);
  later.broker.schedule("job", { cron: "0 5 * * *" }, later.mark, "later");
  await later.look();
  await old.look();
  await kit.advance(HOUR);
  deepStrictEqual(ran.splice(0), ["later 2030-01-01T05:00:00.000Z"]);
  // The pool that started last is gone: those that are left go on with theirs.
  await kit.advance(MINUTE);
  await old.look();
  await kit.advance(DAY);
  deepStrictEqual(ran, ["old 2030-01-02T03:00:00.000Z"]);
});

testKits("what is gone from the code ticks once more, unless it is ended", async (url) => {
  await using one = await clockwork(url, "2030-01-01T00:00:00Z");
  const { kit: { broker }, kit, mark, ran } = one;
  broker.schedule("gone", { every: HOUR }, mark, "gone");
  broker.schedule("ended", { every: HOUR }, mark, "ended");
  await kit.drain();
  broker.declared.delete("gone");
  strictEqual(await broker.unschedule("ended"), true);
  strictEqual(await broker.unschedule("ended"), false);
  await kit.advance(DAY);
  deepStrictEqual(ran, ["gone 2030-01-01T01:00:00.000Z"]);
  deepStrictEqual((await broker.schedules()).map(({ name, state }) => [name, state]), [
    ["gone", "over"],
  ]);
});

testKits("a tick can be cancelled, one that was cleared comes back", async (url) => {
  await using one = await clockwork(url, "2030-01-01T00:00:00Z");
  const { kit: { broker }, kit, mark, ran } = one;
  broker.schedule("hourly", { every: HOUR }, mark, "tick");
  await kit.drain();
  strictEqual(await broker.clear(), 1);
  await kit.advance(HOUR);
  const [schedule] = await broker.schedules();
  await broker.taskQueue.cancel([{ id: schedule!.taskId }]);
  await kit.drain();
  strictEqual((await broker.schedules())[0]?.state, "cancelled");
  await kit.advance(2 * HOUR);
  deepStrictEqual(ran, ["tick 2030-01-01T01:00:00.000Z", "tick 2030-01-01T03:00:00.000Z"]);
});

testKits("ticks overlap, or are left out until the last one is over", async (url) => {
  const ran: Record<string, number[]> = {};
  const tasks = new TaskSpace("tasks", {
    slow: (name: string) => {
      (ran[name] ??= []).push(new Date(kit.now).getUTCMinutes());
      if (currentTask().attempt === 1 && ran[name]!.length === 1) throw new Error("again");
    },
  }, { slow: { retries: 1, backoff: 25 * MINUTE } });
  await using kit = await testQueue(url, {
    tasks,
    now: Date.UTC(2030, 0, 1),
    name: freshName(),
    init: (broker) => {
      const { slow } = broker.queue<typeof tasks>().tasks;
      broker.schedule("runs", { every: 10 * MINUTE }, slow, "runs");
      broker.schedule("skips", { every: 10 * MINUTE, overlap: "skip" }, slow, "skips");
    },
  });
  await kit.advance(59 * MINUTE);
  deepStrictEqual(ran, { runs: [10, 20, 30, 35, 40, 50], skips: [10, 35, 40, 50] });
});

testKits("options of the task hold for each tick", async (url) => {
  await using one = await clockwork(url, "2030-01-01T00:00:00Z");
  const { kit, mark, ran } = one;
  kit.broker.schedule("low", { every: HOUR }, mark, "low");
  kit.broker.schedule("high", { every: HOUR }, task(mark, { priority: 9 }), "high");
  kit.broker.schedule("none", { every: HOUR }, task(mark, { ignoreResult: true }), "none");
  await kit.drain();
  await kit.assertEnqueued("mark", ["high"], { priority: 9, count: 1 });
  await kit.advance(HOUR);
  strictEqual(ran.shift(), "high 2030-01-01T01:00:00.000Z");
  const inspect = (name: string) =>
    kit.broker.taskQueue.inspect(`schedule:${name}:2030-01-01T01:00:00.000Z`);
  strictEqual((await inspect("low"))?.status, "success");
  strictEqual(await inspect("none"), undefined);
});

testOnAll("pools make ticks as they come, one for all of them", async (url, name) => {
  const ids: string[] = [];
  const tasks = { mark: () => void ids.push(currentTask().id) };
  const begin = () => {
    const broker = getBroker(url, name).expose(tasks);
    broker.schedule("often", { every: 1_000 }, broker.queue<typeof tasks>().mark);
    return { broker, pool: new InlineWorkerPool(broker).start() };
  };
  const pools = [begin(), begin()];
  await eventually(() => ids.length, (count) => count >= 2);
  await pools[0]!.pool.stop(); // a restart
  pools.push(begin());
  await eventually(() => ids.length, (count) => count >= 3);
  await Promise.all(pools.map(({ pool }) => pool.stop()));
  strictEqual(new Set(ids).size, ids.length);
  match(ids[0]!, /^schedule:often:20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
  const times = ids.map((id) => Date.parse(id.slice("schedule:often:".length)));
  deepStrictEqual(
    times.slice(1).map((time, i) => time - times[i]!),
    times.slice(1).map(() => 1_000),
  );
  strictEqual(await pools[0]!.broker.unschedule("often"), true);
  for (const { broker } of pools) await broker[Symbol.asyncDispose]();
});

testOnAll("a pool leaves ticks out while one runs, and goes on after it", async (url, name) => {
  const begun: (() => void)[] = [];
  const tasks = { wait: () => new Promise<void>((go) => begun.push(go)) };
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();
  // Also one that is declared when the pool runs already.
  const { wait } = broker.queue<typeof tasks>();
  broker.schedule("slow", { every: 1_000, overlap: "skip" }, wait);
  await eventually(() => begun.length, (count) => count === 1);
  await eventually(() => broker.schedules(), ([slow]) => slow!.state === "running");
  const before = (await broker.schedules())[0]!.tick.getTime();
  await eventually(() => Date.now(), (now) => now > before + 2_500);
  strictEqual(begun.length, 1);
  begun[0]!();
  await eventually(() => begun.length, (count) => count === 2, 3_000);
  begun[1]!();
  await broker.unschedule("slow");
});

/** A pool of workers whose module declares a schedule. */
async function testModule(
  url: string,
  name: string,
  start: (broker: Broker, module: URL, initArgs: string[]) => ModuleWorkerPool,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "worq-test-"));
  const ledger = join(folder, "ledger");
  const module = new URL("./support/schedule_tasks.ts", import.meta.url);
  {
    await using broker = getBroker(url, name);
    await using pool = start(broker, module, [name, ledger]);
    pool.start();
    await pool.ready;
    const lines = () => existsSync(ledger) ? readFileSync(ledger, "utf8").trim().split("\n") : [];
    const ids = await eventually(lines, ({ length }) => length >= 2);
    strictEqual(new Set(ids).size, ids.length);
    match(ids[0]!, /^schedule:marks:/);
    strictEqual((await broker.schedules()).length, 1);
  }
  await using broker = getBroker(url, name);
  await broker.unschedule("marks");
  await rm(folder, { recursive: true });
}

for (const kind of KINDS) {
  testOnAll(`schedules of a module are known to its pool: ${kind}`, async (url, name) => {
    await testModule(
      url,
      name,
      (broker, module, initArgs) => makePool(kind, broker, { module, workers: 2, initArgs }),
    );
  });
}

testOn(
  redisUrl,
  "worq run keeps schedules, worq schedules lists and unschedule ends",
  async (url) => {
    const queue = freshName();
    const at = ["--url", url, "--queue", queue];
    const folder = await mkdtemp(join(tmpdir(), "worq-test-"));
    const ledger = join(folder, "ledger");
    const module = new URL("./support/schedule_tasks.ts", import.meta.url).pathname;
    const env = { ...process.env, SCHEDULE_QUEUE: queue, SCHEDULE_LEDGER: ledger };
    match((await worq(FROM_SOURCE, "schedules", ...at)).out, /^no schedule .*\n$/);
    for (const kind of ["--inline", "--processes"]) {
      const workers = kind === "--inline" ? [] : ["--workers", "1"];
      await using running = new Running({ ...FROM_SOURCE, env }, [
        "run",
        module,
        kind,
        ...workers,
        ...at,
      ]);
      await running.says(/serving/);
      const runs = existsSync(ledger) ? readFileSync(ledger, "utf8").length : 0;
      await eventually(
        () => existsSync(ledger) ? readFileSync(ledger, "utf8").length : 0,
        (length) => length > runs,
      );
    }
    const { out } = await worq(FROM_SOURCE, "schedules", ...at);
    match(
      out,
      /^NAME +TASK +TIMES +TICK +STATE\nmarks +mark +every 1s +20.*Z +(waiting|running)\n$/,
    );
    const [one] = (await worq(FROM_SOURCE, "schedules", "--json", ...at)).out.trim().split("\n")
      .map((line) => JSON.parse(line));
    deepStrictEqual([one.name, one.every, one.overlap], ["marks", 1_000, "run"]);
    const ended = await worq(FROM_SOURCE, "unschedule", "marks", "others", ...at);
    strictEqual(ended.out, "marks  ended\nothers  unknown\n");
    match(ended.err, /^worq: 1 of 2 schedules are not in queue /);
    strictEqual(ended.code, 1);
    await using foreign = new Running({ ...FROM_SOURCE, env }, [
      ...["run", module, "--inline", "--url", url, "--queue", `${queue}-other`],
    ]);
    await foreign.says(/does not serve the queue of a schedule.* schedule=marks/);
    await rm(folder, { recursive: true });
  },
);

Deno.test("schedules that cannot be are refused", async () => {
  await using broker = getBroker("memory://schedule-mistakes");
  await using other = getBroker("memory://schedule-mistakes", "other");
  const { mark } = broker.queue<{ mark(text: string): void }>();
  const wrong: [times: unknown, message: RegExp][] = [
    [
      { cron: "61 * * * *" },
      /^Cannot schedule job: cron "61 \* \* \* \*": Invalid value for minute: 61$/,
    ],
    [{ cron: "* * *" }, /cron "\* \* \*": .*five/],
    [{ cron: "" }, /cron ""/],
    [{ cron: "0 0 30 2 *" }, /cron "0 0 30 2 \*" never comes$/],
    [{ cron: "2027-01-01T00:00:00" }, /has a colon, expected fields as in "0 3 \* \* \*"$/],
    [{ cron: "@reboot" }, /cron "@reboot": @reboot is not supported/],
    [{ cron: 5 }, /cron must be a text, received 5$/],
    [
      { cron: "0 3 * * *", timeZone: "Europe/Berlni" },
      /unknown timeZone "Europe\/Berlni", expected/,
    ],
    [{ cron: "0 3 * * *", timeZone: "" }, /unknown timeZone ""/],
    [{ every: 999 }, /every must be whole milliseconds, 1000 to \d+, received 999$/],
    [{ every: 1_000.5 }, /received 1000.5$/],
    [{ every: NaN }, /received NaN$/],
    [{ every: "1h" }, /received 1h$/],
    [{ every: 1_000, timeZone: "UTC" }, /timeZone is for cron/],
    [{ every: 1_000, cron: "* * * * *" }, /expected either cron or every$/],
    [{}, /expected either cron or every$/],
    [undefined, /expected either cron or every$/],
    [{ every: 1_000, overlap: "wait" }, /overlap must be "run" or "skip", received "wait"$/],
    [{ every: 1_000, jitter: 5 }, /unknown option "jitter", expected one of cron, timeZone, every/],
  ];
  for (const [times, message] of wrong) {
    throws(() => broker.schedule("job", times as ScheduleTimes, mark, "x"), { message });
  }
  const fine = { every: 1_000 };
  throws(() => broker.schedule("", fine, mark, "x"), /Cannot schedule "": a name is 1 to 200/);
  throws(() => broker.schedule("a\nb", fine, mark, "x"), /none of them a control character/);
  throws(() => broker.schedule("job", fine, (() => {}) as never), /expected a task on a queue/);
  throws(() => broker.schedule("job", fine, broker.queue() as never), /expected a task on a queue/);
  throws(() => other.schedule("job", fine, mark, "x"), /mark is a task on .*default, and this/);
  for (const option of [{ delay: 1 }, { runAt: 1 }, { expiresAt: 1 }, { id: "x" }]) {
    throws(
      () => broker.schedule("job", fine, task(mark, option), "x"),
      /for one task, not for every/,
    );
  }
  const call = await mark("x");
  throws(() => broker.schedule("job", fine, mark, call as never), /arguments contains a Deferred/);
  throws(() => broker.schedule("job", fine, mark, (() => {}) as never), /Cannot schedule job: /);
  broker.schedule("job", fine, mark, "x");
  throws(() => broker.schedule("job", fine, mark, "x"), /there is a schedule with this name/);
  // @ts-expect-error a number is not a text
  throws(() => broker.schedule("job", fine, mark, 7));
  // @ts-expect-error an argument is missing
  throws(() => broker.schedule("job", fine, mark));
  await broker.clear();
  ok([...broker.declared].length === 1);
});
