/**
 * Random sequences of operations on memory and on Redis: the same answers, the same state, and the
 * invariants hold after each step. A failure names the seed and the shortest sequence.
 */
import process from "node:process";
import fc from "fast-check";
import { RedisTaskQueue } from "@worq/worq/backend";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { openRedisClient, type RedisFactory } from "../src/queues/redis_client.ts";
import { STEPS } from "../src/queues/redis_lua.ts";
import { agree, sequences } from "./support/model.ts";
import { rewriting, withSteps } from "./support/scripts.ts";

// What is compared is not the runtime's.
const DEFAULT_RUNS = "deno" in process.versions ? 10_000 : 1_000;
const RUNS = Number(process.env.WORQ_TEST_MODEL_RUNS ?? DEFAULT_RUNS);
const SEED = Number(process.env.WORQ_TEST_MODEL_SEED ?? Math.floor(Math.random() * 2 ** 31));
// While one waits for Redis, the others go on.
const LANES = 4;

/** Opens clients whose scripts do so many steps. Few of them have small graphs walked as wide ones are. */
const FACTORIES: Record<number, RedisFactory> = {
  [STEPS]: openRedisClient,
  2: rewriting(withSteps(2)),
  3: rewriting(withSteps(3)),
};

testOn(redisUrl, "memory and Redis agree on every sequence of operations", async (given) => {
  // A database without the keys of other tests, which would be looked through after each step.
  const url = Object.assign(new URL(given), { pathname: "/9" }).href;
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  // They hold the connections open.
  const queues = Object.values(FACTORIES).map((redisFactory) =>
    new RedisTaskQueue(url, freshName(), { redisFactory })
  );
  await Promise.all(queues.map((queue) => queue.stats()));
  const steps = fc.constantFrom(STEPS, STEPS, 2, 3);
  const property = fc.asyncProperty(
    steps,
    sequences,
    (steps, operations) =>
      agree({ url, client }, { steps, redisFactory: FACTORIES[steps]! }, operations),
  );
  const lanes = Array.from({ length: LANES }, (_, lane) => {
    const numRuns = Math.ceil(RUNS / LANES);
    return fc.assert(property, { numRuns, seed: SEED + lane });
  });
  try {
    await Promise.all(lanes);
  } finally {
    await Promise.allSettled(lanes);
    await Promise.all(queues.map((queue) => queue[Symbol.asyncDispose]()));
    await client.close();
  }
});
