import { RedisTaskQueue } from "@worq/worq/backend";
import { testTaskQueue } from "@worq/worq/testing";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { Driver } from "../src/testing/driver.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { checkKeys } from "./support/redis_keys.ts";

testTaskQueue({
  name: "RedisTaskQueue",
  open: (clock) => new RedisTaskQueue(redisUrl!, freshName(), { clock }),
  test: (name, fn) => Deno.test({ name, fn, ignore: redisUrl === undefined }),
});

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
    await checkKeys(client, queue.name);
  } finally {
    await client.close();
    await queue.clear();
  }
});
