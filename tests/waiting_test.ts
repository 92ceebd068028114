/** Tasks that wait for tasks, and tasks that continue as others. */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  all,
  asCompleted,
  Broker,
  type Deferred,
  getBroker,
  InlineWorkerPool,
  map,
  type Queue,
  task,
  TaskExpired,
  TaskFailure,
} from "@worq/worq";
import { MemoryTaskQueue } from "@worq/worq/backend";
import { Abort } from "../src/abort.ts";
import type { Place } from "../src/current_task.ts";
import { DEFAULT_POLICY } from "../src/message.ts";
import type { Exchange, Report, TaskQueue } from "../src/task_queue.ts";
import { freshName, redisUrl, testOn, testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { type Tasks, tasksOn } from "./support/waiting_tasks.ts";
import { EventLog, type Kind, KINDS, makePool, type PoolOptions } from "./support/worker_pools.ts";

const WAIT = { timeout: 30_000 };
const MODULE = new URL("./support/waiting_tasks.ts", import.meta.url);
const numbers = (length: number) => Array.from({ length }, (_, i) => i);

/** A broker with a pool on this event loop, which ends with it. */
async function inline(
  url: string,
  name: string,
  body: (broker: Broker, q: Queue<Tasks>, pool: InlineWorkerPool) => Promise<void>,
  options = {},
): Promise<void> {
  await using broker = getBroker(url, name);
  const q = broker.queue<Tasks>();
  broker.expose(tasksOn(q));
  await using pool = new InlineWorkerPool(broker, { concurrency: 1, ...options }).start();
  await body(broker, q, pool);
}

testOnAll(
  "a pool of one computes what is recursive",
  (url, name) =>
    inline(url, name, async (broker, q) => {
      strictEqual(await (await q.fib(12)).result(WAIT), 144);
      strictEqual((await broker.taskQueue.stats()).leased, 0);
    }),
);

testOnAll("a task lends its place once, and to one other task", async (url, name) => {
  await using broker = getBroker(url, name);
  const goOn = Promise.withResolvers<void>();
  const q = broker.queue<{ parent(): string; hold(n: number): number }>();
  let held = 0;
  broker.expose({
    async parent(): Promise<string> {
      const [a, b] = await map(q.hold, [1, 2]);
      return (await Promise.all([a!.result(), b!.result(), a!.result()])).join();
    },
    async hold(n: number): Promise<number> {
      held++;
      await goOn.promise;
      return n;
    },
  });
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();
  const parent = await q.parent();
  await eventually(() => held, (n) => n > 0);
  const { leased, ready } = await broker.taskQueue.stats();
  deepStrictEqual({ held, leased, ready }, { held: 1, leased: 2, ready: 1 });
  goOn.resolve();
  strictEqual(await parent.result(WAIT), "1,2,1");
});

testOnAll("a thousand tasks wait at the same time in a pool of one", async (url, name) => {
  await using broker = getBroker(url, name);
  const goOn = Promise.withResolvers<string>();
  const q = broker.queue<{ wait(n: number): number; last(): string }>();
  let waiting = 0;
  const last = task(q.last, { id: "last" })();
  broker.expose({
    async wait(n: number): Promise<number> {
      waiting++;
      await (await last).result();
      return n;
    },
    last: () => goOn.promise,
  });
  await last;
  const waits = await map(q.wait, numbers(1_000));
  // The first one has no place to lend yet: it holds the only one.
  await using _pool = new InlineWorkerPool(broker, { concurrency: 2 }).start();
  await eventually(() => waiting, (n) => n === 1_000);
  goOn.resolve("now");
  strictEqual((await all(waits, WAIT)).length, 1_000);
});

/** Runs one function as a task that lends `place`. */
async function runIn(
  place: Place,
  body: (q: Queue<{ hold(n: number): number }>) => unknown,
  abort: Abort = new Abort(),
): Promise<Report> {
  await using broker = getBroker("memory://waiting", freshName()).expose({ body: () => body(q) });
  const q = broker.queue<{ hold(n: number): number }>();
  const claim = { id: "1", fence: 1, message: undefined, inputs: [], failures: 0 };
  const message = { ...DEFAULT_POLICY, name: "body", args: "[]", needs: 0 };
  const report = await broker.run(claim, message, abort, undefined, place);
  await broker.clear();
  return report;
}

class CountedPlace implements Place {
  readonly waiting: Place["waiting"];
  /** Letters of what was done with it. */
  log = "";

  constructor(waiting: Place["waiting"] = "lend") {
    this.waiting = waiting;
  }
  lend(): void {
    this.log += "l";
  }
  takeBack(): void {
    this.log += "t";
  }
}

Deno.test("only real waits lend: none for what is known, and none without time", async () => {
  const place = new CountedPlace();
  const { kind, text } = await runIn(place, async (q) => {
    const [a, b] = await map(q.hold, [1, 2]);
    strictEqual(await a!.wait({ timeout: 0 }), false);
    strictEqual(await a!.status(), "enqueued");
    strictEqual(place.log, "");
    strictEqual(await a!.wait({ timeout: 1 }), false);
    strictEqual(place.log, "lt");
    await a!.cancel();
    const waits = [a!.wait(), a!.wait(), b!.wait({ timeout: 5 })];
    strictEqual(place.log, "ltl", "at once, and once");
    deepStrictEqual(await Promise.all(waits), [true, true, false]);
    strictEqual(place.log, "ltlt");
    strictEqual(await a!.wait(), true);
    strictEqual(place.log, "ltlt", "known by now");
    await rejects(b!.wait({ timeout: -1 }), RangeError);
    await rejects(b!.wait({ signal: AbortSignal.abort() }), /AbortError/);
    strictEqual(place.log, "ltlt");
    return "done";
  });
  deepStrictEqual([kind, text], ["success", '"done"']);
});

Deno.test("a task without waits does nothing with its place", async () => {
  const place = new CountedPlace();
  await runIn(place, () => 1);
  await runIn(place, () => Promise.reject(new Error("no")));
  strictEqual(place.log, "");
});

Deno.test("what a task leaves behind lends nothing any more", async () => {
  const place = new CountedPlace();
  const over = Promise.withResolvers<void>();
  let late: Promise<boolean[]> | undefined;
  await using broker = getBroker("memory://waiting", freshName());
  const elsewhere = await broker.queue<{ hold(n: number): number }>().hold(1);
  await runIn(place, (): void => {
    const begun = elsewhere.wait({ timeout: 20 });
    late = over.promise.then(async () => [await begun, await elsewhere.wait({ timeout: 5 })]);
    strictEqual(place.log, "l");
  });
  strictEqual(place.log, "lt", "taken back with its end");
  over.resolve();
  deepStrictEqual(await late, [false, false]);
  strictEqual(place.log, "lt");
  await broker.clear();
});

Deno.test("a wait ends with the task's signal, or with its own", async () => {
  const abort = new Abort();
  const place = new CountedPlace();
  const begun = Promise.withResolvers<void>();
  const run = runIn(place, async (q) => {
    const held = await q.hold(1);
    const own = new AbortController();
    const wait = held.wait({ signal: own.signal });
    own.abort(new Error("my own"));
    await rejects(wait, /my own/);
    begun.resolve();
    await held.result({ signal: new AbortController().signal });
  }, abort);
  await begun.promise;
  abort.abort(new Error("enough"));
  match((await run).text, /enough/);
  strictEqual(place.log, "ltlt");
});

Deno.test("a pool may refuse waiting, and says what to do", async () => {
  const place = new CountedPlace("refuse");
  const { text } = await runIn(place, async (q) => {
    const held = await q.hold(1);
    strictEqual(await held.wait({ timeout: 0 }), false);
    await held.result();
  });
  match(
    text,
    /Cannot wait for hold \[test-.*\] inside body \[test-.*:1\]: its pool refuses that \(waiting: \\"refuse\\"\); return the Deferred, and the task continues as it, or pass it to a task as an argument/,
  );
  strictEqual(place.log, "");
});

testOnAll(
  "a pool that refuses waiting runs tasks that continue as others",
  (url, name) =>
    inline(
      url,
      name,
      async (_, q) => {
        await rejects(
          (await q.fib(2)).result(WAIT),
          /WorqError: Cannot wait for fib .* inside fib/,
        );
        strictEqual(await (await q.down(3)).result(WAIT), "landed");
      },
      { waiting: "refuse" },
    ),
);

Deno.test("waiting is one of two words", async () => {
  await using broker = getBroker("memory://waiting", freshName());
  const waiting = "maybe" as "lend";
  throws(() => new InlineWorkerPool(broker, { waiting }), /waiting must be "lend" or "refuse"/);
  throws(() => makePool("process", broker, { waiting }), /waiting must be "lend" or "refuse"/);
});

testOnAll("map, all and asCompleted wait inside a task as well", async (url, name) => {
  await using broker = getBroker(url, name);
  const q = broker.queue<{ sum(count: number): number; half(n: number): number }>();
  broker.expose({
    async sum(count: number): Promise<number> {
      const halves = await map(q.half, numbers(count));
      let sum = 0;
      for await (const half of asCompleted(halves)) sum += half.value;
      return sum + (await all(halves)).length;
    },
    half: (n: number) => n / 2,
  });
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();
  strictEqual(await (await q.sum(5)).result(WAIT), 10);
});

testOnAll(
  "a task continues as the one whose handle it returns, thousands of times",
  (url, name) =>
    inline(url, name, async (broker, q) => {
      strictEqual(await (await q.down(3_000)).result(WAIT), "landed");
      strictEqual((await broker.taskQueue.stats()).leased, 0);
    }),
);

testOnAll("a task continues as one of another queue, whatever its value is", async (url, name) => {
  await using broker = getBroker(url, name);
  await using other = getBroker(url, `${name}-other`);
  const there = other.queue<{ value(): Map<string, Date> }>();
  other.expose({ value: () => new Map([["then", new Date(7)]]) });
  broker.expose({ here: async () => await there.value() });
  await using _pools = new InlineWorkerPool([broker, other], { concurrency: 1 }).start();
  const q = broker.queue<{ here: () => Promise<Deferred<Map<string, Date>>> }>();
  const value = await (await q.here()).result(WAIT);
  deepStrictEqual(value, new Map([["then", new Date(7)]]));
});

testOnAll(
  "a failure names the task that was called and the one that failed",
  (url, name) =>
    inline(url, name, async (_, q) => {
      const far = await q.fail("too far", 20);
      const error = await far.result(WAIT).catch((error) => error);
      ok(error instanceof TaskFailure);
      const { cause } = error;
      ok(cause instanceof TaskFailure);
      strictEqual(error.taskId, far.id);
      ok(cause.taskId !== far.id);
      strictEqual(cause.message, `fail [${name}:${cause.taskId}] RangeError: too far`);
      strictEqual(error.message, `fail [${name}:${far.id}] continued as ${cause.message}`);
      ok(cause.cause instanceof RangeError);
      // A dependent hears the same.
      const dependent = await q.double(far as never);
      await rejects(
        dependent.result(WAIT),
        /cannot run, since an argument failed: fail .* continued as fail .* RangeError: too far/,
      );
      // A task that failed for an argument is not the one that failed.
      const told = (await q.fail(far as never, 1)) as Deferred<never>;
      await rejects(told.result(WAIT), /cannot run, since an argument failed/);
    }),
);

testOnAll("a task that continues as a cancelled one has failed", async (url, name) => {
  await using broker = getBroker(url, name);
  const child = Promise.withResolvers<Deferred<number>>();
  const q = broker.queue<{ become: () => Promise<Deferred<number>>; never(): number }>();
  broker.expose({
    async become(): Promise<Deferred<number>> {
      const never = await q.never();
      child.resolve(never);
      return never;
    },
    never: () => new Promise<number>(() => {}),
  });
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();
  const become = await q.become();
  await (await child.promise).cancel();
  const error = await become.result(WAIT).catch((error) => error);
  match(
    `${error}`,
    /^TaskFailure: become .* continued as never .* task expired: it was cancelled$/,
  );
  ok(error.cause instanceof TaskExpired);
});

Deno.test("a failure whose result is ignored is told, also when it is another task's", async () => {
  const told = Promise.withResolvers<Error>();
  await inline("memory://waiting", freshName(), async (_, q) => {
    await task(q.fail, { ignoreResult: true })("unseen", 1);
    match((await told.promise).message, /^fail .* continued as fail .* RangeError: unseen$/);
  }, { onError: told.resolve });
});

testOnAll("a pool that stops hands back what waits, and another one goes on", async (url, name) => {
  const tasks = (q: Queue<Tasks>) => ({ ...tasksOn(q), hold: () => held.promise });
  const held = Promise.withResolvers<string>();
  const brokers = numbers(2).map(() => getBroker(url, name));
  await using _one = brokers[0]!;
  await using _two = brokers[1]!;
  const q = brokers[0]!.queue<Tasks>();
  for (const broker of brokers) broker.expose(tasks(broker.queue<Tasks>()));
  const folder = await mkdtemp(join(tmpdir(), "worq-test-"));
  try {
    const begun = join(folder, "begun");
    const calls = [await q.parent("", begun), await q.becomes("", begun), await q.twice("")];
    await using pool = new InlineWorkerPool(brokers[0]!, { concurrency: 1 }).start();
    // All of them wait; of what they wait for, one runs.
    await eventually(() => brokers[0]!.taskQueue.stats(), ({ leased }) => leased === 4);
    await pool.stop({ grace: 20 });
    const { leased } = await brokers[0]!.taskQueue.stats();
    strictEqual(leased, 0);
    for (const call of calls) {
      strictEqual(await call.status(), "enqueued");
      strictEqual((await brokers[0]!.taskQueue.inspect(call.id))?.losses, 0);
    }
    held.resolve("held");
    await using _next = new InlineWorkerPool(brokers[1]!, { concurrency: 1 }).start();
    deepStrictEqual(await all(calls, WAIT), ["held", "held", "held"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

testOnAll("cancelling a task that waits frees it at once", async (url, name) => {
  await using broker = getBroker(url, name);
  const ended = Promise.withResolvers<unknown>();
  const begun = Promise.withResolvers<void>();
  const q = broker.queue<{ wait(): void; never(): number; one(): number }>();
  broker.expose({
    async wait(): Promise<void> {
      const never = await q.never();
      begun.resolve();
      await never.wait().catch(ended.resolve);
    },
    never: () => new Promise<number>(() => {}),
    one: () => 1,
  });
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1, grace: 0 }).start();
  const wait = await task(q.wait, { heartbeatInterval: 20 })();
  await begun.promise;
  await wait.cancel();
  match(`${await ended.promise}`, /was cancelled/);
});

Deno.test("signs of life of thousands of tasks go in portions, and none is late", async () => {
  const inner = new MemoryTaskQueue("memory://waiting", freshName());
  const sizes: number[] = [];
  const renewed = new Map<string, number>();
  const queue: TaskQueue = Object.assign(Object.create(inner), {
    name: inner.name,
    address: inner.address,
    exchange(exchange: Exchange) {
      sizes.push(exchange.renewals.length);
      for (const { id } of exchange.renewals) renewed.set(id, (renewed.get(id) ?? 0) + 1);
      return inner.exchange(exchange);
    },
    ...Object.fromEntries(
      (["enqueue", "inputs", "wait", "inspect", "stats", "clear", "listen", "announce"] as const)
        .map((name) => [name, (inner[name] as (...args: unknown[]) => unknown).bind(inner)]),
    ),
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  });
  await using broker = new Broker(queue);
  const goOn = Promise.withResolvers<void>();
  const q = broker.queue<{ wait(): void; last(): void }>();
  const last = task(q.last, { heartbeatInterval: 200 })();
  let waiting = 0;
  broker.expose({
    async wait(): Promise<void> {
      waiting++;
      await (await last).result();
    },
    last: () => goOn.promise,
  });
  await using _pool = new InlineWorkerPool(broker, { concurrency: 2 }).start();
  const wait = task(q.wait, { heartbeatInterval: 200 });
  try {
    const waits = await Promise.all(numbers(2_500).map(() => wait()));
    await eventually(() => waiting, (n) => n === 2_500);
    // A computation that blocks this event loop: then all are due at once.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 250);
    await eventually(() => [...renewed.values()].filter((n) => n > 2).length, (n) => n > 2_500);
    strictEqual(Math.max(...sizes), 1_000);
    goOn.resolve();
    await all(waits, WAIT);
  } finally {
    goOn.resolve();
  }
});

/** A pool of workers on Redis, which alone can be reached from other processes. */
interface Setting {
  readonly broker: Broker;
  readonly q: Queue<Tasks>;
  readonly log: EventLog;
  readonly kind: Kind;
  path(): string;
  start(options?: PoolOptions): ReturnType<typeof makePool>;
}

function testWaiting(title: string, body: (setting: Setting) => Promise<void>): void {
  for (const kind of KINDS) {
    testOn(redisUrl, `${kind}: ${title}`, async (url) => {
      const name = freshName();
      const log = new EventLog();
      await using broker = getBroker(url, name);
      const folder = await mkdtemp(join(tmpdir(), "worq-test-"));
      await using stack = new AsyncDisposableStack();
      stack.defer(() => rm(folder, { recursive: true }));
      const own = { module: MODULE, initArgs: [name], logger: log };
      const start = (options: PoolOptions = {}) =>
        stack.use(makePool(kind, broker, { ...own, ...options }).start());
      const path = () => join(folder, freshName());
      await body({ kind, broker, q: broker.queue<Tasks>(), log, path, start });
    });
  }
}

/** Resolves when the task that writes `path` waits. */
const isThere = (path: string) => eventually(() => existsSync(path), Boolean);

testWaiting("one worker computes what is recursive", async ({ q, log, broker, start }) => {
  start();
  strictEqual(await (await q.fib(11)).result(WAIT), 89);
  strictEqual(await (await q.down(1_000)).result(WAIT), "landed");
  strictEqual((await broker.taskQueue.stats()).leased, 0);
  deepStrictEqual(log.of("worker ended"), []);
});

testWaiting("tasks sent ahead to a worker do not wait for one that waits", async (setting) => {
  const { q, broker, path, start } = setting;
  start({ concurrency: 2 }); // one place is held
  const gate = path();
  await all(await map(q.double, numbers(500)), WAIT); // quick ones: then tasks are sent ahead
  const calls = numbers(30).flatMap((n) => [q.double(n), n % 3 === 0 ? q.fib(5) : q.double(n)]);
  const twice = await q.twice(gate);
  const more = numbers(30).flatMap((n) => [q.fib(4), q.double(n)]);
  const values = await all([...calls, ...more], WAIT);
  strictEqual(values.length, 120);
  writeFileSync(gate, "");
  await twice.result(WAIT);
  strictEqual((await broker.taskQueue.stats()).leased, 0);
});

testWaiting("several workers compute together, with waits that give up", async (setting) => {
  const { q, broker, path, start } = setting;
  start({ workers: 2, concurrency: 2 });
  const gate = path();
  const fibs = await map(q.fib, numbers(9));
  const patient = await Promise.all(numbers(20).map(() => q.parent(gate, path(), 50)));
  const cancelled = await Promise.all(
    numbers(20).map(() => task(q.parent, { heartbeatInterval: 20 })(gate, path())),
  );
  await Promise.all(cancelled.map((call) => call.cancel()));
  writeFileSync(gate, "");
  deepStrictEqual(await all(fibs, WAIT), [0, 1, 1, 2, 3, 5, 8, 13, 21]);
  for (const given of await all(patient, WAIT)) match(given, /^(true|false)$/);
  await eventually(() => broker.taskQueue.stats(), ({ leased, ready }) => leased + ready === 0);
});

testWaiting("a task whose worker dies while it waits runs again", async (setting) => {
  const { kind, q, log, path, start } = setting;
  start({ concurrency: 3 });
  const [gate, begun] = [path(), path()];
  const parent = await q.parent(gate, begun);
  const becomes = await q.becomes(gate, path());
  await isThere(begun);
  const ended = log.next("worker ended");
  if (kind === "process") process.kill(Number(readFileSync(begun, "utf8")), "SIGKILL");
  else await task(q.crash, { redeliveries: 0 })();
  await ended;
  writeFileSync(gate, "");
  match(await parent.result(WAIT), /^\d+$/);
  match(await becomes.result(WAIT), /^\d+$/);
});

testWaiting(
  "cancelling a task that waits leaves its worker and the others alone",
  async (setting) => {
    const { q, log, path, start } = setting;
    start({ concurrency: 3 });
    const [gate, begun, other] = [path(), path(), path()];
    const kept = await q.parent(gate, other);
    const parent = await task(q.parent, { heartbeatInterval: 20 })(gate, begun);
    const becomes = await task(q.becomes, { heartbeatInterval: 20 })(gate, path());
    await Promise.all([isThere(begun), isThere(other)]);
    for (const one of [parent, becomes]) {
      strictEqual(await one.cancel(), true);
      await rejects(one.result(WAIT), TaskExpired);
    }
    writeFileSync(gate, "");
    match(await kept.result(WAIT), /^\d+$/);
    strictEqual(await (await q.fib(6)).result(WAIT), 8);
    deepStrictEqual(log.of("worker ended"), []);
  },
);

testWaiting("a task that waits for longer than its taskTimeout ends alone", async (setting) => {
  const { q, log, path, start } = setting;
  start({ taskTimeout: 300 });
  const parent = await q.parent(path(), path());
  await rejects(parent.result(WAIT), /took longer than the taskTimeout of 300 ms/);
  strictEqual(await (await q.double(2)).result(WAIT), 4);
  // What ignores its signal cost the worker, as ever; it was the one that is waited for.
  ok(log.of("worker ended").length <= 1);
});

testWaiting("workers refuse waiting where their pool does", async ({ q, start }) => {
  start({ waiting: "refuse" });
  await rejects(
    (await q.fib(2)).result(WAIT),
    /WorqError: Cannot wait for fib .* pool refuses that/,
  );
  strictEqual(await (await q.down(5)).result(WAIT), "landed");
});

testWaiting("workers are replaced although their tasks wait", async ({ q, log, broker, start }) => {
  start({ maxWorkerTasks: 2 });
  strictEqual(await (await q.fib(7)).result(WAIT), 13);
  strictEqual(await (await q.down(20)).result(WAIT), "landed");
  await all(await map(q.double, numbers(4)), WAIT);
  ok(log.of("worker retires").length > 1);
  strictEqual((await broker.taskQueue.stats()).leased, 0);
});

testWaiting(
  "restart() has new workers run what the tasks of the old ones wait for",
  async (setting) => {
    const { kind, q, path, start } = setting;
    const pool = start();
    const [gate, begun] = [path(), path()];
    const becomes = await q.becomes(gate, begun);
    const before = await q.parent(gate, path());
    await isThere(begun);
    pool.restart();
    writeFileSync(gate, "");
    const pid = await becomes.result(WAIT);
    await before.result(WAIT);
    if (kind === "process") match(pid, /^\d+$/);
  },
);

testWaiting("a worker that is told to end by someone else is replaced at once", async (setting) => {
  const { kind, q, path, start } = setting;
  if (kind === "thread") return; // a signal is for the whole process
  start();
  const [gate, begun] = [path(), path()];
  const parent = await q.parent(gate, begun);
  await isThere(begun);
  const held = await eventually(() => parent.status(), (status) => status === "processing");
  strictEqual(held, "processing");
  process.kill(Number(readFileSync(begun, "utf8")), "SIGTERM");
  writeFileSync(gate, "");
  match(await parent.result(WAIT), /^\d+$/);
  strictEqual(await (await q.fib(5)).result(WAIT), 5);
});

testWaiting("stop() hands back what waits in a worker", async (setting) => {
  const { q, broker, path, start } = setting;
  const pool = start();
  const [gate, begun] = [path(), path()];
  const calls = [await q.parent(gate, begun), await q.becomes(gate, path())];
  await isThere(begun);
  await pool.stop({ grace: 50 });
  strictEqual((await broker.taskQueue.stats()).leased, 0);
  for (const { id } of calls) strictEqual((await broker.taskQueue.inspect(id))?.losses, 0);
  rmSync(begun);
  writeFileSync(gate, "");
  start();
  for (const value of await all(calls, WAIT)) match(value, /^\d+$/);
});
