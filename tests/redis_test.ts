import { RedisTaskQueue } from "@worq/worq/backend";
import { testTaskQueue } from "@worq/worq/testing";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { REDIS_CASES } from "./support/redis_cases.ts";

testTaskQueue({
  name: "RedisTaskQueue",
  open: (clock) => new RedisTaskQueue(redisUrl!, freshName(), { clock }),
  // Without a server there is nothing to test; the run names what it left out.
  test: (name, fn) => Deno.test({ name, fn, ignore: redisUrl === undefined }),
});

for (const [name, body] of REDIS_CASES) {
  testOn(redisUrl, `RedisTaskQueue${name}`, (url) => body(url, openRedisClient));
}
