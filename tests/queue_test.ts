/** Calling tasks and waiting for them, on every backend. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { inspect } from "node:util";
import {
  all,
  asCompleted,
  currentTask,
  type Deferred,
  DuplicateTask,
  getBroker,
  getQueue,
  InlineWorkerPool,
  map,
  type Queue,
  task,
  TaskExpired,
  TaskFailure,
  TaskPending,
  TaskSpace,
} from "@worq/worq";
import { testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";

const WAIT = { timeout: 10_000 };

const tasks = new TaskSpace("tasks", {
  num: (value: string) => Number(value),
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
  same: (value: unknown) => value,
  fail: (why: string): number => {
    throw new RangeError(why, { cause: new TypeError("root") });
  },
  sum: (values: readonly (number | TaskFailure)[]) =>
    values.map((value) => value instanceof Error ? value.message.replace(/:[^\]]*/, "") : value),
  who: () => {
    const { id, name, queue, fence, signal } = currentTask();
    return { id, name, queue, fence: fence > 0, aborted: signal.aborted };
  },
  secret: () => ({ run: () => 1 }),
});

/** A queue with a pool that serves it. */
async function served(
  url: string,
  name: string,
  body: (q: Queue<typeof tasks>) => Promise<void>,
): Promise<void> {
  await using broker = getBroker(url, name).expose(tasks);
  await using q = getQueue<typeof tasks>(url, { name });
  await using _pool = new InlineWorkerPool(broker).start();
  await body(q);
}

/** A queue that nobody serves. */
async function unserved(
  url: string,
  name: string,
  body: (q: Queue<typeof tasks>) => Promise<void>,
): Promise<void> {
  await using q = getQueue<typeof tasks>(url, { name });
  await body(q);
  await q.clear();
}

testOnAll(
  "a result can be waited for and passed on",
  (url, name) =>
    served(url, name, async (q) => {
      const sum = await q.tasks.add([q.tasks.num("1"), await q.tasks.num("2"), 3]);
      strictEqual(await sum.result(WAIT), 6);
      strictEqual(sum.value, 6);
      const again = await q.tasks.add([sum, sum]);
      strictEqual(await again.result(WAIT), 12);
      strictEqual(await again.result(WAIT), 12);
    }),
);

testOnAll(
  "handles are found anywhere in an argument",
  (url, name) =>
    served(url, name, async (q) => {
      const one = q.tasks.num("1");
      const value = { list: [one, 2], map: new Map([["k", await one]]), set: new Set([one]) };
      const result = await (await q.tasks.same(value)).result(WAIT);
      deepStrictEqual(result, { list: [1, 2], map: new Map([["k", 1]]), set: new Set([1]) });
    }),
);

testOnAll(
  "a promise of a handle from an async function is an argument too",
  (url, name) =>
    served(url, name, async (q) => {
      const later = async () => await q.tasks.num("20");
      strictEqual(await (await q.tasks.add([later(), later(), 2])).result(WAIT), 42);
    }),
);

testOnAll(
  "arguments are taken as they are at the call",
  (url, name) =>
    served(url, name, async (q) => {
      const list = [1, 2];
      const sum = q.tasks.add(list);
      list.push(100);
      strictEqual(await (await sum).result(WAIT), 3);
    }),
);

testOnAll("values of every plain kind survive", (url, name) =>
  served(url, name, async (q) => {
    const shared = { n: 1 };
    const cycle: Record<string, unknown> = { shared, again: shared };
    cycle.self = cycle;
    const values = [
      null,
      undefined,
      -0,
      NaN,
      Infinity,
      12345678901234567890n,
      "lone \ud800 surrogate, ünïcödé 🎈, \u0000\u001e\u001f controls",
      new Date(0),
      /x/gi,
      new URL("https://example.com/a?b#c"),
      new Map<unknown, unknown>([[{ k: 1 }, new Set([1, "2"])]]),
      new Uint8Array([0, 255]),
      [1, , 3], // deno-lint-ignore no-sparse-arrays -- a hole is a value, too
    ];
    deepStrictEqual(await (await q.tasks.same(values)).result(WAIT), values);
    const back = await (await q.tasks.same(cycle)).result(WAIT) as typeof cycle;
    ok(back.self === back && back.shared === back.again);
    const twice = await (await q.tasks.same([shared, shared])).result(WAIT) as unknown[];
    ok(twice[0] === twice[1]);
    const error = new RangeError("far", { cause: new Error("near") });
    const copy = await (await q.tasks.same(Object.assign(error, { code: 7 }))).result(WAIT);
    ok(copy instanceof RangeError && copy.cause instanceof Error);
    deepStrictEqual([copy.message, Reflect.get(copy, "code")], ["far", 7]);
  }));

testOnAll(
  "a failure names task, queue, id and error, and brings the cause",
  (url, name) =>
    served(url, name, async (q) => {
      const failed = await q.tasks.fail("too far");
      strictEqual(await failed.wait(WAIT), true);
      const message = `tasks.fail [${name}:${failed.id}] RangeError: too far`;
      throws(() => failed.value, { name: "TaskFailure", message });
      const error = await failed.result().catch((error) => error);
      ok(error instanceof TaskFailure && error.cause instanceof RangeError);
      ok(error.cause.cause instanceof TypeError);
      ok(error.cause.stack!.includes("queue_test.ts"));
      strictEqual(`${failed}`, `<Deferred tasks.fail [${name}:${failed.id}] failed>`);
    }),
);

testOnAll("a task that nobody exposes fails", (url, name) =>
  served(url, name, async (q) => {
    const lost = await (q as unknown as Queue).tasks.nope(1);
    await rejects(lost.result(WAIT), {
      name: "TaskFailure",
      message: `tasks.nope [${name}:${lost.id}] no such task`,
    });
    const proto = await Reflect.get(q, "hasOwnProperty")("x") as Deferred<boolean>;
    await rejects(proto.result(WAIT), /no such task/);
  }));

testOnAll(
  "a failed argument fails the task before it runs, or goes in",
  (url, name) =>
    served(url, name, async (q) => {
      const parts = [q.tasks.num("1"), q.tasks.fail("zero"), q.tasks.num("2")] as const;
      const bad = await parts[1];
      const sum = await q.tasks.add([...parts]);
      await rejects(sum.result(WAIT), {
        name: "TaskFailure",
        message: `tasks.add [${name}:${sum.id}] cannot run, since an argument failed: ` +
          `tasks.fail [${name}:${bad.id}] RangeError: zero`,
      });
      const passed = await task(q.tasks.sum, { onError: "pass" })([...parts]);
      deepStrictEqual(await passed.result(WAIT), [1, `tasks.fail [${name}] RangeError: zero`, 2]);
    }),
);

testOnAll("status goes from pending over enqueued and processing to success", async (url, name) => {
  const started = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const steps = {
    hold: async () => {
      started.resolve();
      await goOn.promise;
      return 1;
    },
    next: (n: number) => n + 1,
  };
  await using broker = getBroker(url, name).expose(steps);
  const q = broker.queue<typeof steps>();
  const held = await q.hold();
  const next = await q.next(held);
  deepStrictEqual([await held.status(), await next.status()], ["enqueued", "pending"]);
  strictEqual(`${next}`, `<Deferred next [${name}:${next.id}] pending>`);
  throws(() => held.value, TaskPending);
  await using _pool = new InlineWorkerPool(broker).start();
  await started.promise;
  strictEqual(await held.status(), "processing");
  strictEqual(await held.wait({ timeout: 0 }), false);
  goOn.resolve();
  strictEqual(await next.result(WAIT), 2);
  deepStrictEqual([await held.status(), await next.status()], ["success", "success"]);
});

testOnAll(
  "a chosen id is taken until the result is gone",
  (url, name) =>
    unserved(url, name, async (q) => {
      const build = task(q.tasks.num, { id: (value) => `num ${value}` });
      const first = await build("1");
      strictEqual(first.id, "num 1");
      await rejects(build("1"), {
        name: "DuplicateTask",
        message: `tasks.num [${name}:num 1] cannot enqueue task with duplicate id`,
      });
      await build("2");
      strictEqual(await q.size(), 2);
    }),
);

testOnAll(
  "a refused call refuses the calls that take it",
  (url, name) =>
    unserved(url, name, async (q) => {
      const one = task(q.tasks.num, { id: "one" });
      await one("1");
      const again = one("1");
      const sum = q.tasks.add([again, 2]);
      const outer = q.tasks.add([sum]);
      await rejects(sum, DuplicateTask);
      await rejects(outer, DuplicateTask);
      strictEqual(await q.size(), 1);
    }),
);

testOnAll("ignoreResult gives no handle and leaves nothing behind", async (url, name) => {
  const ran = Promise.withResolvers<number>();
  const steps = {
    note: (n: number) => {
      ran.resolve(n);
      return () => "a result that could not be stored";
    },
  };
  await using broker = getBroker(url, name).expose(steps);
  const q = broker.queue<typeof steps>();
  await using _pool = new InlineWorkerPool(broker, { onError: (error) => ran.reject(error) })
    .start();
  strictEqual(await task(q.note, { ignoreResult: true, id: "n" })(3), undefined);
  strictEqual(await ran.promise, 3);
  await eventually(() => broker.taskQueue.inspect("n"), (record) => record === undefined);
});

testOnAll(
  "wait() returns false when the time is up, result() throws",
  (url, name) =>
    unserved(url, name, async (q) => {
      const num = await q.tasks.num("1");
      strictEqual(await num.wait({ timeout: 5 }), false);
      strictEqual(await num.wait({ timeout: 0 }), false);
      await rejects(num.result({ timeout: 5 }), { name: "TimeoutError" });
      const reason = new Error("stop");
      await rejects(num.result({ signal: AbortSignal.abort(reason) }), reason);
      const stop = new AbortController();
      const waiting = num.result({ signal: stop.signal });
      stop.abort(reason);
      await rejects(waiting, reason);
      for (const timeout of [-1, NaN, "1" as unknown as number]) {
        await rejects(num.wait({ timeout }), RangeError);
      }
    }),
);

testOnAll(
  "clear() removes what waits, and tells who waits for it",
  (url, name) =>
    unserved(url, name, async (q) => {
      const num = await q.tasks.num("1");
      const sum = await q.tasks.add([num]);
      const told = [rejects(num.result(WAIT), TaskExpired), rejects(sum.result(WAIT), TaskExpired)];
      strictEqual(await num.wait({ timeout: 0 }), false); // by now the queue knows who waits
      strictEqual(await q.clear(), 2);
      await Promise.all(told);
      await rejects(num.result(), {
        message: `tasks.num [${name}:${num.id}] task expired: it was cleared`,
      });
      const late = await q.tasks.add([num]);
      await rejects(late.result(WAIT), /cannot run, since an argument failed: .*task expired/);
      strictEqual(await num.status(), "expired");
    }),
);

testOnAll(
  "what cannot be stored rejects map, and the other calls are stored",
  async (url, name) => {
    await using q = getQueue<{ show(value: unknown): string }>(url, { name });
    await rejects(map(q.show, [1, () => {}, 2]), /function/);
    strictEqual(await q.size(), 2);
    const throwsNothing = {
      get value() {
        throw undefined;
      },
    };
    const ended = await map(q.show, [throwsNothing, 3]).then(() => "stored", () => "rejected");
    deepStrictEqual([ended, await q.size()], ["rejected", 3]);
    deepStrictEqual(await map(q.show, []), []);
  },
);

testOnAll(
  "all ends with its time and its signal, known results or not",
  (url, name) =>
    served(url, name, async (q) => {
      const nums = await map(q.tasks.num, ["1", "2"]);
      deepStrictEqual(await all(nums, WAIT), [1, 2]);
      const signal = AbortSignal.abort(new Error("enough"));
      await rejects(all(nums, { signal }), /enough/);
      await rejects(all(nums, { timeout: -1 }), RangeError);
      await using other = getQueue<{ never(n: number): number }>(url, {
        name: `${name}-without-a-pool`,
      });
      const open = await map(other.never, [1, 2]);
      await rejects(all(open, { timeout: 5 }), /none after 5 ms/);
      await other.clear();
    }),
);

testOnAll("map, all and asCompleted", (url, name) =>
  served(url, name, async (q) => {
    const nums = await map(q.tasks.num, ["1", "2", "3"]);
    deepStrictEqual(await all(nums, WAIT), [1, 2, 3]);
    const seen: number[] = [];
    for await (const num of asCompleted(nums, WAIT)) seen.push(num.value);
    deepStrictEqual(seen.sort(), [1, 2, 3]);
    deepStrictEqual(await all([]), []);
    await rejects(all([q.tasks.num("1"), q.tasks.fail("no")], WAIT), TaskFailure);
    const ends: string[] = [];
    for await (const end of asCompleted([q.tasks.fail("no")], WAIT)) ends.push(await end.status());
    deepStrictEqual(ends, ["failed"]);
  }));

testOnAll(
  "asCompleted() ends when the time is up",
  (url, name) =>
    unserved(url, name, async (q) => {
      const open = asCompleted(await map(q.tasks.num, ["1", "2"]), { timeout: 5 });
      await rejects(open.next(), { name: "TimeoutError" });
    }),
);

testOnAll("a task can tell which one it is", (url, name) =>
  served(url, name, async (q) => {
    const who = await q.tasks.who();
    const expected = { id: who.id, name: "tasks.who", queue: name, fence: true, aborted: false };
    deepStrictEqual(await who.result(WAIT), expected);
    throws(() => currentTask(), /none is running here/);
  }));

testOnAll("named queues are apart", async (url, name) => {
  await using foo = getQueue<typeof tasks>(url, { name: `${name}-foo` });
  await using bar = getQueue<typeof tasks>(url, { name: `${name}-bar` });
  const num = await foo.tasks.num("1");
  deepStrictEqual([await foo.size(), await bar.size()], [1, 0]);
  strictEqual(await num.status(), "enqueued");
  strictEqual(await bar.clear(), 0);
  strictEqual(await foo.clear(), 1);
});

testOnAll("target starts the queue deeper", async (url, name) => {
  const deep = new TaskSpace("foo.bar", { inc: (n: number) => n + 1 });
  await using broker = getBroker(url, name).expose(deep);
  await using _pool = new InlineWorkerPool(broker).start();
  await using bar = getQueue<typeof deep, "foo.bar">(url, { name, target: "foo.bar" });
  strictEqual(await (await bar.inc(1)).result(WAIT), 2);
  strictEqual(inspect(bar), `<Queue foo.bar [${name}]>`);
  strictEqual(inspect(broker.queue<typeof deep>().foo.bar.inc), `<Queue foo.bar.inc [${name}]>`);
});

testOnAll("calls that nobody awaits are stored before the queue closes", async (url, name) => {
  {
    await using q = getQueue<typeof tasks>(url, { name });
    q.tasks.add([q.tasks.num("1"), 2]);
  }
  await using rest = getQueue(url, { name });
  strictEqual(await rest.clear(), 2);
});

testOnAll("a closed queue ends who waits", async (url, name) => {
  const q = getQueue<typeof tasks>(url, { name });
  const num = await q.tasks.num("1");
  const ended = rejects(num.result(WAIT), { name: "QueueUnavailable" });
  await q[Symbol.asyncDispose]();
  await ended;
  await using rest = getQueue(url, { name });
  strictEqual(await rest.clear(), 1);
});

testOnAll(
  "a call waits for its arguments to be stored, whatever keeps them",
  (url, name) =>
    served(url, name, async (q) => {
      const slow = (async () => await q.tasks.num("1"))(); // a promise that carries no reference yet
      const one = q.tasks.add([slow]);
      const two = q.tasks.add([one, one]);
      strictEqual(await (await two).result(WAIT), 2);
      const wide = q.tasks.add(Array.from({ length: 150 }, () => q.tasks.num("1")));
      for (let i = 0; i < 6; i++) await null; // by now the wide one is on its way
      strictEqual(await (await q.tasks.add([wide])).result(WAIT), 150);
    }),
);

testOnAll("a handle stands for its own call, also when the id is used again", async (url, name) => {
  await using broker = getBroker(url, name).expose(tasks);
  const q = broker.queue<typeof tasks>();
  const num = task(q.tasks.num, { id: "one" });
  const first = await num("1");
  await q.clear();
  const second = await num("2");
  await using _pool = new InlineWorkerPool(broker).start();
  strictEqual(await second.result(WAIT), 2);
  strictEqual(await first.status(), "expired");
  await rejects(first.result(WAIT), TaskExpired);
  strictEqual(await (await q.tasks.add([second])).result(WAIT), 2);
  await rejects((await q.tasks.add([first])).result(WAIT), /an argument failed/);
});

testOnAll("whatever a task throws is told", async (url, name) => {
  const hidden = {
    get [Symbol.toStringTag](): string {
      throw new Error("never shown");
    },
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const odd: Record<string, () => unknown> = {
    text: () => "plain text",
    nothing: () => undefined,
    record: () => ({ code: 7 }),
    negative: () => Object.assign(new Error("x"), { zero: -0 }),
    proto: () => Object.defineProperty(new Error("x"), "__proto__", { value: 1, enumerable: true }),
    methods: () => Object.assign(new Error("x"), { toString: "no", constructor: 1 }),
    getter: () =>
      Object.defineProperty(new Error("x"), "field", {
        enumerable: true,
        get: () => {
          throw hidden;
        },
      }),
    cycle: () => {
      const error = new Error("x");
      error.cause = error;
      return error;
    },
    revoked: () => revoked.proxy,
  };
  await using broker = getBroker(url, name).expose({
    odd: (kind: string) => {
      throw odd[kind]!();
    },
  });
  await using _pool = new InlineWorkerPool(broker).start();
  for (const kind of Object.keys(odd)) {
    const failed = await broker.queue<{ odd(kind: string): void }>().odd(kind);
    const error = await failed.result(WAIT).catch((error) => error);
    strictEqual(error.name, "TaskFailure", kind);
    strictEqual(typeof String(error.cause), "string", kind);
  }
});

testOnAll(
  "task() overrides the defaults of the queue, which override worq's",
  async (url, name) => {
    await using q = getQueue<typeof tasks>(url, { name, redeliveries: 3, resultTimeout: 5_000 });
    const head = async (id: string) => {
      await using broker = getBroker(url, name);
      return (await broker.taskQueue.inspect(id))?.message?.split("\x1f")[0];
    };
    strictEqual(await head((await q.tasks.num("1")).id), '{"resultTimeout":5000,"redeliveries":3}');
    const other = task(q.tasks.num, { redeliveries: 1, resultTimeout: 7.5 });
    strictEqual(await head((await other("1")).id), '{"resultTimeout":8}');
    await q.clear();
  },
);

testOnAll("functions and bound methods are exposed under their names", async (url, name) => {
  class Counter {
    #count = 0;
    next(by: number): number {
      return this.#count += by;
    }
  }
  const counter = new Counter();
  function double(n: number): number {
    return 2 * n;
  }
  await using broker = getBroker(url, name).expose(double).expose(counter.next.bind(counter));
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue<{ double(n: number): number; next(by: number): number }>();
  strictEqual(await (await q.next(await q.double(2))).result(WAIT), 4);
  strictEqual(counter.next(0), 4);
});

testOnAll("what callers catch is one family", (url, name) =>
  served(url, name, async (q) => {
    const failed = await q.tasks.fail("x");
    const failure = await failed.result(WAIT).catch((error) => error);
    ok(failure instanceof TaskFailure);
    const { taskName, queueName, taskId, errorText } = failure;
    deepStrictEqual(
      { taskName, queueName, taskId, errorText },
      { taskName: "tasks.fail", queueName: name, taskId: failed.id, errorText: "RangeError: x" },
    );
    ok(new TaskExpired("t", "q", "1", "gone") instanceof TaskFailure);
    ok(new DuplicateTask("t", "q", "1") instanceof TaskFailure);
    const done = await q.tasks.num("1");
    await eventually(() => done.status(), (status) => status === "success");
    throws(() => done.value, TaskPending); // status() tells where it is, wait() brings the value
    strictEqual(await done.wait(WAIT), true);
    strictEqual(done.value, 1);
  }));

testOnAll("cancel() ends a task that waits, and those that take its result", async (url, name) => {
  await using broker = getBroker(url, name).expose({ one: () => 1, two: (n: number) => 2 * n });
  const q = broker.queue<{ one(): number; two(n: number): number }>();
  const one = await q.one();
  const two = await q.two(one);
  strictEqual(await one.cancel(), true);
  await rejects(one.result(WAIT), /task expired: it was cancelled$/);
  await rejects(two.result(WAIT), /an argument failed: one \[.*\] task expired: it was cancelled$/);
  strictEqual(await one.cancel(), true); // again, which changes nothing
  strictEqual(await two.cancel(), false); // it was over
  strictEqual(await q.size(), 0);
});

testOnAll("cancel() comes too late for a task that is over", async (url, name) => {
  await using broker = getBroker(url, name).expose({ one: () => 1 });
  await using _pool = new InlineWorkerPool(broker).start();
  const one = await broker.queue<{ one(): number }>().one();
  strictEqual(await one.result(WAIT), 1);
  strictEqual(await one.cancel(), false);
  strictEqual(await one.result(WAIT), 1);
});

testOnAll("cancel() ends its own call, and none that has the id after it", async (url, name) => {
  await using broker = getBroker(url, name);
  const q = broker.queue<{ one(): number }>();
  const call = task(q.one, { id: "chosen", resultTimeout: 0 });
  const first = await call();
  strictEqual(await first.cancel(), true);
  const second = await call();
  strictEqual(await first.cancel(), false);
  strictEqual(await second.status(), "enqueued");
  strictEqual(await second.cancel(), true);
});

testOnAll("a paused queue keeps its calls until it goes on", async (url, name) => {
  await using broker = getBroker(url, name).expose({ one: () => 1 });
  await broker.pause();
  await using _pool = new InlineWorkerPool(broker).start();
  const one = await broker.queue<{ one(): number }>().one();
  // What the pool asks for comes before this, over the same connection.
  await eventually(async () => (await broker.taskQueue.stats()).idle, (idle) => idle === 1);
  strictEqual(await one.status(), "enqueued");
  await broker.resume();
  strictEqual(await one.result(WAIT), 1);
});
