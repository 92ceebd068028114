/** Many tasks, many waiters, and what they cost: calls, connections and keys. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { all, type Deferred, getBroker, getQueue, InlineWorkerPool, map } from "@worq/worq";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { testOn, testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { findRedisServer, RedisServer } from "./support/redis_server.ts";

const OWN = findRedisServer() && "own server";
const WAIT = { timeout: 60_000 };
const MANY = 10_000;

const tasks = {
  num: (value: number) => value,
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
};
type Tasks = typeof tasks;

/** A connection to look at the server with. */
async function observe(server: RedisServer) {
  const client = await openRedisClient(server.url, { connectTimeout: 5_000 });
  const ask = async (...command: [string, ...string[]]) =>
    String(await client.send(command[0], command.slice(1)));
  return {
    ask,
    /** Scripts that were called since the last reset. */
    scripts: async () =>
      [...(await ask("INFO", "commandstats")).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
        .reduce((sum, [, calls]) => sum + Number(calls), 0),
    /** Connections, without the two of the observer. */
    connections: async () => (await ask("CLIENT", "LIST")).trim().split("\n").length - 2,
    [Symbol.asyncDispose]: () => client.close(),
  };
}

testOnAll("10,000 results go into one task", async (url, name) => {
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker, { concurrency: 50 }).start();
  const q = broker.queue<Tasks>();
  const numbers = Array.from({ length: MANY }, (_, i) => i);
  const sum = await q.add(numbers.map((n) => q.num(n)));
  strictEqual(await sum.result(WAIT), MANY * (MANY - 1) / 2);
});

testOnAll("one result goes into 10,000 tasks", async (url, name) => {
  await using broker = getBroker(url, name).expose(tasks);
  const q = broker.queue<Tasks>();
  const one = await q.num(1);
  const handles = await map(q.num, Array.from({ length: MANY }, () => one));
  await using _pool = new InlineWorkerPool(broker, { concurrency: 50 }).start();
  const results = await all(handles, WAIT);
  ok(results.every((result) => result === 1));
});

testOn(OWN, "nothing is left in Redis when results are over", async () => {
  await using server = await RedisServer.start();
  await using watch = await observe(server);
  const memory = async () =>
    Number(/used_memory:(\d+)/.exec(await watch.ask("INFO", "memory"))?.[1]);
  const job = async () => {
    await using broker = getBroker(server.url).expose(tasks);
    await using _pool = new InlineWorkerPool(broker, { concurrency: 50 }).start();
    const q = broker.queue<Tasks>({ resultTimeout: 100 });
    const numbers = Array.from({ length: MANY }, (_, i) => i);
    const sum = await q.add(numbers.map((n) => q.num(n)));
    strictEqual(await sum.result(WAIT), MANY * (MANY - 1) / 2);
  };
  const nothingLeft = async () => {
    await eventually(() => watch.ask("KEYS", "*"), (keys) => keys === "worq:{default}:meta");
    await eventually(watch.connections, (count) => count === 0);
  };
  await job(); // the server keeps scripts and buffers from the first time
  await nothingLeft();
  const before = await memory();
  await job();
  await nothingLeft();
  // A task left behind would be 300 bytes, all of them three million.
  await eventually(memory, (after) => after - before < 300_000);
});

testOn(OWN, "a level of a graph is one call, and so are all waits of a tick", async () => {
  await using server = await RedisServer.start();
  await using watch = await observe(server);
  await using q = getQueue<Tasks>(server.url);
  await q.size();
  await watch.ask("CONFIG", "RESETSTAT");
  const level = await map(q.num, Array.from({ length: 200 }, (_, i) => i));
  strictEqual(await watch.scripts(), 1);
  const sum = await q.add([q.num(1), q.num(2)]); // two levels, written in one tick
  strictEqual(await watch.scripts(), 2);
  await Promise.all([...level, sum].map((handle: Deferred<number>) => handle.wait({ timeout: 0 })));
  strictEqual(await watch.scripts(), 3);
});

testOn(OWN, "a task costs at most 0.3 calls of the client under load", async () => {
  await using server = await RedisServer.start();
  await using watch = await observe(server);
  await using broker = getBroker(server.url).expose(tasks);
  await using q = getQueue<Tasks>(server.url);
  await using _pool = new InlineWorkerPool(broker, { concurrency: 50 }).start();
  await (await q.num(1)).result(WAIT);
  await watch.ask("CONFIG", "RESETSTAT");
  const numbers = Array.from({ length: 5_000 }, (_, i) => i);
  deepStrictEqual(await all(await map(q.num, numbers), WAIT), numbers);
  const calls = await watch.scripts();
  ok(calls <= 0.3 * numbers.length, `${calls} calls for ${numbers.length} tasks`);
});

testOn(OWN, "10,000 waiters and twenty queues are two connections", async () => {
  await using server = await RedisServer.start();
  await using watch = await observe(server);
  await using stack = new AsyncDisposableStack();
  const queues = Array.from({ length: 20 }, (_, i) => {
    const broker = stack.use(getBroker(server.url, `q${i}`).expose(tasks));
    return { broker, q: stack.use(getQueue<Tasks>(server.url, { name: `q${i}` })) };
  });
  const waits: Promise<number>[] = [];
  for (const { q } of queues) {
    const handles = await map(q.num, Array.from({ length: MANY / 20 }, (_, i) => i));
    waits.push(...handles.map((handle) => handle.result(WAIT)));
  }
  const results = Promise.all(waits);
  strictEqual(await watch.connections(), 2);
  for (const { broker } of queues) stack.use(new InlineWorkerPool(broker).start());
  strictEqual((await results).length, MANY);
  strictEqual(await watch.connections(), 2);
});
