/**
 * Random sequences of operations on memory and on Redis: the same answers, the same state, and the
 * invariants hold after each step. A failure names the seed and the shortest sequence.
 */
import { deepStrictEqual } from "node:assert/strict";
import process from "node:process";
import fc from "fast-check";
import { MemoryTaskQueue, RedisTaskQueue } from "@worq/worq/backend";
import { Driver, type Ending, type TaskSpec } from "../src/testing/driver.ts";
import type { Claim, Limits, Need, TaskQueue } from "../src/task_queue.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { checkInvariants } from "./support/invariants.ts";
import { checkKeys } from "./support/redis_keys.ts";

type Operation =
  | {
    kind: "enqueue";
    id: string;
    takes: string[];
    old: boolean;
    pass: boolean;
    once: boolean;
    priority?: number;
    expiresIn?: number;
    deadTimeout?: number;
    plan: TaskSpec["plan"];
  }
  | { kind: "redrive" | "discard"; ids: string[] }
  | { kind: "resend"; id: string }
  | { kind: "claim"; pool: string; want: number; limits?: Limits | undefined }
  | { kind: "end"; claim: number; how: Ending; keep: number }
  | { kind: "renew"; claim: number }
  | { kind: "again"; pool: string }
  | { kind: "wait"; id: string }
  | { kind: "pass"; time: number }
  | { kind: "cancel"; ids: string[] }
  | { kind: "pause" | "resume" }
  | { kind: "clear" };

const RUNS = Number(process.env.WORQ_TEST_MODEL_RUNS ?? 200);
const IDS = ["a", "b", "c", "d", "e", "f"];
const id = fc.constantFrom(...IDS);
const pool = fc.constantFrom("one", "two");

const rate = fc.constantFrom({ count: 1, per: 1_000 }, { count: 2, per: 2_000 });
const limits: fc.Arbitrary<Limits> = fc.record({
  concurrency: fc.constantFrom(1, 2),
  rate,
  perKey: fc.record({ concurrency: fc.constantFrom(1, 2), rate }, { requiredKeys: [] }),
}, { requiredKeys: [] });

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("enqueue" as const),
      id,
      takes: fc.uniqueArray(id, { maxLength: 3 }),
      old: fc.boolean(),
      pass: fc.boolean(),
      once: fc.boolean(),
      priority: fc.constantFrom(1, 255),
      expiresIn: fc.constantFrom(0, 1_500, 30_000),
      deadTimeout: fc.constantFrom(0, 10_000),
      plan: fc.record({
        delay: fc.constantFrom(0, 1_000, 20_000),
        key: fc.constantFrom("x", "y"),
        maxLength: fc.constantFrom(2, 4),
        onDuplicate: fc.constantFrom("join" as const, "replace" as const),
        window: fc.record({
          name: fc.constantFrom("w", "v"),
          kind: fc.constantFrom("throttle" as const, "debounce" as const),
          time: fc.constantFrom(1_000, 2_000),
        }),
      }, { requiredKeys: [] }),
    }, { requiredKeys: ["kind", "id", "takes", "old", "pass", "once", "plan"] }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("resend" as const), id }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      pool,
      want: fc.nat(3),
      limits: fc.option(limits, { nil: undefined }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      claim: fc.nat(9),
      how: fc.constantFrom<Ending>(
        ...["success", "success", "failed", "retry", "returned", "lost"] as const,
      ),
      keep: fc.constantFrom(0, 3_600_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("renew" as const), claim: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("again" as const), pool }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), id }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      time: fc.constantFrom(1_000, 15_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("cancel" as const),
      ids: fc.uniqueArray(id, { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pause" as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("resume" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("clear" as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("redrive" as const, "discard" as const),
      ids: fc.uniqueArray(id, { maxLength: 3 }),
    }),
  },
);

/** One queue, with what a test must remember to use it. */
class Subject {
  readonly driver: Driver;
  readonly claims: Claim[] = [];
  readonly #numbers = new Map<string, number>();
  /** The calls that were made, by id, as a program holds handles of them. */
  readonly #calls = new Map<string, TaskSpec[]>();
  readonly #pass: (time: number) => void;
  readonly #clock: () => number;
  #number = 0;

  constructor(queue: TaskQueue, clock: () => number, pass: (time: number) => void) {
    this.driver = new Driver(queue);
    this.#clock = clock;
    this.#pass = pass;
  }

  /** Does `operation` and gives all that can be seen of it. */
  async do(operation: Operation): Promise<unknown> {
    const { driver } = this;
    switch (operation.kind) {
      case "enqueue": {
        const { id, pass, once, takes, old, plan, expiresIn, priority, deadTimeout } = operation;
        const calls = this.#calls.get(id) ?? [];
        const call: TaskSpec = {
          id,
          takes: takes.filter((take) => take < id).map((take) => this.#handle(take, old)),
          onError: pass ? "pass" : "fail",
          redeliveries: once ? 0 : 1,
          origin: `${id}${calls.length}`,
          plan: plan ?? {},
          ...(priority === undefined ? {} : { priority }),
          ...(deadTimeout === undefined ? {} : { deadTimeout }),
          ...(expiresIn === undefined ? {} : { expiresAt: this.#clock() + expiresIn }),
        };
        this.#calls.set(id, [...calls, call]);
        return await driver.enqueue(call);
      }
      case "resend": {
        // After a lost answer: nothing happened in between but what others did.
        const call = this.#calls.get(operation.id)?.at(-1);
        return call && await driver.queue.inspect(call.id) && await driver.enqueue(call);
      }
      case "claim":
        return await this.#claim(operation.pool, operation.want, this.#number++, operation.limits);
      case "again": {
        const number = this.#numbers.get(operation.pool);
        return number === undefined ? [] : await this.#claim(operation.pool, 1, number);
      }
      case "end": {
        const claim = this.#pick(operation.claim);
        if (claim === undefined) return;
        const reports = [driver.report(operation.how, claim, operation.keep)];
        const { superseded, next } = await driver.exchange({ pool: "reporter", reports });
        return [superseded, next];
      }
      case "renew": {
        const claim = this.#pick(operation.claim);
        if (claim === undefined) return;
        const renewals = [{ id: claim.id, fence: claim.fence, lease: 30_000 }];
        return (await driver.exchange({ pool: "reporter", renewals })).superseded;
      }
      case "wait":
        return await driver.outcome(operation.id);
      case "pass":
        this.#pass(operation.time);
        return;
      case "cancel":
        return await driver.cancel(...operation.ids);
      case "pause":
        return await driver.queue.pause();
      case "resume":
        return await driver.queue.resume();
      case "clear":
        return await driver.queue.clear();
      case "redrive":
      case "discard":
        return await driver.queue[operation.kind](operation.ids);
    }
  }

  async #claim(
    pool: string,
    want: number,
    number: number,
    limits?: Limits,
  ): Promise<unknown> {
    this.#numbers.set(pool, number);
    const { claims, next } = await this.driver.exchange({
      ...{ pool, want, number },
      ...(limits === undefined ? {} : { limits }),
    });
    this.claims.push(...claims);
    return [next, claims.map(({ fence: _, ...claim }) => claim)];
  }

  /** A handle of the first or the latest call with this id, or of one that nobody made. */
  #handle(id: string, old: boolean): Need {
    const calls = this.#calls.get(id) ?? [];
    return { id, origin: calls.at(old ? 0 : -1)?.origin ?? "nobody" };
  }

  #pick(index: number): Claim | undefined {
    return this.claims[index % Math.max(1, this.claims.length)];
  }
}

testOn(redisUrl, "memory and Redis agree on every sequence of operations", async (url) => {
  await using redis = new RedisTaskQueue(url, freshName());
  await redis.stats(); // one connection for all runs
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  const sequences = fc.array(operation, { minLength: 1, maxLength: 40 });
  const agree = fc.asyncProperty(sequences, async (operations) => {
    let now = 1_000_000_000_000;
    const clock = () => now;
    const name = freshName();
    await using memory = new MemoryTaskQueue("memory://model", name, { clock });
    await using redis = new RedisTaskQueue(url, name, { clock });
    const subjects = [
      new Subject(memory, clock, (time) => now += time),
      new Subject(redis, clock, () => {}),
    ] as const;
    for (const operation of operations) {
      const [expected, actual] = [
        await subjects[0].do(operation),
        await subjects[1].do(operation),
      ];
      deepStrictEqual(comparable(actual), comparable(expected));
      const states = [await checkInvariants(memory, IDS), await checkInvariants(redis, IDS)];
      deepStrictEqual(comparable(states[1]), comparable(states[0]));
      const dead = [await memory.dead(0, 9), await redis.dead(0, 9)];
      deepStrictEqual(comparable(dead[1]), comparable(dead[0]));
      await checkKeys(client, name);
    }
    await redis.clear();
    await redis.discard(IDS);
  });
  try {
    await fc.assert(agree, { numRuns: RUNS });
  } finally {
    await client.close();
  }
});

/**
 * Without what may differ: the numbers of fences, of which only the order counts, and the order of
 * the keys in a failure.
 */
function comparable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null, (key, inner) => {
    if (inner instanceof Map) return [...inner];
    if (key === "fence") return inner > 0;
    const failure = key === "text" && typeof inner === "string" && inner.startsWith("{");
    return failure ? Object.entries(JSON.parse(inner)).sort() : inner;
  }));
}
