/** Context that travels with tasks, and hooks around calls and runs, on every backend. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import {
  type Broker,
  type ConnectOptions,
  currentTask,
  type Deferred,
  DuplicateTask,
  getBroker,
  getQueue,
  type Hook,
  InlineWorkerPool,
  InvalidArguments,
  type Queue,
  task,
  type TaskContext,
  TaskSpace,
  withContext,
} from "@worq/worq";
import { decodeMessage } from "@worq/worq/backend";
import process from "node:process";
import { z } from "zod";
import { freshName, redisUrl, testOn, testOnAll } from "./support/backends.ts";
import type { tasks as hooked } from "./support/hooked_tasks.ts";
import { KINDS, makePool } from "./support/worker_pools.ts";

const WAIT = { timeout: 10_000 };

const carrying = {
  context: () => currentTask().context,
  /** Calls a task, and gives its context. */
  async outer(how: "as it is" | "more" | "less"): Promise<TaskContext> {
    const q = inner!;
    const call = () => q.context();
    const handle = how === "as it is"
      ? await call()
      : await withContext(how === "more" ? { step: "2" } : { user: undefined }, call);
    return await handle.result(WAIT);
  },
  after: (_context: TaskContext) => currentTask().context,
};
let inner: Queue<typeof carrying> | undefined;

async function served(
  url: string,
  name: string,
  body: (q: Queue<typeof carrying>) => Promise<void>,
): Promise<void> {
  await using broker = getBroker(url, name).expose(carrying);
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue<typeof carrying>();
  inner = q;
  await body(q);
}

testOnAll(
  "a context travels with the tasks that are called in it, and no others",
  (url, name) =>
    served(url, name, async (q) => {
      const one = withContext({ traceId: "1" }, () => q.context());
      const two = withContext({ traceId: "2" }, async () => {
        await Promise.resolve();
        return await withContext({ user: "u" }, () => q.context());
      });
      const none = q.context();
      deepStrictEqual(await (await one).result(WAIT), { traceId: "1" });
      deepStrictEqual(await (await two).result(WAIT), { traceId: "2", user: "u" });
      deepStrictEqual(await (await none).result(WAIT), {});
    }),
);

testOnAll(
  "tasks inherit the context of the task that calls them",
  (url, name) =>
    served(url, name, async (q) => {
      const call = (how: "as it is" | "more" | "less") =>
        withContext(
          { traceId: "1", user: "u" },
          async () => await (await q.outer(how)).result(WAIT),
        );
      deepStrictEqual(await call("as it is"), { traceId: "1", user: "u" });
      deepStrictEqual(await call("more"), { traceId: "1", user: "u", step: "2" });
      deepStrictEqual(await call("less"), { traceId: "1" });
      // A task takes the context of its caller, not that of its arguments.
      const first = await withContext({ traceId: "1" }, () => q.context());
      deepStrictEqual(await (await q.after(first)).result(WAIT), {});
    }),
);

testOnAll("any text survives in a context, and does not touch the options", async (url, name) => {
  const context = {
    "unit \x1f": "\x1f\x1e\x00\n",
    __proto__x: "",
    "päth.$": '"{}\\" 🐍 \u2028',
    ["__proto__"]: "own",
  };
  await served(url, name, async (q) => {
    const got = await (await withContext(context, () => q.context())).result(WAIT);
    deepStrictEqual(Object.entries(got).sort(), Object.entries(context).sort());
    // The scripts read options from where the context is.
    const { nope } = q as unknown as { nope(): Promise<Deferred<TaskContext>> };
    const passes = task(q.after, { onError: "pass" });
    const after = await withContext(context, () => passes(nope()));
    strictEqual(Object.keys(await after.result(WAIT)).length, 4);
  });
});

testOnAll("a pool that was started in a context does not lend it to tasks", async (url, name) => {
  await using broker = getBroker(url, name).expose(carrying);
  const pool = withContext({ traceId: "pool" }, () => new InlineWorkerPool(broker).start());
  await using _pool = pool;
  const q = broker.queue<typeof carrying>();
  deepStrictEqual(await (await q.context()).result(WAIT), {});
});

testOnAll("without a context the head of a message stays empty", async (url, name) => {
  await using broker = getBroker(url, name);
  const q = broker.queue<typeof carrying>();
  const messageOf = async (id: string) => (await broker.taskQueue.inspect(id))!.message!;
  const plain = await q.context();
  ok((await messageOf(plain.id)).startsWith("\x1fcontext\x1f"));
  const emptied = await withContext({ a: undefined }, () => q.context());
  ok((await messageOf(emptied.id)).startsWith("\x1fcontext\x1f"));
  const full = await withContext({ a: "1" }, () => q.context());
  deepStrictEqual(decodeMessage(await messageOf(full.id)).context, { a: "1" });
  await broker.clear();
});

Deno.test("a context is strings, and small", () => {
  const nothing = () => {};
  // deno-lint-ignore no-explicit-any -- the compiler refuses them as well
  const set = (context: any) => () => withContext(context, nothing);
  throws(set({ user: 7 }), {
    name: "TypeError",
    message: "Cannot set context: context.user must be a string, received number",
  });
  for (const what of [null, undefined, "x", [], 1]) throws(set(what), /strings by name/);
  throws(set({ half: "\ud800" }), /context.half has half a pair/);
  throws(set({ ["\udc00"]: "" }), /half a pair/);
  throws(set({ big: "x".repeat(8_192) }), {
    name: "RangeError",
    message: /^Cannot set context: the context has 8202 bytes, over the limit of 8192/,
  });
  strictEqual(withContext({ big: "x".repeat(8_182) }, () => 1), 1);
  // What is inherited counts, and so do bytes.
  withContext({ big: "x".repeat(8_000) }, () => throws(set({ more: "ä".repeat(100) }), RangeError));
  throws(() => decodeMessage('{"context":{"a":1}}\x1ft\x1f[]'), /damaged: .*context.a/);
});

for (const kind of KINDS) {
  testOn(
    redisUrl,
    `${kind}: context and hooks reach workers, and the tasks they call`,
    async (url) => {
      const name = freshName();
      await using broker = getBroker(url, name);
      const module = new URL("./support/hooked_tasks.ts", import.meta.url);
      await using _pool = makePool(kind, broker, { module, initArgs: [name], concurrency: 2 })
        .start();
      const q = broker.queue<typeof hooked>();
      const outer = await withContext({ traceId: "1\x1f" }, () => q.hooked.outer());
      const seen = await outer.result(WAIT);
      deepStrictEqual(seen.context, { traceId: "1\x1f", step: "2", calls: "1" });
      ok(kind === "thread" || seen.pid !== process.pid);
      const plain = await withContext({ by: "me" }, () => q.hooked.plain(7));
      deepStrictEqual(await plain.result(WAIT), ["me", [7], 7]);
    },
  );
}

const simple = new TaskSpace("t", {
  add: (a: number, b: number) => a + b,
  context: () => currentTask().context,
  fail: (text: string): number => {
    throw new RangeError(text);
  },
});

/** Calls through hooks, and a pool whose broker has them, too. */
async function hookedBy(
  url: string,
  name: string,
  hooks: readonly Hook[],
  body: (q: Queue<typeof simple>, broker: Broker) => Promise<void>,
): Promise<void> {
  await using broker = getBroker(url, name, { hooks }).expose(simple);
  await using _pool = new InlineWorkerPool(broker).start();
  await body(broker.queue<typeof simple>(), broker);
}

/** Notes the sizes of the batches that a broker's calls leave in. */
function batchesOf({ taskQueue }: Broker): number[] {
  const batches: number[] = [];
  const plain = taskQueue.enqueue.bind(taskQueue);
  taskQueue.enqueue = (tasks) => (batches.push(tasks.length), plain(tasks));
  return batches;
}

/** A hook that notes when it begins and ends, on either side. */
function noting(name: string, events: string[]): Hook {
  return {
    async enqueue(call, next) {
      events.push(`${name} calls ${call.name}`);
      const enqueued = await next();
      events.push(`${name} ${enqueued.status}`);
      return enqueued;
    },
    async run(task, next) {
      events.push(`${name} runs ${task.name}(${task.args})`);
      const result = await next();
      events.push(`${name} got ${result.value}`);
      return result;
    },
  };
}

testOnAll("the first hook is the outermost, around calls and around runs", async (url, name) => {
  const events: string[] = [];
  const hooks = [noting("a", events), noting("b", events)];
  await using broker = getBroker(url, name, { hooks }).expose(simple);
  const sum = await broker.queue<typeof simple>().t.add(1, 2);
  const calls = ["a calls t.add", "b calls t.add", "b enqueued", "a enqueued"];
  deepStrictEqual(events.splice(0), calls);
  await using _pool = new InlineWorkerPool(broker).start();
  strictEqual(await sum.result(WAIT), 3);
  deepStrictEqual(events, ["a runs t.add(1,2)", "b runs t.add(1,2)", "b got 3", "a got 3"]);
});

testOnAll("calls leave in their tick when no hook waits before next()", (url, name) => {
  const hooks = [noting("a", []), noting("b", [])];
  return hookedBy(url, name, hooks, async (q, broker) => {
    const batches = batchesOf(broker);
    const sum = await q.t.add(q.t.add(1, 2), q.t.add(3, q.t.add(4, 5)));
    strictEqual(await sum.result(WAIT), 15);
    deepStrictEqual(batches, [4]);
  });
});

testOnAll("a hook may wait before next(): what takes the call follows it", (url, name) => {
  const wait: Hook = {
    async enqueue(call, next) {
      if (call.name === "t.add") await new Promise((go) => setTimeout(go, 2));
      return await next();
    },
  };
  return hookedBy(url, name, [wait], async (q) => {
    const list = [1, 2] as [number, number];
    const sum = q.t.add(...list);
    const total = await q.t.add(sum, 3);
    strictEqual(await total.result(WAIT), 6);
  });
});

testOnAll("arguments are taken as they are at the call, whatever hooks do", (url, name) => {
  const hook: Hook = {
    async enqueue(call, next) {
      await Promise.resolve();
      (call.args[0] as number[]).push(100);
      return await next();
    },
  };
  const tasks = { sum: (values: number[]) => values.reduce((a, b) => a + b, 0) };
  return (async () => {
    await using broker = getBroker(url, name, { hooks: [hook] }).expose(tasks);
    await using _pool = new InlineWorkerPool(broker).start();
    const sum = await broker.queue<typeof tasks>().sum([1, 2]);
    strictEqual(await sum.result(WAIT), 3);
  })();
});

testOnAll(
  "hooks see a call, and may change its arguments, options and context",
  async (url, name) => {
    const seen: unknown[] = [];
    const change: Hook = {
      enqueue(call, next) {
        seen.push({ ...call });
        call.args = [...call.args.slice(0, 1), 40];
        call.options = { ...call.options, resultTimeout: 5_000.5 };
        call.context = { ...call.context, user: "u" };
        return next();
      },
    };
    await using broker = getBroker(url, name, { hooks: [change] }).expose(simple);
    const q = broker.queue<typeof simple>();
    const add = task(q.t.add, { id: (a) => `add ${a}`, redeliveries: 3 });
    const sum = await withContext({ traceId: "1" }, () => add(2, 3));
    strictEqual(sum.id, "add 2");
    const call = { name: "t.add", queue: broker.name, id: "add 2", args: [2, 3] };
    deepStrictEqual(seen, [{ ...call, options: { redeliveries: 3 }, context: { traceId: "1" } }]);
    const message = decodeMessage((await broker.taskQueue.inspect(sum.id))!.message!);
    deepStrictEqual([message.resultTimeout, message.redeliveries], [5_001, 3]);
    deepStrictEqual(message.context, { traceId: "1", user: "u" });
    await using _pool = new InlineWorkerPool(broker).start();
    strictEqual(await sum.result(WAIT), 42);
    deepStrictEqual(await (await q.t.context()).result(WAIT), { user: "u" });
  },
);

testOnAll("a hook refuses a call by throwing, and what takes the call with it", (url, name) => {
  const refuse = (when: "at once" | "later"): Hook => ({
    enqueue(call, next) {
      const refused = call.args[0] === when;
      if (refused && when === "at once") throw new RangeError(`refused ${call.name}`);
      return refused ? Promise.reject(new RangeError(`refused ${call.name}`)) : next();
    },
  });
  return (async () => {
    const hooks = [refuse("at once"), refuse("later")];
    await using broker = getBroker(url, name, { hooks });
    const q = broker.queue();
    for (const when of ["at once", "later"]) {
      await rejects(q.f(when), { name: "RangeError", message: "refused f" });
      const refused = q.f(when);
      await rejects(q.g(refused), { name: "RangeError", message: "refused f" });
      await rejects(refused, RangeError);
    }
    strictEqual(await broker.size(), 0);
    strictEqual(await broker.clear(), 0);
  })();
});

testOnAll("a hook can neither hide nor invent what became of a call", async (url, name) => {
  const hide: Hook = {
    enqueue: async (call, next) =>
      call.context.how === "before next" ? { status: "enqueued" } : await next().catch(
        () => ({ status: "enqueued" }),
      ),
  };
  await using broker = getBroker(url, name, { hooks: [hide] });
  const q = broker.queue();
  const once = task(q.f, { id: "1" });
  await once();
  await rejects(once(), DuplicateTask);
  await rejects(
    withContext({ how: "before next" }, () => q.f()),
    /Cannot call f: a hook did not call next\(\); throw to refuse it/,
  );
  strictEqual(await broker.clear(), 1);
});

testOnAll("what hooks may not do is refused with their place", async (url, name) => {
  // deno-lint-ignore no-explicit-any -- the compiler refuses most of them as well
  type Wrong = (call: any, next: any) => any;
  let late: (() => Promise<unknown>) | undefined;
  const WRONG: Readonly<Record<string, [hook: Wrong, error: RegExp]>> = {
    "no return": [(_call, next) => void next(), /hooks\[1\] did not return what next\(\) gives/],
    "no next": [() => {}, /Cannot call t.add: hooks\[1\] did not return what next\(\) gives/],
    "next twice": [(_, next) => (next(), next()), /hooks\[1\] called next\(\) twice/],
    "late next": [(_, next) => void (late = next), /hooks\[1\] did not return/],
    "args": [(call, next) => (call.args = "12", next()), /made 12 of the list of arguments/],
    "context": [(call, next) => (call.context = { a: 1 }, next()), /context.a must be a string/],
    "option": [(call, next) => (call.options = { retry: 1 }, next()), /unknown option "retry"/],
    "options": [(call, next) => (call.options = null, next()), /options must be an object/],
    "in place": [(call, next) => (call.options.onError = "pass", next()), /extensible|read.?only/i],
    "id": [(call, next) => (call.options = { id: "1" }, next()), /cannot change option "id"/],
    "result": [
      (call, next) => (call.options = { ignoreResult: true }, next()),
      /Cannot call t.add: a hook cannot change option "ignoreResult"/,
    ],
    "function": [(call, next) => (call.args = [() => 1], next()), /arguments\[0\] is a function/],
  };
  for (const [what, [enqueue, error]] of Object.entries(WRONG)) {
    await using broker = getBroker(url, name, {
      hooks: [{ run: (_, next) => next() }, { enqueue }],
    });
    const q = broker.queue<typeof simple>();
    await rejects(q.t.add(1, 2), error, what);
    await broker.clear();
  }
  await rejects(late!(), /hooks\[1\] called next\(\) twice, or after its end/);
});

Deno.test("what is no hook is refused where it is given", () => {
  for (const hooks of [null, {}, [null], [{}], [{ run: 1 }], [{ enqueue: null, run() {} }]]) {
    const options = { hooks } as unknown as ConnectOptions;
    throws(() => getQueue("memory://hooks", options), /^TypeError: Cannot get queue: hooks/);
    throws(
      () => getBroker("memory://hooks", "q", options),
      /Cannot make broker of queue "q": hooks/,
    );
  }
});

testOnAll("hooks around runs see arguments and results, and may change both", (url, name) => {
  const seen: unknown[] = [];
  const change: Hook = {
    async run(task, next) {
      const { name, id, args, context, queue, fence } = task;
      seen.push({ name, args, context, queue });
      strictEqual(currentTask().id, id);
      strictEqual(currentTask().fence, fence);
      if (args[0] === "spare") return { value: "spared" };
      task.args = args.map((value) => typeof value === "number" ? value * 10 : value);
      const { value } = await withContext({ span: "2" }, next);
      return { value: typeof value === "number" ? value + 1 : value };
    },
  };
  return hookedBy(url, name, [change, { run: (_task, next) => next() }], async (q, broker) => {
    strictEqual(await (await q.t.add(1, 2)).result(WAIT), 31);
    deepStrictEqual(seen, [{ name: "t.add", args: [1, 2], context: {}, queue: broker.name }]);
    strictEqual(await (await q.t.add("spare" as never, 2)).result(WAIT), "spared");
  });
});

testOnAll("tasks that a task calls inherit what a hook around its run adds", async (url, name) => {
  const hook: Hook = { run: (_task, next) => withContext({ span: "2" }, next) };
  await using broker = getBroker(url, name, { hooks: [hook] }).expose(carrying);
  await using _pool = new InlineWorkerPool(broker).start();
  const q = inner = broker.queue<typeof carrying>();
  const outer = await withContext({ traceId: "1" }, () => q.outer("as it is"));
  deepStrictEqual(await outer.result(WAIT), { traceId: "1", span: "2" });
});

testOnAll("hooks see a task fail, and their own errors are its failure", (url, name) => {
  const seen: string[] = [];
  const outer: Hook = {
    run: (_task, next) =>
      next().catch((error) => {
        seen.push(`${error}`);
        throw error;
      }),
  };
  const inner: Hook = {
    run(task, next) {
      if (task.args[0] === "refuse") throw new URIError("refused");
      // deno-lint-ignore no-explicit-any -- the compiler refuses it as well
      return task.args[0] === "forget" ? void next().catch(() => {}) as any : next();
    },
  };
  return hookedBy(url, name, [outer, inner], async (q) => {
    const textOf = async (text: string) =>
      (await (await q.t.fail(text)).result(WAIT).catch((error) => error)).errorText;
    strictEqual(await textOf("own"), "RangeError: own");
    strictEqual(await textOf("refuse"), "URIError: refused");
    const forgot = "TypeError: Cannot run t.fail: hooks[1] did not return what next() gives";
    strictEqual(await textOf("forget"), forgot);
    deepStrictEqual(seen, ["RangeError: own", "URIError: refused", forgot]);
  });
});

testOnAll("schemas check what the caller gave, and what the function gets", async (url, name) => {
  const args = z.tuple([z.number()]);
  const sealed = new TaskSpace("t", { half: (n: number) => n / 2 }, { half: { args } });
  let called = 0;
  const seal: Hook = {
    enqueue(call, next) {
      called++;
      call.args = [`sealed ${call.args[0]}`];
      return next();
    },
    run(task, next) {
      const [text] = task.args as [string];
      task.args = [text.startsWith("sealed ") ? Number(text.slice(7)) : text];
      return next();
    },
  };
  await using broker = getBroker(url, name, { hooks: [seal] }).expose(sealed);
  await using _pool = new InlineWorkerPool(broker).start();
  await using plain = getQueue<typeof sealed>(url, { name });
  const q = broker.queue<typeof sealed>();
  strictEqual(await (await q.t.half(8)).result(WAIT), 4);
  await rejects(q.t.half("x" as never), InvalidArguments);
  strictEqual(called, 1);
  const wrong = await plain.t.half("x" as never);
  const failure = await wrong.result(WAIT).catch((error) => error);
  ok(failure.cause instanceof InvalidArguments);
});

testOnAll("a queue has hooks around calls, with or without a result", async (url, name) => {
  const events: string[] = [];
  const hooks = [noting("a", events)];
  await using q = getQueue<typeof simple>(url, { name, hooks });
  strictEqual(await task(q.t.add, { ignoreResult: true })(1, 2), undefined);
  deepStrictEqual(events, ["a calls t.add", "a enqueued"]);
  const sum = await q.t.add(q.t.add(1, 2), 3);
  strictEqual(events.at(-1), "a pending");
  strictEqual(await sum.status(), "pending");
  await q.clear();
});

testOnAll("closing a queue waits for calls that are in their hooks", async (url, name) => {
  const gate = Promise.withResolvers<void>();
  const hook: Hook = {
    async enqueue(_call, next) {
      await gate.promise;
      return await next();
    },
  };
  const q = getQueue<typeof simple>(url, { name, hooks: [hook] });
  const sum = q.t.add(1, 2);
  const closed = q[Symbol.asyncDispose]();
  gate.resolve();
  await closed;
  strictEqual((await sum).name, "t.add");
  await using broker = getBroker(url, name);
  if (url.startsWith("redis")) strictEqual(await broker.clear(), 1);
});
