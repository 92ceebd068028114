/** fsck: each kind of damage is named, set right, and then every task comes to its end. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { MemoryTaskQueue, RedisTaskQueue } from "@worq/worq/backend";
import { type Finding, type Invariant, INVARIANTS } from "../src/fsck.ts";
import { DEFAULT_POLICY, encodeMessage, UNIT } from "../src/message.ts";
import { storeAt } from "../src/queues/memory.ts";
import type { Parts } from "../src/queues/memory_store.ts";
import { openRedisClient, type RedisClient } from "../src/queues/redis_client.ts";
import { prefixOf } from "../src/queues/redis_lua.ts";
import { Driver, type TaskSpec } from "../src/testing/driver.ts";
import type { Claim, Need } from "../src/task_queue.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { randomNumbers } from "./support/random.ts";
import { keysOf, removeKeys } from "./support/redis_keys.ts";
import { rewriting, withSteps } from "./support/scripts.ts";

const START = 1_000_000_000_000;
const MINUTE = 60_000;
const KEY = "a key: *[?]\\";

/**
 * Puts tasks into every place of an empty queue. `done` is over, and `taker` takes it, as did `dies`,
 * which is dead; `runs` is with a pool; all else waits. `free` is over, and nobody takes it.
 */
async function fill(driver: Driver): Promise<void> {
  await driver.enqueue({ id: "done", origin: "1" }, { id: "free" });
  await driver.run();
  await driver.run();
  await driver.enqueue({ id: "dies", takes: [{ id: "done", origin: "1" }] });
  await driver.end("failed", ...await driver.claim());
  await driver.enqueue({ id: "runs", plan: { key: KEY } });
  await driver.claim();
  await driver.enqueue(
    { id: "a" },
    { id: "b", takes: ["a"] },
    { id: "taker", takes: [{ id: "done", origin: "1" }, "a"] },
    { id: "x", plan: { key: KEY } },
    { id: "y", plan: { key: "y" } },
    { id: "later", plan: { delay: MINUTE }, expiresAt: START + 10 * MINUTE },
  );
  const message = encodeMessage({ ...DEFAULT_POLICY, name: "tick", args: "[]", needs: 0 });
  const tick = { spec: "{}", at: START + MINUTE, task: { id: "tick", message }, priority: 0 };
  await driver.queue.schedule([{ name: "often", tick }]);
}

/** Runs all there is, until nothing is left; gives the ids of those that ran, sorted. */
async function finish(driver: Driver, pass: (time: number) => unknown): Promise<string[]> {
  const ran = new Set<string>();
  for (let round = 0; round < 4; round++) {
    pass(2 * MINUTE);
    for (let claims = await driver.claim(9); claims.length > 0; claims = await driver.claim(9)) {
      claims.forEach(({ id }) => ran.add(id));
      await driver.end("success", ...claims);
    }
  }
  const { pending, ready, leased, unsettled } = await driver.queue.stats();
  deepStrictEqual([pending, ready, leased, unsettled], [0, 0, 0, 0]);
  return [...ran].sort();
}

/** A queue in Redis with tasks in every place. */
class Stage implements AsyncDisposable {
  readonly driver: Driver;
  readonly queue: RedisTaskQueue;
  readonly #client: RedisClient;
  readonly #prefix: string;
  now = START;

  constructor(url: string, client: RedisClient, name = freshName()) {
    this.queue = new RedisTaskQueue(url, name, { clock: () => this.now });
    this.driver = new Driver(this.queue);
    this.#client = client;
    this.#prefix = prefixOf(name);
  }

  /** A command on a key of the queue. */
  send(command: string, key: string, ...args: (string | number)[]): Promise<unknown> {
    return this.#client.send(command, [this.#prefix + key, ...args.map(String)]);
  }

  fsck(repair = false): Promise<Finding[]> {
    return this.queue.fsck({ repair, limit: 1_000 });
  }

  /** Without a trace, for those that share the server. */
  async [Symbol.asyncDispose](): Promise<void> {
    await removeKeys(this.#client, this.queue.name);
    await this.queue[Symbol.asyncDispose]();
  }
}

/** All that is not over in a full queue. */
const WAITING = ["a", "b", "later", "runs", "taker", "tick", "x", "y"];
const without = (...ids: string[]) => WAITING.filter((id) => !ids.includes(id));

interface Damage {
  readonly invariant: Invariant;
  readonly id: string;
  readonly act: (stage: Stage) => Promise<unknown>;
  /** What runs once it is repaired. @default all that was not over */
  readonly runs?: readonly string[];
  /** Cannot be set right. */
  readonly stays?: boolean;
}

const DAMAGES: Readonly<Record<string, Damage>> = {
  "a ready task is in no place": {
    ...{ invariant: "place", id: "a" },
    act: ({ send }) => send("ZREM", "ready", "a"),
  },
  "a pending task is in no place": {
    ...{ invariant: "place", id: "taker" },
    act: ({ send }) => send("ZREM", "pending", "taker"),
  },
  "a task that waits for its time is in no place": {
    ...{ invariant: "place", id: "later" },
    act: ({ send }) => send("ZREM", "pending", "later"),
  },
  "a claimed task is in no place": {
    ...{ invariant: "place", id: "runs" },
    act: ({ send }) => send("ZREM", "leases", "runs"),
  },
  "a task with a key is in no place": {
    ...{ invariant: "place", id: "x" },
    act: async ({ send }) => {
      await send("ZREM", "keyed", "x");
      await send("ZREM", `line:${KEY}`, "x");
    },
  },
  "a pending task is ready, too": {
    ...{ invariant: "place", id: "b" },
    act: ({ send }) => send("ZADD", "ready", 6, "b"),
  },
  "a claimed task is ready, too": {
    ...{ invariant: "place", id: "runs" },
    act: ({ send }) => send("ZADD", "ready", 6, "runs"),
  },
  "a task that is over is ready": {
    ...{ invariant: "place", id: "done" },
    act: ({ send }) => send("ZADD", "ready", 6, "done"),
  },
  "the message of a ready task is gone": {
    ...{ invariant: "message", id: "a" },
    act: ({ send }) => send("UNLINK", "m:a"),
    runs: without("a", "b", "taker"),
  },
  "the message of a pending task is gone": {
    ...{ invariant: "message", id: "b" },
    act: ({ send }) => send("UNLINK", "m:b"),
    runs: without("b"),
  },
  "the message of a claimed task is gone": {
    ...{ invariant: "message", id: "runs", stays: true },
    act: ({ send }) => send("UNLINK", "m:runs"),
  },
  "the message of a task that is over is there": {
    ...{ invariant: "message", id: "done" },
    act: ({ send }) => send("SET", "m:done", "x"),
  },
  "a place holds what nobody knows": {
    ...{ invariant: "message", id: "ghost" },
    act: ({ send }) => send("ZADD", "ready", 6, "ghost"),
  },
  "a pending task counts too many": {
    ...{ invariant: "open", id: "b" },
    act: ({ send }) => send("HSET", "t:b", "open", 5),
  },
  "a pending task counts too few": {
    ...{ invariant: "open", id: "taker" },
    act: ({ send }) => send("HSET", "t:taker", "open", 0),
  },
  "a pending task has lost what is written of it": {
    ...{ invariant: "open", id: "taker" },
    act: ({ send }) => send("UNLINK", "t:taker"),
  },
  "what a pending task takes is gone": {
    ...{ invariant: "open", id: "b" },
    act: async ({ send }) => {
      for (const key of ["m:a", "refs:a", "feeds:a"]) await send("UNLINK", key);
      await send("ZREM", "ready", "a");
    },
    runs: without("a", "b", "taker"),
  },
  "the time of a pending task is gone": {
    ...{ invariant: "open", id: "later" },
    act: ({ send }) => send("ZREM", "due", "later"),
  },
  "a task does not know who waits for it": {
    ...{ invariant: "feeds", id: "a" },
    act: ({ send }) => send("UNLINK", "feeds:a"),
  },
  "a task knows twice who waits for it": {
    ...{ invariant: "feeds", id: "a" },
    act: async ({ send }) => {
      const [feed] = await send("LRANGE", "feeds:a", 0, 0) as string[];
      await send("RPUSH", "feeds:a", feed!);
    },
  },
  "a result counts too many": {
    ...{ invariant: "refs", id: "done" },
    act: ({ send }) => send("SET", "refs:done", 9),
  },
  "a result counts too few": {
    ...{ invariant: "refs", id: "done" },
    act: ({ send }) => send("SET", "refs:done", 0),
  },
  "a result counts nobody": {
    ...{ invariant: "refs", id: "done" },
    act: ({ send }) => send("UNLINK", "refs:done"),
  },
  "a task that is not over counts too many": {
    ...{ invariant: "refs", id: "a" },
    act: ({ send }) => send("SET", "refs:a", 9),
  },
  "a task that is not over counts too few": {
    ...{ invariant: "refs", id: "a" },
    act: ({ send }) => send("UNLINK", "refs:a"),
  },
  "a free result counts somebody": {
    ...{ invariant: "refs", id: "free" },
    act: async ({ send }) => {
      await send("SET", "refs:free", 1);
      await send("PERSIST", "r:free");
    },
  },
  "a result ends too early": {
    ...{ invariant: "result", id: "done" },
    act: ({ send }) => send("PEXPIRE", "r:done", MINUTE),
  },
  "a result has no end": {
    ...{ invariant: "result", id: "free" },
    act: ({ send }) => send("PERSIST", "r:free"),
  },
  "a task that is gone waits for its time": {
    ...{ invariant: "time", id: "ghost" },
    act: ({ send }) => send("ZADD", "due", START, "ghost"),
  },
  "a ready task waits for its time": {
    ...{ invariant: "time", id: "a" },
    act: ({ send }) => send("ZADD", "due", START, "a"),
  },
  "a claimed task may be too late": {
    ...{ invariant: "time", id: "runs" },
    act: ({ send }) => send("ZADD", "late", START, "runs"),
  },
  "a task that is over may be too late": {
    ...{ invariant: "time", id: "done" },
    act: ({ send }) => send("ZADD", "late", START, "done"),
  },
  "a claimed task has no fence": {
    ...{ invariant: "fence", id: "runs" },
    act: ({ send }) => send("HDEL", "runs", "runs"),
  },
  "a ready task has a fence": {
    ...{ invariant: "fence", id: "a" },
    act: ({ send }) => send("HSET", "runs", "a", ["2", "pool", START, "6"].join(UNIT)),
  },
  "a task that is gone has a fence": {
    ...{ invariant: "fence", id: "ghost" },
    act: ({ send }) => send("HSET", "runs", "ghost", ["2", "pool", START, "6"].join(UNIT)),
  },
  "numbers are given again": {
    ...{ invariant: "sequence", id: "meta" },
    act: ({ send }) => send("HSET", "meta", "sequence", 5),
  },
  "no number is known": {
    ...{ invariant: "sequence", id: "meta" },
    act: ({ send }) => send("UNLINK", "meta"),
  },
  "a task is not in the line of its key": {
    ...{ invariant: "line", id: "x" },
    act: ({ send }) => send("ZREM", `line:${KEY}`, "x"),
  },
  "a task with a key is in the line without": {
    ...{ invariant: "line", id: "y" },
    act: async ({ send }) => {
      const place = await send("ZSCORE", "keyed", "y") as string;
      await send("ZREM", "keyed", "y");
      await send("UNLINK", "line:y");
      await send("ZADD", "ready", place, "y");
    },
  },
  "a task without a key waits as if it had one": {
    ...{ invariant: "line", id: "a" },
    act: async ({ send }) => {
      await send("ZREM", "ready", "a");
      await send("ZADD", "keyed", 7, "a");
    },
  },
  "a line holds what does not wait": {
    ...{ invariant: "line", id: "done" },
    act: ({ send }) => send("ZADD", `line:${KEY}`, 1, "done"),
  },
  "a line has no turn": {
    ...{ invariant: "turn", id: "y" },
    act: ({ send }) => send("ZREM", "turns", "y"),
  },
  "a key without a line has a turn": {
    ...{ invariant: "turn", id: "nobody" },
    act: ({ send }) => send("ZADD", "turns", 0, "nobody"),
  },
  "a key without a line rests": {
    ...{ invariant: "turn", id: "nobody" },
    act: ({ send }) => send("ZADD", "rests", START, "nobody"),
  },
  "a key counts too many": {
    ...{ invariant: "keys", id: KEY },
    act: ({ send }) => send("HSET", "keys", KEY, 9),
  },
  "a key counts nobody": {
    ...{ invariant: "keys", id: KEY },
    act: ({ send }) => send("HDEL", "keys", KEY),
  },
  "a key without tasks counts some": {
    ...{ invariant: "keys", id: "nobody" },
    act: ({ send }) => send("HSET", "keys", "nobody", 1),
  },
  "a key counts too many that run": {
    ...{ invariant: "busy", id: KEY },
    act: ({ send }) => send("HSET", "busy", KEY, 3),
  },
  "a key counts nobody that runs": {
    ...{ invariant: "busy", id: KEY },
    act: ({ send }) => send("UNLINK", "busy"),
  },
  "a key without tasks counts some that run": {
    ...{ invariant: "busy", id: "nobody" },
    act: ({ send }) => send("HSET", "busy", "nobody", 1),
  },
  "nobody gives back what a task took": {
    ...{ invariant: "settled", id: "free" },
    act: async ({ send }) => {
      await send("HSET", "t:free", "linked", 1);
      await send("RPUSH", "needs:free", "a");
      await send("INCRBY", "refs:a", 1);
    },
  },
  "nobody tells those who wait for a task": {
    ...{ invariant: "settled", id: "a" },
    act: async ({ send }) => {
      await send("SET", "r:a", ["s1", START, "", MINUTE].join(UNIT));
      await send("ZREM", "ready", "a");
      await send("UNLINK", "m:a");
    },
    runs: without("a"),
  },
  "nobody registers a task with what it takes": {
    ...{ invariant: "settled", id: "taker" },
    act: ({ send }) => send("HSET", "t:taker", "linked", 1),
  },
  "nobody gives back what a dropped task took": {
    ...{ invariant: "settled", id: "given:7" },
    act: async ({ send }) => {
      await send("RPUSH", "given:7", `done${UNIT}1`);
      await send("INCRBY", "refs:done", 1);
    },
  },
  "a dead task is not in the list": {
    ...{ invariant: "dead", id: "dies" },
    act: ({ send }) => send("ZREM", "dead", "dies"),
  },
  "what is known of a dead task is gone": {
    ...{ invariant: "dead", id: "dies" },
    act: ({ send }) => send("UNLINK", "dead:dies"),
  },
  "a schedule is damaged": {
    ...{ invariant: "schedule", id: "often" },
    act: ({ send }) => send("HSET", "schedules", "often", "soon"),
  },
  "a message ends by itself": {
    ...{ invariant: "end", id: "m:a" },
    act: ({ send }) => send("PEXPIRE", "m:a", MINUTE),
  },
  "a place ends by itself": {
    ...{ invariant: "end", id: "ready" },
    act: ({ send }) => send("PEXPIRE", "ready", MINUTE),
  },
  "a pool is never forgotten": {
    ...{ invariant: "end", id: "pool:pool" },
    act: ({ send }) => send("PERSIST", "pool:pool"),
  },
  "a window stays for good": {
    ...{ invariant: "end", id: "window:throttle:w" },
    act: ({ send }) => send("SET", "window:throttle:w", `${START}${UNIT}a`),
  },
  "a foreign value is in place of a record": {
    ...{ invariant: "type", id: "t:taker" },
    act: async ({ send }) => {
      await send("SET", "t:taker", "mine");
    },
  },
  "a foreign value is in place of a message": {
    ...{ invariant: "type", id: "m:b" },
    act: async ({ send }) => {
      await send("UNLINK", "m:b");
      await send("RPUSH", "m:b", "mine");
    },
    runs: without("b"),
  },
  "a foreign value is in place of a place": {
    ...{ invariant: "type", id: "ready" },
    act: ({ send }) => send("SET", "ready", "mine"),
  },
  "a list of needs belongs to nobody": {
    ...{ invariant: "owner", id: "needs:ghost" },
    act: ({ send }) => send("RPUSH", "needs:ghost", "a"),
  },
  "somebody waits for a task that is gone": {
    ...{ invariant: "owner", id: "feeds:a" },
    act: async ({ send }) => {
      await send("UNLINK", "m:a");
      await send("UNLINK", "refs:a");
      await send("ZREM", "ready", "a");
    },
    runs: without("a", "b", "taker"),
  },
  "a key is nothing that worq makes": {
    ...{ invariant: "owner", id: "mine", stays: true },
    act: ({ send }) => send("SET", "mine", "mine"),
  },
};

Deno.test("every invariant has a damage that breaks it", () => {
  const broken = new Set(Object.values(DAMAGES).map(({ invariant }) => invariant));
  deepStrictEqual([...broken].sort(), Object.keys(INVARIANTS).sort());
});

for (
  const [name, { invariant, id, act, runs = WAITING, stays = false }] of Object.entries(DAMAGES)
) {
  testOn(redisUrl, `fsck names, and repairs: ${name}`, async (url) => {
    const client = await openRedisClient(url, { connectTimeout: 5_000 });
    try {
      await using stage = new Stage(url, client);
      await fill(stage.driver);
      deepStrictEqual(await stage.fsck(), []);
      await act(Object.assign(stage, { send: stage.send.bind(stage) }));
      const findings = await stage.fsck();
      const named = findings.find((one) => one.invariant === invariant && one.id === id);
      ok(named, JSON.stringify(findings));
      strictEqual(named.remedy === undefined, stays);
      deepStrictEqual(await stage.fsck(), findings); // and changed nothing

      const repaired = await stage.fsck(true);
      const done = repaired.find((one) => one.invariant === invariant && one.id === id);
      strictEqual(done?.repaired, !stays, JSON.stringify(repaired));
      if (!stays) deepStrictEqual(await stage.fsck(), [], JSON.stringify(repaired));
      deepStrictEqual(await finish(stage.driver, (time) => stage.now += time), [...runs]);
    } finally {
      await client.close();
    }
  });
}

testOn(redisUrl, "fsck repairs a queue that lost any of its keys", async (url) => {
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  try {
    for (let seed = 0; seed < 100; seed++) {
      await using stage = new Stage(url, client, `[${freshName()}]*`);
      const random = randomNumbers(seed);
      const pick = <T>(of: readonly T[]) => of[Math.floor(random() * of.length)]!;
      await fill(stage.driver);
      const hostile = ["kept:a", "needs:b", "m:", "a\nb", "%1"];
      await stage.driver.enqueue(...hostile.map((id, i) => ({
        ...{ id, origin: id, plan: { key: id } },
        takes: i === 0 ? [] : [{ id: hostile[i - 1]!, origin: hostile[i - 1]! }, "a"],
      })));
      const lost: string[] = [];
      for (let n = 0; n < 1 + seed % 9; n++) {
        const key = pick((await keysOf(client, stage.queue.name)).sort());
        const type = await client.send("TYPE", [key]);
        const member = type === "zset"
          ? pick(await client.send("ZRANGE", [key, "0", "-1"]) as string[])
          : "";
        lost.push(`${key} ${member}`);
        if (member !== "" && random() < 0.5) await client.send("ZREM", [key, member]);
        else await client.send("UNLINK", [key]);
      }
      const told = `seed ${seed}: ${lost.join(", ")}`;
      const repaired = await stage.fsck(true);
      // A pool that has a task without its message ends it.
      const left = (await stage.fsck()).filter(({ remedy }) => remedy !== undefined);
      deepStrictEqual(left, [], `${told} ${JSON.stringify(repaired)}`);
      await finish(stage.driver, (time) => stage.now += time).catch((error) => {
        throw new Error(`${told} ${JSON.stringify(repaired)}`, { cause: error });
      });
      deepStrictEqual(await stage.fsck(), [], told);
    }
  } finally {
    await client.close();
  }
});

/** Damage to a queue in memory. */
const FAULTS: Readonly<Record<string, readonly [Invariant, string, (parts: Parts) => unknown]>> = {
  "a ready task is in no place": [
    ...["place", "a"] as const,
    ({ ready }) => ready.remove(({ id }) => id === "a"),
  ],
  "a pending task is in no place": ["place", "b", ({ pending, tasks }) => {
    pending.delete(tasks.get("b")!);
  }],
  "a claimed task is in no place": ["place", "runs", ({ leases, tasks }) => {
    leases.delete(tasks.get("runs")!);
  }],
  "a pending task is ready, too": ["place", "b", ({ ready, tasks }) => ready.add(tasks.get("b")!)],
  "a task that is over is ready": [
    ...["place", "done"] as const,
    ({ ready, tasks }) => ready.add(tasks.get("done")!),
  ],
  "a task is in a place, and gone": ["place", "x", ({ tasks }) => tasks.delete("x")],
  "the message of a task is gone": ["message", "later", ({ tasks }) => {
    tasks.get("later")!.message = undefined;
  }],
  "the message of a task that is over is there": ["message", "done", ({ tasks }) => {
    tasks.get("done")!.message = "";
  }],
  "a pending task counts too many": ["open", "b", ({ tasks }) => tasks.get("b")!.open = 5],
  "a pending task counts too few": ["open", "taker", ({ tasks }) => tasks.get("taker")!.open = 0],
  "the time of a pending task is gone": [
    ...["open", "later"] as const,
    ({ due, tasks }) => due.delete(tasks.get("later")!),
  ],
  "a task does not know who waits for it": ["feeds", "a", ({ tasks }) => {
    tasks.get("a")!.feeds = undefined;
  }],
  "a result counts too many": ["refs", "done", ({ tasks }) => tasks.get("done")!.refs = 9],
  "a result counts too few": ["refs", "done", ({ tasks }) => tasks.get("done")!.refs = 0],
  "a result ends too early": [
    "result",
    "done",
    ({ tasks }) => tasks.get("done")!.kept = { expires: START, entries: [] },
  ],
  "a result has no end": ["result", "free", ({ tasks }) => tasks.get("free")!.kept = undefined],
  "a ready task waits for its time": [
    ...["time", "a"] as const,
    ({ due, tasks }) => due.set(tasks.get("a")!, START + MINUTE),
  ],
  "a claimed task has no fence": ["fence", "runs", ({ tasks }) => tasks.get("runs")!.fence = 0],
  "a ready task has a fence": ["fence", "a", ({ tasks }) => tasks.get("a")!.fence = 2],
  "numbers are given again": ["sequence", "y", ({ raise }) => raise(5)],
  "a line has no turn": ["turn", "y", ({ ready }) => ready.turns.delete("y")],
  "a key counts too many that run": ["busy", KEY, ({ ready }) => ready.busy.set(KEY, 3)],
  "a schedule is damaged": [
    ...["schedule", "often"] as const,
    ({ schedules }) => schedules.set("often", { name: "often", spec: "{}", at: NaN, id: "tick" }),
  ],
};

for (const [name, [invariant, id, act]] of Object.entries(FAULTS)) {
  Deno.test(`fsck names, and repairs, in memory: ${name}`, async () => {
    let now = START;
    await using queue = new MemoryTaskQueue("memory://fsck", freshName(), { clock: () => now });
    const driver = new Driver(queue);
    await fill(driver);
    const look = { repair: false, limit: 99 };
    deepStrictEqual(await queue.fsck(look), []);
    act(storeAt(queue.address)!.parts());
    const findings = await queue.fsck(look);
    ok(
      findings.some((one) => one.invariant === invariant && one.id === id),
      JSON.stringify(findings),
    );
    deepStrictEqual(await queue.fsck(look), findings);
    const repaired = await queue.fsck({ ...look, repair: true });
    ok(repaired.every((finding) => finding.repaired), JSON.stringify(repaired));
    deepStrictEqual(await queue.fsck(look), []);
    await finish(driver, (time) => now += time);
    await queue.discard(["dies"]);
  });
}

/** What a fsck that takes many small steps sends. */
const inSmallSteps = rewriting((text, name) =>
  name === "look" ? withSteps(2)(text, name).replace(/budget = \d+/, "budget = 3") : text
);

testOn(redisUrl, "fsck finds nothing in a queue that works", async (url) => {
  const name = "hostile: *?[a-z]\\^" + freshName();
  const queues = Array.from({ length: 6 }, () => new RedisTaskQueue(url, name));
  const slow = new RedisTaskQueue(url, name, { redisFactory: inSmallSteps });
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  let looks = 0;
  const until = Date.now() + 2_000;
  const looking = async (queue: RedisTaskQueue) => {
    while (Date.now() < until) {
      deepStrictEqual(await queue.fsck({ repair: false, limit: 9 }), []);
      looks++;
    }
  };
  try {
    await Promise.all([
      ...queues.map((queue, n) => busy(queue, n, until)),
      looking(slow),
      looking(queues[0]!),
    ]);
    ok(looks > 2, `${looks}`);
    // What was left alone comes to its end, too.
    for (let round = 0; await left(slow) > 0; round++) {
      ok(round < 1_000, JSON.stringify(await slow.stats()));
      await new Driver(slow).exchange({ pool: `${round}`, want: 0 });
      const driver = new Driver(queues[0]!);
      await driver.end("success", ...await driver.claim(500, `last ${round}`));
    }
    deepStrictEqual(await slow.fsck({ repair: false, limit: 9 }), []);
  } finally {
    await removeKeys(client, name);
    await client.close();
    for (const queue of [...queues, slow]) await queue[Symbol.asyncDispose]();
  }
});

/** Tasks that are not over. */
async function left(queue: RedisTaskQueue): Promise<number> {
  const { pending, ready, leased } = await queue.stats();
  return pending + ready + leased;
}

/** A producer and a pool that do all there is to do, in an order that comes from `seed`. */
async function busy(queue: RedisTaskQueue, seed: number, until: number): Promise<void> {
  const driver = new Driver(queue);
  const random = randomNumbers(seed);
  const pick = (n: number) => Math.floor(random() * n);
  const mine: Need[] = [];
  const limits = { perKey: { concurrency: 2, rate: { count: 50, per: 100 } } };
  const held: Claim[] = [];
  for (let n = 0; Date.now() < until; n++) {
    const recent = mine.slice(-40);
    const specs = Array.from({ length: 1 + pick(5) }, (_, i): TaskSpec => {
      const id = `${seed}/${n}/${i}`;
      const takes = recent.length === 0 || pick(2) === 0
        ? []
        : [...new Set(Array.from({ length: 1 + pick(4) }, () => recent[pick(recent.length)]!))];
      const key = ["x", "y", "*"][pick(6)];
      const origin = pick(2) === 0 ? {} : { origin: id };
      mine.push({ id, ...origin });
      return {
        ...{ id, takes, ...origin },
        onError: pick(2) === 0 ? "pass" : "fail",
        deadTimeout: [0, 500, MINUTE][pick(3)]!,
        ...(pick(8) === 0 ? { expiresAt: Date.now() + pick(300) } : {}),
        plan: {
          ...(key === undefined ? {} : { key }),
          ...(pick(6) === 0 ? { delay: pick(200) } : {}),
        },
      };
    });
    if (pick(30) === 0) {
      specs.push({ id: `${seed}/${n}/wide`, takes: mine.slice(-200), onError: "pass" });
    }
    await driver.enqueue(...specs);
    const reports = held.splice(0, pick(held.length + 1)).map((claim) => {
      const how =
        (["success", "success", "failed", "retry", "returned", "lost"] as const)[pick(6)]!;
      return { ...driver.report(how, claim, [0, 200, MINUTE][pick(3)]!), delay: pick(100) };
    });
    const answer = await queue.exchange({
      ...{ pool: `pool ${seed}`, number: n, reports, renewals: [], want: pick(20), lease: 500 },
      ...(pick(2) === 0 ? { limits } : {}),
    });
    held.push(...answer.claims);
    const some = () => [mine[pick(mine.length)]!, recent[pick(recent.length)] ?? mine[0]!];
    if (pick(5) === 0) await queue.cancel(some());
    if (pick(9) === 0) await queue.redrive((await queue.dead(pick(9), 5)).map(({ id }) => id));
    if (pick(30) === 0) await queue.discard((await queue.dead(pick(9), 5)).map(({ id }) => id));
    if (pick(200) === 0) await queue.clear();
    if (pick(9) === 0) await queue.wait(some());
    if (pick(9) === 0) {
      await queue.deliver({ id: `far ${n}`, origin: "1" }, { status: "success", text: "1" }, 100);
    }
  }
}
