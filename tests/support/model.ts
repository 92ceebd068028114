/**
 * What the random test of the model is made of: {@linkcode sequences} of operations, and
 * {@linkcode agree}, which runs one on memory and on Redis and compares all that can be seen.
 */
import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { MemoryTaskQueue, RedisTaskQueue } from "@worq/worq/backend";
import { STAND_IN } from "../../src/couriers.ts";
import { decodeMessage, DEFAULT_POLICY, encodeMessage } from "../../src/message.ts";
import { Driver, type Ending, type TaskSpec } from "../../src/testing/driver.ts";
import type { Claim, Limits, Need, ScheduleRecord, TaskQueue } from "../../src/task_queue.ts";
import type { RedisClient, RedisFactory } from "../../src/queues/redis_client.ts";
import { STEPS } from "../../src/queues/redis_lua.ts";
import { freshName } from "./backends.ts";
import { recordsOf } from "./records.ts";
import { removeKeys } from "./redis_keys.ts";

/** Something that somebody does. */
export type Operation =
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
  | { kind: "deliver"; id: string; failed: boolean }
  | { kind: "schedule"; id: string; spec: string; after: number; stale: boolean; end: boolean }
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

const KEEP = 3_600_000;
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
        remote: fc.constant(true),
        window: fc.record({
          name: fc.constantFrom("w", "v"),
          kind: fc.constantFrom("throttle" as const, "debounce" as const),
          time: fc.constantFrom(1_000, 2_000),
        }),
      }, { requiredKeys: [] }),
    }, { requiredKeys: ["kind", "id", "takes", "old", "pass", "once", "plan"] }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("schedule" as const),
      id,
      spec: fc.constantFrom("x", "y"),
      after: fc.constantFrom(0, 1_000, 20_000),
      stale: fc.boolean(),
      end: fc.boolean(),
    }),
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
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("deliver" as const),
      id,
      failed: fc.boolean(),
    }),
  },
);

const upTo = (maxLength: number) => fc.array(operation, { minLength: 1, maxLength, size: "max" });
/** Sequences of operations, most of them short. */
export const sequences: fc.Arbitrary<Operation[]> = fc.oneof({ weight: 2, arbitrary: upTo(15) }, {
  weight: 1,
  arbitrary: upTo(40),
});

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
  /** The schedule as somebody may remember it. */
  #seen: ScheduleRecord | undefined;

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
        const { id, pass, once, takes, old, expiresIn, priority, deadTimeout } = operation;
        const { plan: wish = {} } = operation;
        // Nothing else is said of a task whose outcome comes from elsewhere.
        const plan: NonNullable<TaskSpec["plan"]> = wish.remote ? { remote: true } : wish;
        const calls = this.#calls.get(id) ?? [];
        const call: TaskSpec = {
          id,
          // A debounced call takes values only.
          takes: plan.window?.kind === "debounce"
            ? []
            : takes.filter((take) => take < id).map((take) => this.#handle(take, old)),
          onError: pass ? "pass" : "fail",
          redeliveries: once ? 0 : 1,
          origin: `${id}${calls.length}`,
          plan,
          ...(plan.remote ? { name: STAND_IN } : {}),
          ...(priority === undefined ? {} : { priority }),
          ...(deadTimeout === undefined ? {} : { deadTimeout }),
          ...(expiresIn === undefined ? {} : { expiresAt: this.#clock() + expiresIn }),
        };
        this.#calls.set(id, [...calls, call]);
        return await driver.enqueue(call);
      }
      case "schedule":
        return await this.#schedule(operation);
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
      case "deliver": {
        const { id, failed } = operation;
        const status = failed ? "failed" : "success";
        const { origin = "far" } = await driver.queue.inspect(id) ?? {};
        return await driver.queue.deliver({ id, origin }, { status, text: "1" }, KEEP);
      }
      case "redrive":
      case "discard":
        return await driver.queue[operation.kind](operation.ids);
    }
  }

  /** The next tick of the only schedule, or the one that is there once more, or its end. */
  async #schedule({ id, spec, after, stale, end }: Operation & { kind: "schedule" }) {
    const { queue } = this.driver;
    const [last] = (await queue.schedule([])).schedules;
    const seen = stale ? this.#seen : last;
    this.#seen = last;
    const at = after === 0 && last ? last.at : this.#clock() + after;
    const message = encodeMessage({ ...DEFAULT_POLICY, name: spec, args: "[]", needs: 0 });
    const tick = { spec, at, task: { id, message }, priority: after === 0 ? 3 : 0 };
    return await queue.schedule([{
      name: "s",
      ...(seen === undefined ? {} : { seen: { spec: seen.spec, at: seen.at } }),
      ...(end ? {} : { tick }),
    }]);
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
    const all = await Promise.all(claims.map(async ({ fence: _, ...claim }) => {
      const { needs } = decodeMessage(claim.message!);
      return { ...claim, inputs: await this.driver.inputs({ ...claim, fence: 0 }, needs) };
    }));
    return [next, all];
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

/** Where sequences are run. */
export interface ModelBench {
  readonly url: string;
  readonly client: RedisClient;
}

/** Clients whose scripts do so many steps. */
export interface Scripts {
  readonly steps: number;
  readonly redisFactory: RedisFactory;
}

/** Runs `operations` on both backends, and compares all that can be seen after each. */
export async function agree(
  { url, client }: ModelBench,
  { steps, redisFactory }: Scripts,
  operations: readonly Operation[],
): Promise<void> {
  let now = 1_000_000_000_000;
  const clock = () => now;
  const name = freshName();
  await using memory = new MemoryTaskQueue("memory://model", name, { clock });
  await using redis = new RedisTaskQueue(url, name, { clock, redisFactory });
  const model = new Subject(memory, clock, (time) => now += time);
  const subject = new Subject(redis, clock, () => {});
  const check = (queue: TaskQueue) => queue.fsck({ repair: false, limit: 9 });
  for (const operation of operations) {
    // In few steps, an exchange claims before all is done that memory has done by then.
    if (steps < STEPS) { for (const { driver } of [model, subject]) await driver.exchange({}); }
    const expected = await model.do(operation);
    const actual = await subject.do(operation);
    // Nor does a task become ready before the answer to its enqueue is given.
    if (steps === STEPS || operation.kind !== "enqueue" && operation.kind !== "resend") {
      deepStrictEqual(comparable(actual), comparable(expected));
    }
    // Sent together: one round trip for all that is looked at.
    const looked = Promise.all([
      recordsOf(redis, IDS),
      redis.dead(0, 9),
      check(redis),
    ]);
    looked.catch(() => {}); // told below, where the sequence is known
    const before = await Promise.all([
      recordsOf(memory, IDS),
      memory.dead(0, 9),
      check(memory),
    ]);
    const after = await looked;
    deepStrictEqual([before[2], after[2]], [[], []]);
    deepStrictEqual(comparable(after), comparable(before));
  }
  // Otherwise the look at the keys would take longer from run to run.
  await removeKeys(client, name);
}

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
