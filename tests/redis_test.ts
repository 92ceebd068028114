import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { RedisTaskQueue } from "@worq/worq/backend";
import { testTaskQueue } from "@worq/worq/testing";
import {
  openRedisClient,
  type RedisClient,
  type RedisFactory,
} from "../src/queues/redis_client.ts";
import { STEPS } from "../src/queues/redis_lua.ts";
import { ENQUEUE, EXCHANGE, type Script } from "../src/queues/redis_scripts.ts";
import { Driver } from "../src/testing/driver.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { keysOf } from "./support/redis_keys.ts";

const LOOK = { repair: false, limit: 9 };

testTaskQueue({
  name: "RedisTaskQueue",
  open: (clock) => new RedisTaskQueue(redisUrl!, freshName(), { clock }),
  // Without a server there is nothing to test; the run names what it left out.
  test: (name, fn) => Deno.test({ name, fn, ignore: redisUrl === undefined }),
});

/** Opens a client that dies when a wide task is stored, and registered with one of its needs. */
function leavingHalf(): RedisFactory {
  let scripts = 0;
  return async (...args) => {
    const client = await openRedisClient(...args);
    const send: RedisClient["send"] = (command, args) =>
      command === "EVALSHA" && ++scripts === 3 // its needs, the task, and then the rest of the needs
        ? Promise.reject(new Error("ERR the caller died"))
        : client.send(command, args);
    return { ...client, send };
  };
}

testOn(redisUrl, "RedisTaskQueue registers a task with none that ends meanwhile", async (url) => {
  const name = freshName();
  await using queue = new RedisTaskQueue(url, name);
  await using dying = new RedisTaskQueue(url, name, { redisFactory: leavingHalf() });
  const driver = new Driver(queue);
  const needs = Array.from({ length: 100 }, (_, i) => `n${i}`);
  await driver.enqueue(...needs.map((id) => ({ id })));
  const claims = await driver.claim(100);
  const wide = { id: "wide", takes: needs, onError: "pass" as const };
  await rejects(new Driver(dying).enqueue(wide), /the caller died/);
  // The same script that ends n7, whose result nobody keeps, registers the task with what it takes.
  await driver.exchange({ reports: [driver.report("success", claims[7]!, 0)] });
  await driver.end("success", ...claims);
  strictEqual(await driver.run(), "wide");
  deepStrictEqual(await queue.fsck(LOOK), []);
});

testOn(redisUrl, "RedisTaskQueue cancels a task that its caller left half stored", async (url) => {
  const name = freshName();
  await using queue = new RedisTaskQueue(url, name);
  await using dying = new RedisTaskQueue(url, name, { redisFactory: leavingHalf() });
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  try {
    const driver = new Driver(queue);
    const needs = Array.from({ length: 250 }, (_, i) => ({ id: `n${i}` }));
    await driver.enqueue(...needs);
    const wide = { id: "wide", takes: needs.map(({ id }) => id) };
    await rejects(new Driver(dying).enqueue(wide), /the caller died/);
    const refs = async () => (await queue.inspect("n0"))?.refs;
    deepStrictEqual([await refs(), (await queue.stats()).unsettled], [1, 1]);
    deepStrictEqual(await queue.cancel([{ id: "wide" }]), ["cancelled"]);
    deepStrictEqual([await refs(), (await queue.stats()).unsettled], [0, 0]);
    deepStrictEqual(await queue.fsck(LOOK), []);
    strictEqual(await queue.clear(), 250);
  } finally {
    await client.close();
  }
});

testOn(
  redisUrl,
  "RedisTaskQueue.cancel() gives the same answers when the first got lost",
  async (url) => {
    let cancels = 0;
    const redisFactory: RedisFactory = async (...args) => {
      const client = await openRedisClient(...args);
      const send: RedisClient["send"] = async (command, args) => {
        const answer = await client.send(command, args);
        if (answer === "cou" && ++cancels === 1) throw new Error("the connection was cut");
        return answer;
      };
      return { ...client, send };
    };
    await using queue = new RedisTaskQueue(url, freshName(), { redisFactory });
    const driver = new Driver(queue);
    await driver.enqueue({ id: "done" }, { id: "a" });
    await driver.run();
    const answers = await queue.cancel([{ id: "a" }, { id: "done" }, { id: "nobody" }]);
    deepStrictEqual(answers, ["cancelled", "over", "unknown"]);
    strictEqual(cancels, 2);
  },
);

testOn(redisUrl, "RedisTaskQueue keeps no key for longer than it is needed", async (url) => {
  await using queue = new RedisTaskQueue(url, freshName());
  const driver = new Driver(queue);
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  try {
    // A dependent that is over before what it needs.
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "c", takes: ["a", "b"] });
    const [a, b] = await driver.claim(2);
    await driver.end("failed", b!);
    await driver.end("success", a!);
    deepStrictEqual(await queue.fsck(LOOK), []);
    // A wide task whose result is not kept, and whose dependent is over while it still gives back its needs.
    const needs = Array.from({ length: 350 }, (_, i) => ({ id: `n${i}` }));
    await driver.enqueue(...needs);
    await driver.enqueue({ id: "wide", takes: needs.map(({ id }) => id) });
    await driver.enqueue({ id: "next", takes: ["wide"] });
    deepStrictEqual(await queue.fsck(LOOK), []);
    await driver.end("success", ...await driver.claim(350));
    const [wide] = await driver.claim();
    const first = { pool: "p", number: 1_000, want: 1, lease: 15_000, renewals: [] };
    const { claims } = await queue.exchange({
      ...first,
      reports: [driver.report("success", wide!, 0)],
    });
    await queue.exchange({
      ...first,
      number: 1_001,
      reports: [driver.report("success", claims[0]!)],
    });
    await driver.exchange({});
    while ((await driver.queue.stats()).unsettled > 0) await driver.exchange({});
    deepStrictEqual(await driver.claim(), []); // now its pool waits to be woken
    deepStrictEqual(await queue.fsck(LOOK), []);
  } finally {
    await client.close();
    await queue.clear();
  }
});

/** Opens clients of which one loses the connection around call number `nth` of a script. */
function losing(
  script: Script,
  nth: number,
  when: "before" | "after",
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): RedisFactory {
  return async (...args) => {
    const client = await openRedisClient(...args);
    let hash = "";
    let calls = 0;
    const send: RedisClient["send"] = async (command, args) => {
      const lost = command === "EVALSHA" && args[0] === hash && ++calls === nth;
      if (lost && when === "before") {
        await meanwhile();
        throw new Error("the connection was cut");
      }
      const answer = await client.send(command, args);
      if (command === "SCRIPT" && args[1]?.endsWith(script.text)) hash = String(answer);
      if (lost) {
        await meanwhile();
        throw new Error("the connection was cut");
      }
      return answer;
    };
    return { ...client, send };
  };
}

testOn(redisUrl, "RedisTaskQueue stores a task once whose answer got lost", async (url) => {
  const name = freshName();
  await using other = new RedisTaskQueue(url, name);
  const driver = new Driver(other);
  const redisFactory = losing(ENQUEUE, 1, "after", () => driver.claim());
  await using queue = new RedisTaskQueue(url, name, { redisFactory });
  deepStrictEqual(await new Driver(queue).enqueue({ id: "a" }), ["enqueued"]);
  const { ready, leased } = await other.stats();
  deepStrictEqual({ ready, leased }, { ready: 0, leased: 1 });
  await other.cancel([{ id: "a" }]);
});

testOn(redisUrl, "RedisTaskQueue keeps the order of a batch that is cut", async (url) => {
  const redisFactory = losing(ENQUEUE, 1, "before");
  await using queue = new RedisTaskQueue(url, freshName(), { redisFactory });
  const driver = new Driver(queue);
  const tasks = Array.from({ length: 600 }, (_, i) => ({ id: `a${i}` }));
  const answers = await driver.enqueue(...tasks, { id: "last", takes: ["a0"] });
  deepStrictEqual([answers[0], answers.at(-1)], ["enqueued", "pending"]);
  const claims = await driver.claim(600);
  deepStrictEqual(claims.map(({ id }) => id), tasks.map(({ id }) => id));
});

testOn(redisUrl, "RedisTaskQueue sees to no lease while its server was away", async (url) => {
  const redisFactory = losing(EXCHANGE, 2, "before");
  let now = 1_000_000_000_000;
  await using queue = new RedisTaskQueue(url, freshName(), { redisFactory, clock: () => now });
  const driver = new Driver(queue);
  await driver.enqueue({ id: "a" });
  await driver.claim();
  now += 15_000;
  await driver.exchange({ pool: "other" });
  strictEqual(await driver.status("a"), "processing");
  await driver.exchange({ pool: "other" });
  strictEqual(await driver.status("a"), "enqueued");
});

testOn(redisUrl, "RedisTaskQueue has one key for a task that waits for a pool", async (url) => {
  await using queue = new RedisTaskQueue(url, freshName());
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  try {
    await new Driver(queue).enqueue({ id: "a" });
    const keys = await keysOf(client, queue.name);
    deepStrictEqual(keys.map((key) => key.split("}:")[1]).sort(), ["m:a", "meta", "ready"]);
  } finally {
    await client.close();
  }
});

testOn(
  redisUrl,
  "RedisTaskQueue gives no more inputs at once than a step has edges",
  async (url) => {
    await using queue = new RedisTaskQueue(url, freshName());
    const driver = new Driver(queue);
    const needs = Array.from({ length: 60 }, (_, i) => `n${i}`);
    await driver.enqueue(...needs.map((id) => ({ id })));
    await driver.end("success", ...await driver.claim(60));
    await driver.enqueue(...["x", "y", "z"].map((id) => ({ id, takes: needs })));
    const claims = await driver.claim(3);
    deepStrictEqual(claims.map(({ inputs }) => inputs.length), [60, STEPS - 60, 0]);
    const texts = needs.map((id) => `"${id}"`);
    for (const claim of claims) {
      deepStrictEqual((await driver.inputs(claim, 60)).map(({ text }) => text), texts);
    }
  },
);
