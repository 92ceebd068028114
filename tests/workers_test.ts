/** Pools of threads and of processes: what every one of them does, on every backend. */
import { deepStrictEqual, match, rejects, strictEqual, throws } from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { all, getBroker, map, task } from "@worq/worq";
import { isDeno } from "../src/runtime.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { EventLog, KINDS, makePool, MODULE, testWorkers } from "./support/worker_pools.ts";
import type { tasks } from "./support/worker_tasks.ts";

const WAIT = { timeout: 20_000 };
const numbers = (length: number) => Array.from({ length }, (_, i) => i);

testWorkers("workers run tasks, and results go into others", async ({ q, start }) => {
  start({ workers: 2 });
  const sum = await q.add(q.add(1, 2), q.add(3, 4));
  strictEqual(await sum.result(WAIT), 10);
  await rejects(
    (await q.fail("too odd")).result(WAIT),
    /^TaskFailure: fail .* RangeError: too odd/,
  );
});

testWorkers("all workers work at the same time", async ({ q, path, start }) => {
  start({ workers: 2 });
  const place = path();
  const workers = await all([q.meet(place, 2), q.meet(place, 2)], WAIT);
  strictEqual(new Set(workers).size, 2);
});

testWorkers("a pool starts once, and stops any number of times", async ({ q, start }) => {
  const pool = start();
  throws(() => pool.start(), /Cannot start pool .*: it was started before/);
  strictEqual(await (await q.add(1, 2)).result(WAIT), 3);
  await Promise.all([pool.stop(), pool.stop()]);
  throws(() => pool.start(), /it was started before/);
});

testWorkers(
  "maxWorkerTasks: 3 gives runs 1, 2, 3, 1 in two workers",
  async ({ kind, q, start }) => {
    start({ maxWorkerTasks: 3 });
    const counts = await all(await map(q.count, [1, 2, 3, 4]), WAIT);
    deepStrictEqual(counts.map(({ runs }) => runs), [1, 2, 3, 1]);
    const workers = counts.map(({ worker }) => worker);
    strictEqual(new Set(workers.slice(0, 3)).size, 1);
    strictEqual(new Set(workers).size, 2);
    strictEqual(new Set(counts.map(({ pid }) => pid)).size, kind === "process" ? 2 : 1);
  },
);

testWorkers("a worker over maxWorkerMemory is replaced", async ({ q, start }) => {
  start({ maxWorkerMemory: 250_000_000 });
  const [{ worker }] = await all([q.who()], WAIT);
  strictEqual(await (await q.hold(8)).result(WAIT), worker);
  strictEqual(await (await q.hold(300_000_000)).result(WAIT), worker);
  await eventually(
    async () => (await (await q.who()).result(WAIT)).worker,
    (other) => other !== worker,
    4_000, // less than the pause of an idle pool
  );
});

testWorkers("concurrency lets tasks overlap in one worker", async ({ q, path, start }) => {
  start({ concurrency: 5 });
  const place = path();
  const workers = await all(numbers(5).map(() => q.meet(place, 5)), WAIT);
  strictEqual(new Set(workers).size, 1);
});

testWorkers("init may have another name, take arguments and be async", async ({ q, start }) => {
  const words = new Map([["greeting", "good morning"]]);
  const pool = start({ export: "initGreeting", initArgs: [words], name: "greeters" });
  match(pool.id, /^greeters-/);
  strictEqual(await (await q.greet("world")).result(WAIT), "good morning world");
});

testWorkers("a task over its taskTimeout is asked to end", async ({ q, log, start }) => {
  start({ taskTimeout: 100 });
  const { worker } = await (await q.who()).result(WAIT);
  strictEqual(await (await q.obey("return")).result(WAIT), "The task took longer than 100 ms");
  await rejects(
    (await q.obey("throw")).result(WAIT),
    /^TaskFailure: obey .* took longer than the taskTimeout of 100 ms$/,
  );
  strictEqual((await (await q.who()).result(WAIT)).worker, worker, "its worker lives on");
  deepStrictEqual(log.of("worker ended"), []);
});

testWorkers("a cancelled task is asked to end", async ({ q, log, path, start }) => {
  start({ concurrency: 2 });
  const [gate, begun] = [path(), path()];
  const obey = await task(q.obey, { heartbeatInterval: 20 })("return");
  const other = await q.finish(gate, begun); // in the same worker
  await eventually(() => existsSync(`${begun}.begun`), Boolean);
  strictEqual(await obey.cancel(), true);
  await rejects(obey.result(WAIT), /TaskExpired: obey .* task expired: it was cancelled$/);
  writeFileSync(gate, "");
  await other.result(WAIT);
  deepStrictEqual(log.of("worker ended"), []);
});

testWorkers("a cancelled task that does not heed it is ended by force", async (setting) => {
  const { kind, q, log, path, start } = setting;
  start();
  const gate = path();
  const ended = log.next("worker ended");
  const block = await task(q.block, { heartbeatInterval: 20 })(gate);
  const next = await q.double(2);
  await eventually(() => block.status(), (status) => status === "processing");
  strictEqual(await block.cancel(), true);
  if (kind === "thread" && isDeno) {
    writeFileSync(gate, ""); // nothing else ends it there
    strictEqual(await next.result(WAIT), 4);
    deepStrictEqual(log.of("worker ended"), []);
  } else {
    match(`${(await ended).how}`, /a cancelled task did not end within 1000 ms/);
    strictEqual(await next.result(WAIT), 4);
  }
});

testWorkers("quick tasks behind a slow one run elsewhere", async ({ q, path, start }) => {
  start({ workers: 2 });
  // Quick ones first, so that several go to a worker at a time.
  await all(await map(q.double, numbers(500)), WAIT);
  const gate = path();
  const slow = await q.block(gate);
  await all(await map(q.double, numbers(100)), WAIT);
  strictEqual(await slow.wait({ timeout: 0 }), false);
  writeFileSync(gate, "");
  strictEqual(typeof await slow.result(WAIT), "string");
});

testWorkers("what is done before a slow task is told at once", async ({ q, path, start }) => {
  start();
  await all(await map(q.double, numbers(500)), WAIT);
  const gate = path();
  const quick = map(q.double, numbers(20));
  const slow = q.block(gate);
  const after = map(q.double, numbers(20));
  deepStrictEqual(await all(await quick, WAIT), numbers(20).map((n) => 2 * n));
  writeFileSync(gate, "");
  await (await slow).result(WAIT);
  await all(await after, WAIT);
});

testWorkers("what is done is not lost with its worker", async ({ kind, q, path, start }) => {
  start();
  await all(await map(q.double, numbers(500)), WAIT);
  const ledger = path();
  const notes = numbers(20).map((n) => q.note(ledger, `${n}`));
  const end = task(q.misbehave, { redeliveries: 0 })(kind === "process" ? "SIGKILL" : "exit(1)");
  const more = numbers(20).map((n) => q.note(ledger, `${20 + n}`));
  await rejects((await end).result(WAIT), /TaskExpired/);
  await all([...notes, ...more], WAIT);
  const lines = readFileSync(ledger, "utf8").trimEnd().split("\n");
  deepStrictEqual(lines, numbers(40).map(String), "each ran once");
});

testWorkers("stop() lets running tasks finish", async ({ q, path, start }) => {
  const pool = start();
  const gate = path();
  const running = await q.block(gate);
  const waiting = await q.who();
  await eventually(() => running.status(), (status) => status === "processing");
  const stopped = pool.stop();
  writeFileSync(gate, "");
  await stopped;
  strictEqual(typeof await running.result(WAIT), "string");
  strictEqual(await waiting.status(), "enqueued");
});

testWorkers("stop() hands back what does not finish, and another pool runs it", async (setting) => {
  const { q, broker, path, start } = setting;
  const pool = start();
  const place = path();
  const meeting = await q.meet(place, 2);
  await eventually(() => existsSync(place), (there) => there);
  await pool.stop({ grace: 0 });
  strictEqual((await broker.taskQueue.inspect(meeting.id))?.losses, 0, "no attempt counted");
  strictEqual(await meeting.status(), "enqueued");
  start();
  strictEqual(typeof await meeting.result(WAIT), "string");
});

testWorkers("a failure whose result is ignored is told to the pool", async ({ q, start }) => {
  const told = Promise.withResolvers<Error>();
  start({ onError: told.resolve });
  await task(q.fail, { ignoreResult: true })("unseen");
  match((await told.promise).message, /^fail .* RangeError: unseen$/);
});

testWorkers("no Redis client is in a worker, unless a task brings one", async ({ q, start }) => {
  start();
  strictEqual(await (await q.hasRedisClient()).result(WAIT), false);
  strictEqual(await (await q.loadRedisClient()).result(WAIT), true);
});

Deno.test({
  name: "a thread that closes itself is noticed and replaced",
  ignore: !isDeno, // where threads can do that
  async fn() {
    await using broker = getBroker("memory://close", freshName());
    const logger = new EventLog();
    await using _pool = makePool("thread", broker, { logger }).start();
    const q = broker.queue<typeof tasks>();
    const call = await task(q.closeItself, { redeliveries: 0 })();
    await rejects(call.result(WAIT), /TaskExpired.*its worker pool-.{8}:1 closed itself$/);
    strictEqual(await (await q.add(1, 2)).result(WAIT), 3);
  },
});

for (const kind of KINDS) {
  Deno.test(`${kind}: a worker says that it cannot see the queues in its pool's memory`, async () => {
    await using broker = getBroker("memory://far", freshName());
    await using _pool = makePool(kind, broker).start();
    const { queues } = broker.queue<typeof tasks>();
    await rejects(
      (await queues("memory://far")).result(WAIT),
      /Cannot list the queues of memory:\/\/far from a worker: .* need a redis:\/\/ queue/,
    );
    deepStrictEqual(await (await queues("memory://its-own")).result(WAIT), []);
  });

  testOn(redisUrl, `${kind}: one pool serves several queues, the first one first`, async (url) => {
    const names = [crypto.randomUUID(), crypto.randomUUID()];
    await using first = getBroker(url, names[0]!);
    await using second = getBroker(url, names[1]!);
    const options = { workers: 1, module: MODULE };
    const [q1, q2] = [first, second].map((broker) =>
      broker.queue<{ count(turn: number): { runs: number } }>()
    );
    const later = await map(q2!.count, [1, 2, 3]);
    const sooner = await map(q1!.count, [1, 2, 3]);
    await using _pool = makePool(kind, [first, second], options).start();
    const runs = async (calls: typeof later) => (await all(calls, WAIT)).map(({ runs }) => runs);
    deepStrictEqual(await runs(sooner), [1, 2, 3]);
    deepStrictEqual(await runs(later), [4, 5, 6]);
  });
}
