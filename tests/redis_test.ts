import { RedisTaskQueue } from "@worq/worq/backend";
import { testTaskQueue } from "@worq/worq/testing";
import { freshName, redisUrl } from "./support/backends.ts";

testTaskQueue({
  name: "RedisTaskQueue",
  open: (clock) => new RedisTaskQueue(redisUrl!, freshName(), { clock }),
  test: (name, fn) => Deno.test({ name, fn, ignore: redisUrl === undefined }),
});
