/** A real Redis that dies, forgets and cuts connections while tasks are in flight. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import process from "node:process";
import { all, getBroker, getQueue, InlineWorkerPool, map } from "@worq/worq";
import {
  openRedisClient,
  type RedisClient,
  type RedisFactory,
} from "../src/queues/redis_client.ts";
import { testOn } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { findRedisServer, freePort, KEPT, RedisServer } from "./support/redis_server.ts";

const OWN = findRedisServer() && "own server";
const WAIT = { timeout: 60_000 };
const quiet = () => {};

/** A client that outlives nothing: each call has a connection of its own. */
async function tell(server: RedisServer, command: string, ...args: string[]): Promise<unknown> {
  const client: RedisClient = await openRedisClient(server.url, { connectTimeout: 5_000 });
  try {
    return await client.send(command, args);
  } finally {
    await client.close();
  }
}

/** Tasks that count their runs and stop half-way until `goOn`. */
function halfway() {
  const goOn = Promise.withResolvers<void>();
  const runs = new Map<number, number>();
  const twice = async (n: number) => {
    runs.set(n, (runs.get(n) ?? 0) + 1);
    if (n >= 400) await goOn.promise;
    return 2 * n;
  };
  return { tasks: { twice, sum: (ns: number[]) => ns.reduce((a, b) => a + b, 0) }, goOn, runs };
}

testOn(OWN, "1,000 tasks in flight survive a kill of a Redis that keeps its data", async () => {
  await using server = await RedisServer.start(KEPT);
  const { tasks, goOn, runs } = halfway();
  await using worker = getBroker(server.url).expose(tasks);
  await using q = getQueue<typeof tasks>(server.url);
  await using _pool = new InlineWorkerPool(worker, { concurrency: 50, onError: quiet }).start();
  const numbers = Array.from({ length: 1_000 }, (_, i) => i);
  const handles = await map(q.twice, numbers);
  const sum = await q.sum(handles);
  const results = all(handles, WAIT);
  await eventually(() => runs.size, (size) => size >= 420);
  await server.stop("SIGKILL");
  goOn.resolve();
  const late = map(q.twice, [1_000, 1_001]); // a call while the server is away waits for it
  await server.start();
  deepStrictEqual(await results, numbers.map((n) => 2 * n));
  strictEqual(await sum.result(WAIT), 999_000);
  deepStrictEqual(await all(await late, WAIT), [2_000, 2_002]);
  strictEqual(runs.size, 1_002);
});

testOn(OWN, "a Redis that forgot everything leaves nobody waiting", async () => {
  await using server = await RedisServer.start();
  const { tasks, runs } = halfway();
  await using worker = getBroker(server.url).expose(tasks);
  await using q = getQueue<typeof tasks>(server.url);
  await using _pool = new InlineWorkerPool(worker, { concurrency: 50, grace: 0, onError: quiet })
    .start();
  const handles = await map(q.twice, Array.from({ length: 1_000 }, (_, i) => i));
  const results = Promise.allSettled(handles.map((handle) => handle.result(WAIT)));
  await eventually(() => runs.size, (size) => size >= 420);
  await server.stop("SIGKILL");
  await server.start();
  for (const result of await results) {
    ok(result.status === "fulfilled" || result.reason.name === "TaskExpired", `${result}`);
  }
  strictEqual(await (await q.twice(1)).result(WAIT), 2); // and both go on
});

testOn(OWN, "a Redis that stays away is told to callers and waiters", async () => {
  await using server = await RedisServer.start();
  await using q = getQueue(server.url, { retryFor: 300 });
  const waiting = await q.f(1);
  const told = rejects(waiting.result(WAIT), { name: "QueueUnavailable" });
  await server.stop("SIGKILL");
  const { host } = new URL(server.url);
  await rejects(q.f(2), {
    name: "QueueUnavailable",
    message: new RegExp(`^Cannot use Redis at ${host}: `),
  });
  await told;
});

testOn(OWN, "a pool whose Redis is away ends in time, and says so", async () => {
  await using server = await RedisServer.start();
  const told: string[] = [];
  const broker = getBroker(server.url);
  const onError = (error: Error) => told.push(error.message);
  const pool = new InlineWorkerPool(broker, { onError }).start();
  await eventually(() => broker.taskQueue.stats(), ({ idle }) => idle === 1);
  await server.stop("SIGKILL");
  await pool.stop();
  ok(/stops without an answer from its queue/.test(told.join()), told.join());
  await broker[Symbol.asyncDispose]();
});

testOn(OWN, "a pool that finds no Redis says so, and starts when there is one", async () => {
  const port = await freePort();
  const told = Promise.withResolvers<Error>();
  const url = `redis://127.0.0.1:${port}/0`;
  await using stack = new AsyncDisposableStack(); // the server is to end last
  await using broker = getBroker(url).expose({ one: () => 1 });
  await using _pool = new InlineWorkerPool(broker, { onError: told.resolve }).start();
  ok(/Cannot use Redis at .*; pool pool-.* goes on trying/.test((await told.promise).message));
  stack.use(await RedisServer.start(["--port", `${port}`]));
  await using q = getQueue(url);
  const one = await eventually(() => q.one().catch(quiet), (handle) => handle !== undefined);
  strictEqual(await one.result(WAIT), 1);
});

testOn(OWN, "cut connections and forgotten scripts cost time, not tasks", async () => {
  await using server = await RedisServer.start();
  const { tasks, goOn, runs } = halfway();
  goOn.resolve();
  await using worker = getBroker(server.url).expose(tasks);
  await using q = getQueue<typeof tasks>(server.url);
  await using _pool = new InlineWorkerPool(worker, { concurrency: 50, onError: quiet }).start();
  for (let round = 0; round < 5; round++) {
    const numbers = Array.from({ length: 1_000 }, (_, i) => 1_000 * round + i);
    const handles = map(q.twice, numbers);
    const sum = q.sum(numbers.map((n) => q.twice(n)));
    await tell(server, "SCRIPT", "FLUSH");
    await tell(server, "CLIENT", "KILL", "TYPE", "normal");
    await tell(server, "CLIENT", "KILL", "TYPE", "pubsub");
    deepStrictEqual(await all(await handles, WAIT), numbers.map((n) => 2 * n));
    strictEqual(await (await sum).result(WAIT), numbers.reduce((a, n) => a + 2 * n, 0));
  }
  strictEqual(runs.size, 5_000);
  const { pending, ready, leased } = await worker.taskQueue.stats();
  deepStrictEqual({ pending, ready, leased }, { pending: 0, ready: 0, leased: 0 });
});

testOn(OWN, "a full Redis refuses calls, but takes what makes room", async () => {
  await using server = await RedisServer.start();
  const goOn = Promise.withResolvers<void>();
  const tasks = { hold: () => goOn.promise.then(() => 1), next: (n: number) => n + 1 };
  await using broker = getBroker(server.url).expose(tasks);
  await using _pool = new InlineWorkerPool(broker, { onError: quiet }).start();
  const q = broker.queue<typeof tasks>();
  const held = await q.hold();
  const next = await q.next(held);
  await eventually(() => held.status(), (status) => status === "processing");
  await tell(server, "CONFIG", "SET", "maxmemory", "1mb");
  await rejects(q.next(1), { name: "QueueUnavailable", message: /OOM/ });
  goOn.resolve();
  deepStrictEqual(await all([held, next], WAIT), [1, 2]);
  await tell(server, "CONFIG", "SET", "maxmemory", "0");
  strictEqual(await (await q.next(1)).result(WAIT), 2);
});

testOn(OWN, "a Redis before 7 that is full loses nothing", async () => {
  await using server = await RedisServer.start();
  const redisFactory: RedisFactory = async (...args) => {
    const client = await openRedisClient(...args);
    const send: RedisClient["send"] = (command, args) =>
      command === "INFO" ? Promise.resolve("redis_version:6.2.0") : client.send(command, args);
    return { ...client, send };
  };
  const goOn = Promise.withResolvers<void>();
  const told = Promise.withResolvers<Error>();
  const tasks = { hold: () => goOn.promise.then(() => 1), next: (n: number) => n + 1 };
  await using broker = getBroker(server.url, "default", { redisFactory }).expose(tasks);
  await using _pool = new InlineWorkerPool(broker, { onError: told.resolve }).start();
  const q = broker.queue<typeof tasks>();
  const held = await q.hold();
  const next = await q.next(held);
  await eventually(() => held.status(), (status) => status === "processing");
  await tell(server, "CONFIG", "SET", "maxmemory", "1mb");
  goOn.resolve();
  ok(/OOM.*goes on trying/.test((await told.promise).message));
  await tell(server, "CONFIG", "SET", "maxmemory", "0");
  deepStrictEqual(await all([held, next], WAIT), [1, 2]);
});

testOn(OWN, "a queue closes also when its server hangs", async () => {
  await using server = await RedisServer.start();
  const q = getQueue(server.url, { retryFor: 0 });
  await q.f(1);
  process.kill(server.pid, "SIGSTOP");
  const waiting = rejects(q.size(), { name: "QueueUnavailable" });
  await q[Symbol.asyncDispose]();
  await waiting;
});

testOn(OWN, "a batch that fails in the middle is told call by call", async () => {
  await using server = await RedisServer.start();
  let scripts = 0;
  const redisFactory: RedisFactory = async (...args) => {
    const client = await openRedisClient(...args);
    const send: RedisClient["send"] = (command, args) =>
      command === "EVALSHA" && ++scripts === 2
        ? Promise.reject(new Error("OOM command not allowed"))
        : client.send(command, args);
    return { ...client, send };
  };
  await using q = getQueue(server.url, { redisFactory });
  const calls = Array.from({ length: 600 }, (_, i) => q.f(i)); // three scripts
  const last = q.f(calls[599]);
  const results = await Promise.allSettled([...calls, last]);
  const stored = results.filter(({ status }) => status === "fulfilled");
  const refused = results.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  ok(stored.length > 0 && refused.length > 0);
  ok(refused.every(({ reason }) => /OOM/.test(reason.message)), `${refused[0]?.reason}`);
  strictEqual(await q.clear(), stored.length);
});

testOn(OWN, "a connection that breaks while it is opened is opened again", async () => {
  await using server = await RedisServer.start();
  let opened = 0;
  const redisFactory: RedisFactory = async (...args) => {
    const client = await openRedisClient(...args);
    if (++opened > 2) return client;
    const broken = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    return { ...client, send: () => Promise.reject(broken) };
  };
  await using q = getQueue(server.url, { redisFactory });
  strictEqual(await q.size(), 0);
  strictEqual(opened, 3);
});
