/** What a mistake gets: an error that names the act and the value, and nothing lost. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { createServer } from "node:net";
import {
  getBroker,
  getQueue,
  InlineWorkerPool,
  type QueueOptions,
  task,
  type TaskOptions,
  TaskSpace,
} from "@worq/worq";
import { openRedisClient, type RedisClient } from "../src/queues/redis_client.ts";
import { freshName, redisUrl, testOn, testOnAll } from "./support/backends.ts";
import { findRedisServer, freePort, RedisServer } from "./support/redis_server.ts";

const WAIT = { timeout: 10_000 };
const SECRET = "s3cret!";

const tasks = {
  same: (value: unknown) => value,
  big: (length: number) => "x".repeat(length),
  weird: () => new (class Weird {})(),
};
type Tasks = typeof tasks;

Deno.test("a URL that cannot be is refused when the queue is opened", () => {
  const cases: [url: string, message: RegExp][] = [
    ["http://localhost", /Cannot connect to "http:\/\/localhost": unknown scheme "http:\/\/"/],
    ["localhost:6379", /unknown scheme "localhost:\/\/"/],
    ["nonsense", /Cannot connect to "nonsense": not a URL; expected memory:/],
    ["redis://", /Cannot connect to "redis:\/\/": it has no host/],
    ["redis://host:99999/0", /a port is at most 65535/],
    [`redis://user:${SECRET}/@host`, /Cannot connect to "redis:\/\/\*\*\*@host": a host must be/],
    ["redis+cluster://a:1,:2", /it has no host; expected .*redis\+cluster:\/\/host:6379,host/],
    ["redis+cluster://a:1,b:2/1", /a cluster has no database but 0/],
    ["redis+sentinel://a:1,b:2/0/1/2", /the path must be the name of the primary/],
    ["rediss+sentinel://a:1,b:2", /the path must be the name of the primary/],
    ["redis+other://a:1", /unknown scheme "redis\+other:\/\/"/],
    ["redis://host:6379/x", /Cannot connect to "redis:\/\/host:6379\/x": .*database/],
  ];
  for (const [url, message] of cases) {
    throws(() => getQueue(url), { name: "TypeError", message });
    throws(() => getBroker(url), { name: "TypeError", message });
  }
  throws(
    () => getQueue(`http://user:${SECRET}@host`),
    (error: Error) => !error.message.includes(SECRET),
  );
});

Deno.test("a queue name that cannot be is refused", () => {
  for (const name of ["", "a{b}", "a\nb", 7 as unknown as string]) {
    throws(() => getBroker("memory://", name), /Cannot open queue .*a name is one or more/);
  }
});

Deno.test("options that cannot be are refused", () => {
  const wrong: [QueueOptions, RegExp][] = [
    [{ resultTimeout: -1 }, /resultTimeout must be milliseconds, 0 or more, received -1/],
    [{ resultTimeout: Infinity }, /resultTimeout must be at most 3155760000000 ms, received Inf/],
    [{ resultTimeout: NaN }, /received NaN/],
    [{ heartbeatInterval: 0 }, /heartbeatInterval must not be 0/],
    [{ redeliveries: 1.5 }, /redeliveries must be a whole number, 0 or more, received 1.5/],
    [{ onError: "ignore" as "fail" }, /onError must be "fail" or "pass", received "ignore"/],
    [{ maxPayload: 0 }, /maxPayload must be bytes, more than 0, received 0/],
    [{ connectTimeout: -5 }, /connectTimeout must be milliseconds/],
    [{ ignoreResult: true } as QueueOptions, /option "ignoreResult" is for single tasks, see task/],
    [{ resultTimout: 5 } as QueueOptions, /unknown option "resultTimout"/],
    ["mail" as QueueOptions, /expected an object of options, such as {.*}, received "mail"/],
  ];
  for (const [options, message] of wrong) {
    throws(() => getQueue("memory://", options), message);
  }
  const broker = getBroker("memory://");
  throws(() => broker.queue({ resultTimeout: -1 }), /received -1/);
  throws(() => task(broker.queue<Tasks>().same, { id: 7 as unknown as string }), /id must be/);
  throws(
    () => task(broker.queue<Tasks>().same, { retrys: 3 } as TaskOptions),
    /Cannot make task same: unknown option "retrys"/,
  );
  throws(() => new InlineWorkerPool(broker, { concurrency: 0 }), /concurrency must be a whole/);
  throws(() => new InlineWorkerPool(broker, { grace: -1 }), /grace must be milliseconds/);
});

Deno.test("names that cannot be tasks are refused", () => {
  const f = () => 1;
  throws(() => new TaskSpace("", { size: f }), /task "size" at the root: the name is reserved/);
  throws(() => new TaskSpace("size", { f }), /space "size": the name is reserved/);
  throws(() => new TaskSpace("x", { then: f }), /"then" is reserved/);
  throws(() => new TaskSpace("x.constructor", { f }), /"constructor" is reserved/);
  throws(() => new TaskSpace("x", { "a-b": f }), /"a-b" is not an identifier/);
  throws(() => new TaskSpace("x..y", { f }), /"" is not an identifier/);
  throws(
    () => new TaskSpace("x", { f: 1 as unknown as () => 1 }),
    /expected a function, received 1/,
  );
});

Deno.test("expose() refuses a taken name, and then exposes nothing", async () => {
  await using broker = getBroker("memory://expose", freshName());
  const add = () => "old";
  broker.expose({ add });
  const both = { sub: () => 1, add: () => "new" };
  throws(() => broker.expose(both), /Cannot expose task "add": a task with this name exists/);
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue<typeof both>();
  await rejects((await q.sub()).result(WAIT), /no such task/);
  broker.expose(both, { replace: true });
  strictEqual(await (await q.add()).result(WAIT), "new");
  throws(() => broker.expose(() => 1), /Cannot expose a function without a name/);
  throws(() => broker.expose(7 as never), /Cannot expose 7: expected a TaskSpace/);
  throws(() => broker.expose(function size() {}), /reserved/);
});

testOnAll("arguments that cannot be stored are refused at the call", async (url, name) => {
  await using q = getQueue<Tasks>(url, { name });
  const deep: unknown[] = [];
  for (let at = deep, i = 0; i < 100_000; i++) at.push(at = []);
  const cases: [value: unknown, message: RegExp][] = [
    [{ a: [() => 1] }, /Cannot call same: arguments\[0\]\.a\[0\] is a function/],
    [new (class Db {})(), /Cannot call same: arguments\[0\] is a Db; only plain data survives/],
    [{ s: Symbol("x") }, /arguments\[0\]\.s is a symbol/],
    [new Map([["k", new WeakMap()]]), /arguments\[0\]\.get\("k"\) is a WeakMap/],
    [deep, /nest too deeply/],
    [Promise.resolve(7), /an argument is a promise, but not of a Deferred/],
    [q, /is a function/],
  ];
  for (const [value, message] of cases) {
    await rejects(q.same(value), { name: "TypeError", message });
  }
  await rejects(q.same([Promise.reject(new Error("before"))]), /before/);
  strictEqual(await q.size(), 0);
});

testOnAll(
  "a call that fails fails the calls that take it, and nothing is left",
  async (url, name) => {
    await using q = getQueue<Tasks>(url, { name });
    await rejects(q.same(q.same(() => 1) as Promise<never>), /arguments\[0\] is a function/);
    strictEqual(await q.size(), 0);
  },
);

testOnAll(
  "a result that cannot be stored fails the task, and the pool goes on",
  async (url, name) => {
    await using broker = getBroker(url, name).expose(tasks);
    await using _pool = new InlineWorkerPool(broker).start();
    const q = broker.queue<Tasks>();
    const weird = await q.weird();
    await rejects(weird.result(WAIT), {
      name: "TaskFailure",
      message: `weird [${name}:${weird.id}] TypeError: Cannot return from weird: result is a ` +
        "Weird; only plain data survives the queue",
    });
    const chained = await q.same(1);
    broker.expose({ chain: () => [chained] });
    await rejects(
      (await broker.queue().chain()).result(WAIT),
      /result contains a Deferred \(same .*\), which only arguments may; return the Deferred itself/,
    );
    strictEqual(await (await q.same(1)).result(WAIT), 1);
  },
);

testOnAll("payloads over the limit are refused on both sides", async (url, name) => {
  const maxPayload = 1_000;
  await using broker = getBroker(url, name, { maxPayload }).expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();
  await using q = getQueue<Tasks>(url, { name, maxPayload });
  strictEqual(await (await q.same("x".repeat(990))).result(WAIT), "x".repeat(990));
  await rejects(q.same("x".repeat(1_000)), {
    name: "RangeError",
    message: /Cannot call same: 1004 bytes are over the limit of 1000 \(option maxPayload\)/,
  });
  await rejects(q.same("ü".repeat(500)), /1004 bytes/);
  await rejects(
    (await q.big(1_000)).result(WAIT),
    /RangeError: Cannot return from big: 1002 bytes/,
  );
});

testOnAll("four megabytes travel by default, five do not", async (url, name) => {
  await using broker = getBroker(url, name).expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue<Tasks>();
  const text = "x".repeat(3_999_990);
  const same = await q.same(text);
  ok(await same.result(WAIT) === text);
  const sizes = await q.same([same]);
  strictEqual((await sizes.result(WAIT) as string[])[0]?.length, text.length);
  await rejects(q.same("x".repeat(5_000_000)), RangeError);
});

testOnAll("an id that cannot be is refused", async (url, name) => {
  await using q = getQueue<Tasks>(url, { name });
  for (
    const id of [
      "",
      "a\x1fb",
      "\ud800",
      "x".repeat(513),
      (() => 7) as unknown as () => string,
    ]
  ) {
    await rejects(task(q.same, { id })(1), /Cannot call same: id must be 1 to 512 characters/);
  }
  await rejects(Reflect.get(q, "a\x1fb")(1), /Cannot call .*: the task's name must be 1 to 512/);
  const thrower = () => {
    throw new Error("no id today");
  };
  await rejects(task(q.same, { id: thrower })(1), /no id today/);
});

Deno.test("a server that is not there is told within the time for connecting", async () => {
  const port = await freePort();
  await using q = getQueue(`redis://user:${SECRET}@127.0.0.1:${port}/0`, { connectTimeout: 2_000 });
  const start = Date.now();
  await rejects(q.f(1), (error: Error) => {
    strictEqual(error.name, "QueueUnavailable");
    ok(error.message.startsWith(`Cannot use Redis at 127.0.0.1:${port}: `), error.message);
    ok(!error.message.includes(SECRET));
    return true;
  });
  await rejects(q.size(), { name: "QueueUnavailable" });
  ok(Date.now() - start < 2_000);
});

Deno.test("a server that says nothing is told within the time for connecting", async () => {
  const server = createServer((socket) => socket.on("error", () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  await using q = getQueue(`redis://127.0.0.1:${port}/0`, { connectTimeout: 200 });
  await rejects(q.f(1), {
    name: "QueueUnavailable",
    message: `Cannot use Redis at 127.0.0.1:${port}: no answer within 200 ms ` +
      "(option connectTimeout)",
  });
  sockets.forEach((socket) => socket.destroy());
  await new Promise((resolve) => server.close(resolve));
});

testOn(findRedisServer() && "own", "a wrong password is told, and not shown", async () => {
  await using server = await RedisServer.start(["--requirepass", "right"]);
  const { host } = new URL(server.url);
  for (const url of [`redis://:${SECRET}@${host}/0`, `redis://${host}/0`]) {
    await using q = getQueue(url);
    await rejects(q.f(1), (error: Error) => {
      strictEqual(error.name, "QueueUnavailable");
      ok(/WRONGPASS|NOAUTH/.test(error.message), error.message);
      ok(!`${error.message} ${error.stack} ${error.cause}`.includes(SECRET));
      return true;
    });
  }
  await using q = getQueue(`redis://:right@${host}/0`);
  strictEqual(await q.size(), 0);
});

testOn(redisUrl, "a Redis that is too old is told", async (url) => {
  const redisFactory = async (
    ...args: Parameters<typeof openRedisClient>
  ): Promise<RedisClient> => {
    const client = await openRedisClient(...args);
    return {
      ...client,
      send: (command, args) =>
        command === "INFO"
          ? Promise.resolve("redis_version:5.0.14\r\n")
          : client.send(command, args),
    };
  };
  await using q = getQueue(url, { redisFactory });
  await rejects(q.size(), {
    name: "QueueUnavailable",
    message: /it is version 5\.0\.14, and worq needs 6\.2 or later/,
  });
});

testOn(redisUrl, "a damaged record fails its task, and the others run", async (url) => {
  const name = freshName();
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  const key = (kind: string, id: string) => `worq:{${name}}:${kind}:${id}`;
  await using broker = getBroker(url, name).expose(tasks);
  const q = broker.queue<Tasks>();
  const ids = ["garbage", "head", "args", "gone", "list", "foreign", "fence", "good"];
  const all = await Promise.all(ids.map((id) => task(q.same, { id })(id)));
  await client.send("SET", [key("m", "garbage"), "what is this"]);
  await client.send("SET", [key("m", "head"), "{oops\x1fsame\x1f[1]"]);
  await client.send("SET", [key("m", "args"), "\x1fsame\x1f[1"]);
  await client.send("DEL", [key("m", "gone")]);
  await client.send("DEL", [key("m", "list")]);
  await client.send("RPUSH", [key("m", "list"), "x"]);
  await client.send("DEL", [key("t", "foreign")]);
  await client.send("SET", [key("t", "foreign"), "mine"]);
  await client.send("HSET", [key("t", "fence"), "losses", "x"]);
  await client.send("SET", [key("refs", "fence"), "y"]);
  await using _pool = new InlineWorkerPool(broker).start();
  const results = await Promise.all(
    all.map((deferred) => deferred.result(WAIT).catch((error) => error.errorText)),
  );
  const expected = [
    /^cannot run: the stored message is damaged: not three parts/,
    /^cannot run: the stored message is damaged: .*JSON/,
    /^SyntaxError: Cannot decode "\[1"/,
    /^cannot run: the stored message is missing|task expired/,
    /^cannot run: the stored message is missing|task expired/,
    /^its record in Redis is damaged: WRONGTYPE/,
    /^fence$/,
    /^good$/,
  ];
  results.forEach((text, i) => ok(expected[i]!.test(`${text}`), `${ids[i]}: ${text}`));
  deepStrictEqual(await broker.taskQueue.stats(), {
    pending: 0,
    scheduled: 0,
    ready: 0,
    leased: 0,
    idle: 1,
    unsettled: 0,
    dead: 3, // those whose message is there
    paused: false,
  });
  await client.close();
});
