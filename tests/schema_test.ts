/** Arguments checked by schemas: when a task is called, and before it runs. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { type } from "arktype";
import * as v from "valibot";
import {
  type Broker,
  getBroker,
  getQueue,
  InlineWorkerPool,
  InvalidArguments,
  type StandardSchema,
  task,
  TaskFailure,
  TaskSpace,
} from "@worq/worq";
import { z } from "zod";
import { testOnAll } from "./support/backends.ts";
import { payArgs, type tasks as hooked } from "./support/hooked_tasks.ts";
import { KINDS, makePool } from "./support/worker_pools.ts";

const WAIT = { timeout: 10_000 };
const MODULE = new URL("./support/hooked_tasks.ts", import.meta.url);

type Pay = [account: string, cents: number];

/** The same schema three times: text without blanks around it, and a positive number. */
const LIBRARIES: Readonly<Record<string, StandardSchema<unknown, Pay>>> = {
  zod: payArgs,
  valibot: v.tuple([
    v.pipe(v.string(), v.trim(), v.minLength(1)),
    v.pipe(v.number(), v.integer(), v.minValue(1)),
  ]),
  arktype: type(["string.trim", "number.integer > 0"]),
};

/** One that takes its time, as one that asks a database does. */
const slow: StandardSchema<unknown, Pay> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: async (value) => {
      await new Promise((go) => setTimeout(go, 1));
      return await payArgs["~standard"].validate(value);
    },
  },
};

function shopOf(args: StandardSchema<unknown, Pay>, runs: unknown[] = []) {
  return new TaskSpace("shop", {
    pay: (account: string, cents: number) => {
      runs.push([account, cents]);
      return `${account}: ${cents}`;
    },
    num: (text: string) => Number(text),
  }, { pay: { args } });
}

async function failureOf(result: Promise<unknown>): Promise<TaskFailure> {
  const failure = await result.then((value) => value, (error) => error);
  ok(failure instanceof TaskFailure, `${failure}`);
  return failure;
}

for (const [library, args] of Object.entries({ ...LIBRARIES, slow })) {
  testOnAll(`${library}: arguments are checked before a task runs`, async (url, name) => {
    const runs: unknown[] = [];
    const shop = shopOf(args, runs);
    await using broker = getBroker(url, name).expose(shop);
    await using _pool = new InlineWorkerPool(broker).start();
    await using q = getQueue<typeof shop>(url, { name });

    const right = await q.shop.pay(" x ", 1);
    strictEqual(await right.result(WAIT), "x: 1"); // what the schema made of it
    const wrong = await q.shop.pay("x", -1);
    const failure = await failureOf(wrong.result(WAIT));
    ok(failure.errorText.startsWith("InvalidArguments: Cannot call shop.pay: arguments[1]: "));
    const { cause } = failure;
    ok(cause instanceof InvalidArguments && cause instanceof TypeError);
    strictEqual(cause.taskName, "shop.pay");
    strictEqual(cause.name, "InvalidArguments");
    deepStrictEqual(cause.issues.map(({ path }) => path), [[1]]);
    ok(cause.issues[0]!.message.length > 5);
    ok(failure.errorText.endsWith(cause.issues[0]!.message));
    deepStrictEqual(runs, [["x", 1]]);

    // Handles are values by then.
    strictEqual(await (await q.shop.pay("y", q.shop.num("2"))).result(WAIT), "y: 2");
    const late = await q.shop.pay("y", q.shop.num("-2"));
    ok((await failureOf(late.result(WAIT))).cause instanceof InvalidArguments);
  });

  testOnAll(
    `${library}: arguments are checked when the caller has the schema`,
    async (url, name) => {
      const shop = shopOf(args);
      await using broker = getBroker(url, name);
      await using q = getQueue<typeof shop>(url, { name, schemas: { shop: { pay: args } } });
      await using bare = getQueue<typeof shop>(url, { name });
      const exposed = getBroker(url, name).expose(shop);
      await using _exposed: Broker = exposed;
      const callers = [
        q.shop.pay,
        task(q.shop.pay, { resultTimeout: 1 }),
        task(bare.shop.pay, { args }),
        exposed.queue<typeof shop>().shop.pay,
      ];
      for (const pay of callers) {
        await rejects(pay("x", -1), (error: InvalidArguments) => {
          ok(error instanceof InvalidArguments);
          deepStrictEqual(error.issues.map(({ path }) => path), [[1]]);
          ok(error.message.startsWith("Cannot call shop.pay: arguments[1]: "));
          return true;
        });
      }
      strictEqual(await broker.size(), 0);
      for (const pay of callers) await pay("x", 1);
      await q.shop.num("1");
      strictEqual(await broker.size(), 5);
      // Handles are no values yet: then it is up to the worker.
      await q.shop.pay("x", q.shop.num("-1"));
      strictEqual(await broker.clear(), 7);
    },
  );
}

testOnAll("what is checked is sent as it was given, in the tick of the call", async (url, name) => {
  const shop = shopOf(payArgs);
  await using broker = getBroker(url, name).expose(shop);
  const batches: number[] = [];
  const { taskQueue } = broker;
  const plain = taskQueue.enqueue.bind(taskQueue);
  taskQueue.enqueue = (tasks) => (batches.push(tasks.length), plain(tasks));
  const q = broker.queue<typeof shop>();
  const calls = [q.shop.pay(" x ", 1), q.shop.pay("y", 2)];
  const first = await calls[0]!;
  const { message } = (await taskQueue.inspect(first.id))!;
  ok(message!.endsWith('[" x ",1]'));
  await Promise.all(calls);
  deepStrictEqual(batches, [2]);
  await broker.clear();
});

testOnAll("a schema may differ in what it takes and what it gives", async (url, name) => {
  const shop = new TaskSpace("shop", {
    pay: (cents: number, when: Date) => `${cents} ${when.getUTCFullYear()}`,
    sum: (...values: number[]) => values.reduce((a, b) => a + b, 0),
    greet: (whom: string, how?: string) => `${how} ${whom}`,
  }, {
    pay: {
      args: z.tuple([z.coerce.number<string>(), z.string().transform((text) => new Date(text))]),
    },
    sum: { args: z.array(z.number()) },
    greet: { args: z.tuple([z.string(), z.string().default("hello")]) },
  });
  await using broker = getBroker(url, name).expose(shop);
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue<typeof shop>();
  strictEqual(await (await q.shop.pay("100", "2026-01-01")).result(WAIT), "100 2026");
  strictEqual(await (await q.shop.sum(1, 2, 3)).result(WAIT), 6);
  strictEqual(await (await q.shop.sum()).result(WAIT), 0);
  strictEqual(await (await q.shop.greet("x")).result(WAIT), "hello x");
});

testOnAll("a schema that throws, or gives no list, fails the task with that", async (url, name) => {
  // deno-lint-ignore no-explicit-any -- a schema that does not keep its word
  const schema = (validate: any): any => ({ "~standard": { version: 1, vendor: "t", validate } });
  const thrown = () => {
    throw new RangeError("no database");
  };
  const f = (n: number) => n;
  const space = new TaskSpace("t", { throws: f, later: f, object: f }, {
    throws: { args: schema(thrown) },
    later: { args: schema(() => Promise.reject(new RangeError("later"))) },
    object: { args: schema(() => ({ value: {} })) },
  });
  await using broker = getBroker(url, name).expose(space);
  await using _pool = new InlineWorkerPool(broker).start();
  await using q = getQueue<typeof space>(url, { name });
  const text = async (call: Promise<{ result(wait: object): Promise<unknown> }>) =>
    (await failureOf((await call).result(WAIT))).errorText;
  strictEqual(await text(q.t.throws(1)), "RangeError: no database");
  strictEqual(await text(q.t.later(1)), "RangeError: later");
  ok(/^TypeError: Cannot call t.object: .* must give a list/.test(await text(q.t.object(1))));
  await rejects(broker.queue<typeof space>().t.throws(1), /no database/);
});

for (const kind of KINDS) {
  testOnAll(`${kind}: arguments are checked in the worker`, async (url, name) => {
    await using broker = getBroker(url, name);
    const options = { module: MODULE, initArgs: [name] };
    await using _pool = makePool(kind, broker, options).start();
    const q = broker.queue<typeof hooked>();
    const right = await q.hooked.pay(" x ", 1);
    const wrong = await q.hooked.pay("", 1.5);
    strictEqual(await right.result(WAIT), "x: 1");
    const { cause } = await failureOf(wrong.result(WAIT));
    ok(cause instanceof InvalidArguments);
    deepStrictEqual(cause.issues.map(({ path }) => path), [[0], [1]]);
  });
}

Deno.test("issues are told in few words, however large they are", () => {
  const issues = Array.from({ length: 30 }, (_, i) => ({ path: [i, "a b", "c"], message: "no" }));
  const error = new InvalidArguments("t", issues);
  strictEqual(error.issues.length, 20);
  ok(error.message.startsWith('Cannot call t: arguments[0]["a b"].c: no; arguments[1]'));
  ok(error.message.endsWith("; 10 more"));
});

testOnAll("paths and messages without end are cut off", async (url, name) => {
  const long = "x".repeat(100_000);
  const path = [Symbol("s"), { key: long }, ...Array.from({ length: 1_000 }, () => 1)];
  const validate = () => ({ issues: [{ message: long, path }, { message: "whole" }] });
  const args: StandardSchema<[]> = { "~standard": { version: 1, vendor: "test", validate } };
  const space = new TaskSpace("", { f: () => 1 }, { f: { args } });
  await using broker = getBroker(url, name).expose(space);
  await using _pool = new InlineWorkerPool(broker).start();
  await using q = getQueue<typeof space>(url, { name });
  const { cause } = await failureOf((await q.f()).result(WAIT));
  ok(cause instanceof InvalidArguments);
  const [first, second] = cause.issues;
  deepStrictEqual(first!.path.slice(0, 3), ["Symbol(s)", "x".repeat(100), 1]);
  deepStrictEqual([first!.path.length, first!.message.length], [50, 1_000]);
  deepStrictEqual(second, { path: [], message: "whole" });
});

Deno.test("what is no schema is refused where it is given", async () => {
  // deno-lint-ignore no-explicit-any -- the compiler refuses them as well
  const queue = (schemas: any) => () => getQueue("memory://schemas", { schemas });
  throws(queue({ shop: { pay: 1 } }), {
    name: "TypeError",
    message: /^Cannot get queue: schemas.shop.pay must be a schema with the property "~standard"/,
  });
  for (const what of [payArgs, LIBRARIES.arktype, null, 1]) {
    throws(queue(what), /Cannot get queue: schemas must be by name/);
  }
  throws(queue({ shop: { "~standard": {} } }), /schemas.shop must be a schema/);
  await using q = getQueue("memory://schemas");
  // deno-lint-ignore no-explicit-any -- as above
  throws(() => task(q.shop.pay, { args: {} as any }), /Cannot make task shop.pay: args must be/);
  throws(
    // deno-lint-ignore no-explicit-any -- as above
    () => getQueue("memory://schemas", { args: payArgs } as any),
    /Cannot get queue: option "args" is for single tasks/,
  );
});

Deno.test("definitions belong to tasks, and say what they may", () => {
  const pay = (cents: number) => cents;
  // deno-lint-ignore no-explicit-any -- the compiler refuses them as well
  const define = (definitions: any) => new TaskSpace("shop", { pay }, definitions);
  throws(() => define({ pya: {} }), {
    name: "TypeError",
    message: 'Cannot define task "pya" of space "shop": there is no such task among pay',
  });
  throws(() => define({ pay: { arg: {} } }), {
    name: "TypeError",
    message:
      /^Cannot define task "pay" of space "shop": unknown option "arg", expected one of args/,
  });
  throws(() => define({ toString: {} }), /there is no such task/);
  throws(() => define({ pay: { args: { parse: () => [] } } }), /args must be a schema/);
  throws(() => define({ pay: { args: { "~standard": { version: 2 } } } }), /version 1/);
  throws(() => define({ pay: 1 }), /expected options, received 1/);
  for (const what of [null, 1, []]) throws(() => define(what), /expected definitions/);
  deepStrictEqual(define({}).definitions, {});
  deepStrictEqual(define({ pay: undefined }).definitions, { pay: undefined });
});

Deno.test("entries of a space tell the definitions, of those that have one", () => {
  const args: StandardSchema<[number]> = {
    "~standard": { version: 1, vendor: "test", validate: () => ({ value: [1] }) },
  };
  const pay = (cents: number) => cents;
  const space = new TaskSpace("shop", { pay, list: pay }, { pay: { args } });
  deepStrictEqual([...space.entries()], [["shop.pay", pay, { args }], ["shop.list", pay]]);
});
