/** What JavaScript asks of a queue when it only looks at it must not become a task. */
import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { getQueue, task, TaskSpace } from "@worq/worq";

Deno.test("a queue answers no probes", async () => {
  await using q = getQueue("memory://proxy");
  strictEqual(await (async () => await q.tasks)(), q.tasks);
  strictEqual(JSON.stringify({ q: q.tasks }), "{}");
  throws(() => `${q.tasks}`, TypeError);
  throws(() => (q.tasks as unknown as string) + "", TypeError);
  deepStrictEqual(Object.keys(q.tasks), []);
  strictEqual("then" in q, false);
  strictEqual(q.constructor, undefined);
  strictEqual(await q.size(), 0);
});

Deno.test("size and clear are tasks below the root", async () => {
  const cart = new TaskSpace("cart", { size: () => 3, clear: () => 4 });
  await using q = getQueue<typeof cart>("memory://proxy-size");
  strictEqual((await q.cart.size()).name, "cart.size");
  strictEqual(await q.size(), 1);
  strictEqual(await q.clear(), 1);
});

Deno.test("the queue itself cannot be called", async () => {
  await using q = getQueue("memory://proxy");
  throws(() => (q as unknown as () => void)(), /Cannot call the queue itself/);
});

Deno.test("task() refuses what is no task", () => {
  throws(() => task((() => {}) as never, {}), /Cannot make a task of this/);
});

Deno.test("a Deferred is no promise", async () => {
  await using q = getQueue("memory://proxy-deferred");
  const deferred = await q.f(1);
  strictEqual("then" in deferred, false);
  const back = await (async () => await Promise.resolve(deferred))();
  strictEqual(back, deferred);
  await q.clear();
});
