/** What compiles and what does not. The checks are the compiler's: `deno check` runs with the tests. */
import { strictEqual } from "node:assert/strict";
import {
  all,
  type Deferred,
  getBroker,
  getQueue,
  type Hook,
  map,
  type Queue,
  type StandardSchema,
  task,
  type TaskFailure,
  TaskSpace,
} from "@worq/worq";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;
const expect = <_T extends true>() => {};

interface Cart {
  lines: { price: number }[];
  tax?: number;
}
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const tasks = new TaskSpace("tasks", {
  num: (value: string) => Number(value),
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
  nap: (ms: number) => Promise.resolve(`${ms}`),
  keep: (value: Json) => value,
  when: (date: Date, options?: { zone: string }) => `${date} ${options?.zone}`,
  pair: (a: number, b: string) => [a, b] as const,
  sum: (values: (number | TaskFailure)[]) => values.length,
});
const cart = new TaskSpace("shop.cart", {
  total: (cart: Cart) => cart.lines.reduce((sum, line) => sum + line.price, cart.tax ?? 0),
});

async function right(q: Queue<typeof tasks | typeof cart>): Promise<void> {
  const num = await q.tasks.num("1");
  expect<Equal<typeof num, Deferred<number>>>();
  const nap = await q.tasks.nap(1);
  expect<Equal<typeof nap, Deferred<string>>>();
  const value = await num.result();
  expect<Equal<typeof value, number>>();
  await q.tasks.add([1, 2]);
  await q.tasks.add([num, 2, q.tasks.num("3")]);
  await q.tasks.add(q.tasks.pair as never);
  await q.shop.cart.total({ lines: [{ price: num }, { price: 2 }], tax: q.tasks.num("1") });
  await q.tasks.keep({ deep: [{ er: [1, "x", null] }] });
  await q.tasks.when(new Date(0));
  await q.tasks.when(new Date(0), { zone: nap });
  const pair = await (await q.tasks.pair(num, nap)).result();
  expect<Equal<typeof pair, readonly [number, string]>>();
  const nothing = await task(q.tasks.num, { ignoreResult: true })("1");
  expect<Equal<typeof nothing, void>>();
  const nums = await map(task(q.tasks.num, { resultTimeout: 1 }), ["1", "2"]);
  expect<Equal<typeof nums, Deferred<number>[]>>();
  const values = await all(nums);
  expect<Equal<typeof values, number[]>>();
  const mixed = await all([num, nap]);
  expect<Equal<typeof mixed, [number, string]>>();
  const set = await all(new Set(nums));
  expect<Equal<typeof set, number[]>>();
  await task(q.tasks.num, { id: (text) => `num ${text}` })("1");
  await task(q.tasks.sum, { onError: "pass" })([num, 2]);
  const size = await q.size();
  expect<Equal<typeof size, number>>();
}

/** Tasks that continue as others. */
interface Continuing {
  at: () => Deferred<number>;
  later: () => Promise<Deferred<string>>;
  maybe: (n: number) => number | Promise<Deferred<number>>;
  either: (n: number) => Promise<boolean | Deferred<string>>;
  pair: () => Deferred<[number, string]>;
  never: () => never;
  any: () => unknown;
}

async function continuing(q: Queue<Continuing>): Promise<void> {
  const at = await q.at();
  expect<Equal<typeof at, Deferred<number>>>();
  const later = await q.later();
  expect<Equal<typeof later, Deferred<string>>>();
  const maybe = await q.maybe(at);
  expect<Equal<typeof maybe, Deferred<number>>>();
  const either = await q.either(1);
  expect<Equal<typeof either, Deferred<string | boolean>>>();
  const pair = await q.pair();
  expect<Equal<typeof pair, Deferred<[number, string]>>>();
  const never = await q.never();
  expect<Equal<typeof never, Deferred<never>>>();
  const any = await q.any();
  expect<Equal<typeof any, Deferred<unknown>>>();
  // @ts-expect-error what comes is a string
  await q.maybe(q.later());
}

async function wrong(q: Queue<typeof tasks>): Promise<void> {
  // @ts-expect-error no such task
  await q.tasks.nope();
  // @ts-expect-error no such space
  await q.shop.cart.total({ lines: [] });
  // @ts-expect-error a string is not a list of numbers
  await q.tasks.add("1");
  // @ts-expect-error a Deferred<string> where numbers are wanted
  await q.tasks.add([q.tasks.nap(1)]);
  // @ts-expect-error a Deferred<string> where a number is wanted
  await q.tasks.nap(await q.tasks.nap(1));
  // @ts-expect-error too many arguments
  await q.tasks.num("1", 2);
  // @ts-expect-error too few
  await q.tasks.num();
  // @ts-expect-error the handle is not the value
  const n: number = await q.tasks.num("1");
  // @ts-expect-error wrong inputs
  await map(q.tasks.num, [1]);
  // @ts-expect-error no such option
  task(q.tasks.num, { resultTimout: 1 });
  // @ts-expect-error a string is no task
  task("tasks.num", {});
  // @ts-expect-error not a policy
  task(q.tasks.num, { onError: "ignore" });
  // @ts-expect-error whether a call gives a handle is up to each call
  getQueue("memory://types", { ignoreResult: true });
  // @ts-expect-error the id function gets the task's arguments
  task(q.tasks.num, { id: (a: number) => `${a}` });
  void n;
}

async function deeper(): Promise<void> {
  await using shop = getQueue<typeof cart, "shop">("memory://types", { target: "shop" });
  await shop.cart.total({ lines: [] });
  // @ts-expect-error the target must be given as the second type, too
  getQueue<typeof cart>("memory://types", { target: "shop" });
  await using plain = getQueue<{ f(x: number): string }>("memory://types");
  const f = await plain.f(1);
  expect<Equal<typeof f, Deferred<string>>>();
  await using any = getQueue("memory://types");
  await any.what.ever(1, "2");
  const size = await any.size();
  expect<Equal<typeof size, number>>();
  await using broker = getBroker("memory://types");
  await broker.queue<typeof tasks>().tasks.num("1");
  // @ts-expect-error not a function
  broker.expose({ f: 1 });
}

const pay = (account: string, cents: number) => `${account} ${cents}`;
declare const same: StandardSchema<[string, number], [account: string, cents: number]>;
declare const read: StandardSchema<[string, string], [string, number]>;
declare const other: StandardSchema<[string], [string, Date]>;

/** Definitions: their names and schemas fit the functions, and callers give what a schema takes. */
async function defined(): Promise<void> {
  const shop = new TaskSpace("shop", { pay, list: (n: number) => n }, { pay: { args: same } });
  await using q = getQueue<typeof shop>("memory://types");
  const paid = await q.shop.pay("x", 1);
  expect<Equal<typeof paid, Deferred<string>>>();
  const texts = new TaskSpace("texts", { pay, list: (n: number) => n }, { pay: { args: read } });
  await using q2 = getQueue<typeof texts>("memory://types");
  const read2 = await q2.texts.pay("x", "1");
  expect<Equal<typeof read2, Deferred<string>>>();
  await q2.texts.list(1);
  // @ts-expect-error a number where the schema takes text
  await q2.texts.pay("x", 1);
  // @ts-expect-error no such task
  new TaskSpace("shop", { pay }, { pya: { args: same } });
  // @ts-expect-error one there is, the other not
  new TaskSpace("shop", { pay }, { pay: { args: same }, pya: { args: same } });
  // @ts-expect-error no such option
  new TaskSpace("shop", { pay }, { pay: { args: same, arg: same } });
  // @ts-expect-error it gives a date where the function takes a number
  new TaskSpace("shop", { pay }, { pay: { args: other } });
  // @ts-expect-error not a schema
  new TaskSpace("shop", { pay }, { pay: { args: 1 } });
  getQueue<typeof shop>("memory://types", { schemas: { shop: { pay: same } } });
  getQueue<typeof texts>("memory://types", { schemas: { texts: { pay: read } } });
  getQueue("memory://types", { schemas: { shop: { pay: same } } });
  task(q.shop.pay, { args: same });
  task(q2.texts.pay, { args: read });
  // @ts-expect-error no such task
  getQueue<typeof shop>("memory://types", { schemas: { shop: { pya: same } } });
  // @ts-expect-error a schema of other arguments
  getQueue<typeof shop>("memory://types", { schemas: { shop: { list: same } } });
  // @ts-expect-error a schema of other arguments
  task(q.shop.pay, { args: other });
  // A space without definitions has the type it always had.
  const plain: TaskSpace<"shop", { pay(account: string, cents: number): string }> = new TaskSpace(
    "shop",
    { pay },
  );
  getBroker("memory://types").expose(shop).expose(texts).expose(plain);
}

/** Hooks must give what `next()` gives, and see no more than there is. */
function hooks(): readonly Hook[] {
  const right: Hook = {
    enqueue(call, next) {
      call.context = { ...call.context, user: "u" };
      call.options = { ...call.options, resultTimeout: 1 };
      return next();
    },
    run: async (task, next) => {
      const { value } = await next();
      expect<Equal<typeof value, unknown>>();
      return { value: [task.args, task.context.user, task.signal] };
    },
  };
  // @ts-expect-error forgets what next() gives
  const forgets: Hook = { run: async (_task, next) => void await next() };
  // @ts-expect-error never calls next()
  const drops: Hook = { enqueue: () => {} };
  // @ts-expect-error no such side
  const misspelt: Hook = { onRun: () => {} };
  const wrong: Hook = {
    enqueue(call, next) {
      // @ts-expect-error the id is settled
      call.id = "1";
      // @ts-expect-error the queue's options are shared
      call.options.onError = "pass";
      // @ts-expect-error a context is strings
      call.context = { user: 1 };
      return next();
    },
  };
  return [right, forgets, drops, misspelt, wrong];
}

Deno.test("types: what is right compiles, what is wrong does not", () => {
  // Called by nobody: compiling this file is the test, and each @ts-expect-error needs its error.
  strictEqual([right, continuing, wrong, deeper, defined, hooks].length, 6);
});
