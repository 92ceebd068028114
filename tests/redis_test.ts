import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { RedisTaskQueue } from "@worq/worq/backend";
import { testTaskQueue } from "@worq/worq/testing";
import {
  openRedisClient,
  type RedisClient,
  type RedisFactory,
} from "../src/queues/redis_client.ts";
import { Driver } from "../src/testing/driver.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { checkKeys } from "./support/redis_keys.ts";

testTaskQueue({
  name: "RedisTaskQueue",
  open: (clock) => new RedisTaskQueue(redisUrl!, freshName(), { clock }),
  // Without a server there is nothing to test; the run names what it left out.
  test: (name, fn) => Deno.test({ name, fn, ignore: redisUrl === undefined }),
});

testOn(redisUrl, "RedisTaskQueue cancels a task that its caller left half stored", async (url) => {
  let scripts = 0;
  const redisFactory: RedisFactory = async (...args) => {
    const client = await openRedisClient(...args);
    const send: RedisClient["send"] = (command, args) =>
      command === "EVALSHA" && ++scripts === 3 // its needs, the task, and then the rest of the needs
        ? Promise.reject(new Error("ERR the caller died"))
        : client.send(command, args);
    return { ...client, send };
  };
  const name = freshName();
  await using queue = new RedisTaskQueue(url, name);
  await using dying = new RedisTaskQueue(url, name, { redisFactory });
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
    await checkKeys(client, name);
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
    await checkKeys(client, queue.name);
    // A wide task whose result is not kept, and whose dependent is over while it still gives back its needs.
    const needs = Array.from({ length: 350 }, (_, i) => ({ id: `n${i}` }));
    await driver.enqueue(...needs);
    await driver.enqueue({ id: "wide", takes: needs.map(({ id }) => id) });
    await driver.enqueue({ id: "next", takes: ["wide"] });
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
    await checkKeys(client, queue.name);
  } finally {
    await client.close();
    await queue.clear();
  }
});
