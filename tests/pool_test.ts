/** The life of a pool, on every backend. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  all,
  Broker,
  currentTask,
  getBroker,
  InlineWorkerPool,
  map,
  task,
  type TaskFailure,
} from "@worq/worq";
import { MemoryTaskQueue } from "@worq/worq/backend";
import type { Renewal, TaskQueue } from "../src/task_queue.ts";
import { freshName, testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";

const WAIT = { timeout: 10_000 };
const nothing = () => {};
const quiet = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Tasks that run until they are told to go on. */
function gated() {
  const goOn = Promise.withResolvers<void>();
  const signals: AbortSignal[] = [];
  let running = 0;
  let most = 0;
  const hold = async (value: number) => {
    signals.push(currentTask().signal);
    most = Math.max(most, ++running);
    await goOn.promise;
    running--;
    return value;
  };
  return { tasks: { hold }, goOn, signals, running: () => running, most: () => most };
}

testOnAll("a pool starts once, and stops any number of times", async (url, name) => {
  await using broker = getBroker(url, name);
  const unstarted = new InlineWorkerPool(broker);
  await unstarted.stop();
  throws(() => unstarted.start(), /it was started before/);
  const pool = new InlineWorkerPool(broker).start();
  throws(() => pool.start(), /Cannot start pool .*: it was started before/);
  await Promise.all([pool.stop(), pool.stop()]);
  await pool[Symbol.asyncDispose]();
  throws(() => pool.stop({ grace: -1 }), RangeError);
});

testOnAll("a pool runs as many tasks at once as it may", async (url, name) => {
  const { tasks, goOn, running, most } = gated();
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker, { concurrency: 3 }).start();
  const held = await map(broker.queue<typeof tasks>().hold, [1, 2, 3, 4, 5]);
  await eventually(running, (n) => n === 3);
  strictEqual((await broker.taskQueue.stats()).leased, 3);
  goOn.resolve();
  deepStrictEqual(await all(held, WAIT), [1, 2, 3, 4, 5]);
  strictEqual(most(), 3);
});

testOnAll("stop() lets running tasks finish, and takes no more", async (url, name) => {
  const { tasks, goOn, running } = gated();
  await using broker = getBroker(url, name).expose(tasks);
  const pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();
  const held = await map(broker.queue<typeof tasks>().hold, [1, 2]);
  await eventually(running, (n) => n === 1);
  const stopped = pool.stop();
  goOn.resolve();
  await stopped;
  strictEqual(await held[0]!.result(WAIT), 1);
  strictEqual(await held[1]!.status(), "enqueued");
  await broker.clear();
});

testOnAll("stop() hands back what does not finish, and another pool runs it", async (url, name) => {
  const { tasks, goOn, signals, running } = gated();
  await using broker = getBroker(url, name).expose(tasks);
  const pool = new InlineWorkerPool(broker).start();
  const held = await broker.queue<typeof tasks>().hold(7);
  await eventually(running, (n) => n === 1);
  await pool.stop({ grace: 0 });
  strictEqual(signals[0]!.aborted, true);
  strictEqual(await held.status(), "enqueued");
  strictEqual((await broker.taskQueue.inspect(held.id))?.losses, 0);
  await using _other = new InlineWorkerPool(broker).start();
  await eventually(running, (n) => n === 2);
  goOn.resolve();
  strictEqual(await held.result(WAIT), 7);
});

testOnAll("several pools share one queue", async (url, name) => {
  const seen = new Set<string>();
  const tasks = { who: (n: number) => (seen.add(`${n}`), n) };
  await using one = getBroker(url, name).expose(tasks);
  await using two = getBroker(url, name).expose(tasks);
  await using _one = new InlineWorkerPool(one).start();
  await using _two = new InlineWorkerPool(two).start();
  const numbers = Array.from({ length: 500 }, (_, i) => i);
  const results = await all(await map(one.queue<typeof tasks>().who, numbers), WAIT);
  deepStrictEqual(results, numbers);
  strictEqual(seen.size, 500);
});

testOnAll("a failure whose result is ignored is told to the pool", async (url, name) => {
  const told = Promise.withResolvers<Error>();
  const tasks = {
    fail: () => {
      throw new Error("unseen");
    },
  };
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker, { onError: told.resolve }).start();
  await task(broker.queue<typeof tasks>().fail, { ignoreResult: true, id: "f" })();
  strictEqual((await told.promise).message, `fail [${name}:f] Error: unseen`);
});

testOnAll("tasks that never wait leave room for timers", async (url, name) => {
  const tasks = { next: (n: number) => n + 1 };
  await using broker = getBroker(url, name).expose(tasks);
  const q = broker.queue<typeof tasks>();
  const stop = new AbortController();
  let ran = 0;
  const again = async (): Promise<void> => {
    while (!stop.signal.aborted) ran = await (await q.next(ran)).result(WAIT);
  };
  await using _pool = new InlineWorkerPool(broker).start();
  const timer = new Promise<void>((resolve) => setTimeout(resolve, 20));
  const loop = again();
  await timer;
  stop.abort();
  await loop;
  ok(ran > 0);
});

/** A queue whose exchanges can be watched and frozen, as if its host had died. */
class Watched {
  readonly queue: TaskQueue;
  readonly renewals: Renewal[] = [];
  #frozen: Promise<void> | undefined;
  #thaw = () => {};

  constructor(queue: TaskQueue) {
    this.queue = new Proxy(queue, {
      get: (target, key) => {
        if (key === "exchange") return this.#exchange.bind(this, target);
        const value = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  freeze(): void {
    this.#frozen = new Promise((resolve) => this.#thaw = resolve);
  }

  thaw(): void {
    this.#frozen = undefined;
    this.#thaw();
  }

  async #exchange(target: TaskQueue, exchange: Parameters<TaskQueue["exchange"]>[0]) {
    await this.#frozen;
    this.renewals.push(...exchange.renewals);
    return await target.exchange(exchange);
  }
}

Deno.test("a pool gives signs of life as often as the task asks", async () => {
  const { tasks, goOn } = gated();
  const watched = new Watched(new MemoryTaskQueue("memory://beats", freshName()));
  await using broker = new Broker(watched.queue).expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();
  const hold = task(broker.queue<typeof tasks>().hold, { heartbeatInterval: 20 });
  const held = await hold(1);
  await eventually(() => watched.renewals.length, (n) => n >= 3);
  ok(watched.renewals.every(({ id, lease }) => id === held.id && lease === 60));
  goOn.resolve();
  strictEqual(await held.result(WAIT), 1);
});

Deno.test("a task of a pool that died goes to another one, and the late result is dropped", async () => {
  let now = 0;
  const name = freshName();
  const open = () => new MemoryTaskQueue("memory://dead", name, { clock: () => now });
  const { tasks, goOn, signals, running } = gated();
  const watched = new Watched(open());
  await using dead = new Broker(watched.queue).expose(tasks);
  await using _dying = new InlineWorkerPool(dead).start();
  const held = await task(dead.queue<typeof tasks>().hold, { heartbeatInterval: 20 })(1);
  await eventually(running, (n) => n === 1);
  watched.freeze();
  now += 15_000;
  await using alive = new Broker(open()).expose({ hold: () => 2 });
  await using _alive = new InlineWorkerPool(alive).start();
  strictEqual(await held.result(WAIT), 2);
  strictEqual(signals[0]!.aborted, false);
  watched.thaw();
  await eventually(() => signals[0]!.aborted, (aborted) => aborted);
  goOn.resolve();
  const [late] = await alive.taskQueue.wait([{ id: held.id }]);
  strictEqual(late?.text, "2");
});

Deno.test("a task whose workers all died expires", async () => {
  let now = 0;
  const name = freshName();
  const open = () => new MemoryTaskQueue("memory://lost", name, { clock: () => now });
  const { tasks, goOn, running } = gated();
  const watched = new Watched(open());
  await using dead = new Broker(watched.queue).expose(tasks);
  await using _dying = new InlineWorkerPool(dead).start();
  const held = await task(dead.queue<typeof tasks>().hold, { redeliveries: 0 })(1);
  await eventually(running, (n) => n === 1);
  watched.freeze();
  now += 15_000;
  await using alive = new Broker(open());
  await using _alive = new InlineWorkerPool(alive).start();
  await rejects(held.result(WAIT), {
    name: "TaskExpired",
    message: `hold [${name}:${held.id}] task expired: ` +
      "the pool that had it gave no sign of life for the time of its lease",
  });
  watched.thaw();
  goOn.resolve();
});

testOnAll("a cancelled task ends at once for who waits, and is asked to end", async (url, name) => {
  const running = Promise.withResolvers<AbortSignal>();
  const aborted = Promise.withResolvers<TaskFailure>();
  const goOn = Promise.withResolvers<void>();
  const tasks = {
    hold: async () => {
      const { signal } = currentTask();
      signal.addEventListener("abort", () => aborted.resolve(signal.reason));
      running.resolve(signal);
      await goOn.promise;
    },
    next: () => 1,
  };
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();
  const q = broker.queue<typeof tasks>();
  const held = await task(q.hold, { heartbeatInterval: 20 })();
  const told = rejects(held.result(WAIT), {
    name: "TaskExpired",
    message: `hold [${name}:${held.id}] task expired: it was cancelled`,
  });
  strictEqual((await running.promise).aborted, false);
  const cancelled = held.cancel();
  await told;
  strictEqual(await cancelled, true);
  strictEqual(
    (await aborted.promise).errorText,
    "was cancelled, given to another worker or removed",
  );
  strictEqual(await (await q.next()).result(WAIT), 1); // its place is free
  goOn.resolve();
  strictEqual(await held.status(), "expired");
});

testOnAll("stop() leaves no claimed task behind, whenever it comes", async (url, name) => {
  const tasks = { one: (n: number) => n };
  await using broker = getBroker(url, name).expose(tasks);
  const q = broker.queue<typeof tasks>();
  for (let round = 0; round < 20; round++) {
    const calls = map(q.one, Array.from({ length: 50 }, (_, i) => i));
    const pool = new InlineWorkerPool(broker).start();
    for (let i = 0; i < round; i++) await broker.size(); // a little later in each round
    await pool.stop();
    await calls;
    const { leased } = await broker.taskQueue.stats();
    strictEqual(leased, 0, `round ${round}`);
  }
  await broker.clear();
});

testOnAll("a task that must run once is not handed back when it has begun", async (url, name) => {
  const { tasks, goOn, running } = gated();
  await using broker = getBroker(url, name).expose(tasks);
  const pool = new InlineWorkerPool(broker).start();
  const held = await task(broker.queue<typeof tasks>().hold, { redeliveries: 0 })(7);
  await eventually(running, (n) => n === 1);
  await pool.stop({ grace: 0 });
  await rejects(held.result(WAIT), /task expired: its pool stopped before it was done/);
  goOn.resolve();
});

testOnAll("a pool takes hundreds of tasks at once", async (url, name) => {
  const { tasks, goOn, running } = gated();
  await using broker = getBroker(url, name).expose(tasks);
  const held = await map(broker.queue<typeof tasks>().hold, Array.from({ length: 300 }, () => 1));
  await using _pool = new InlineWorkerPool(broker, { concurrency: 300 }).start();
  await eventually(running, (n) => n === 300, 4_000); // less than the pause of an idle pool
  goOn.resolve();
  strictEqual((await all(held, WAIT)).length, 300);
});

testOnAll("an onError that throws does not end the pool", async (url, name) => {
  const tasks = {
    fail: () => {
      throw new Error("unseen");
    },
    one: () => 1,
  };
  const warned = Promise.withResolvers<string>();
  const logger = { ...quiet, error: (event: string) => warned.resolve(event) };
  await using broker = getBroker(url, name).expose(tasks);
  const onError = () => {
    throw new Error("my handler is broken");
  };
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1, onError, logger }).start();
  const q = broker.queue<typeof tasks>();
  await task(q.fail, { ignoreResult: true })();
  strictEqual(await (await q.one()).result(WAIT), 1);
  strictEqual(await warned.promise, "onError failed: my handler is broken");
});
