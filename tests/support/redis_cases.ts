/** {@linkcode REDIS_CASES}: what a queue in Redis does besides what every backend does. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { RedisTaskQueue } from "@worq/worq/backend";
import type { RedisClient, RedisFactory } from "../../src/queues/redis_client.ts";
import { prefixOf, STEPS } from "../../src/queues/redis_lua.ts";
import { ENQUEUE, ENQUEUE_PLAIN, EXCHANGE, type Script } from "../../src/queues/redis_scripts.ts";
import { failureIn } from "../../src/testing/case.ts";
import { CANCELLED, MAX_DEAD } from "../../src/task_queue.ts";
import { Driver } from "../../src/testing/driver.ts";
import { freshName } from "./backends.ts";
import { keysOf } from "./redis_keys.ts";

const LOOK = { repair: false, limit: 9 };

/** A test of a queue at this URL, whose clients are opened by `open`. */
export type RedisCase = readonly [
  name: string,
  body: (url: string, open: RedisFactory) => Promise<void>,
];

/** Opens a client that dies when a wide task is stored, and registered with some of its needs. */
function leavingHalf(open: RedisFactory): RedisFactory {
  let scripts = 0;
  return async (...args) => {
    const client = await open(...args);
    const send: RedisClient["send"] = (command, args) =>
      command === "EVALSHA" && ++scripts === 3 // its needs, the task, and then the rest of the needs
        ? Promise.reject(new Error("ERR the caller died"))
        : client.send(command, args);
    return { ...client, send };
  };
}

/** Opens clients of which one loses the connection around call number `nth` of a script. */
function losing(
  open: RedisFactory,
  script: Script,
  nth: number,
  when: "before" | "after",
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): RedisFactory {
  return async (...args) => {
    const client = await open(...args);
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

/** A queue with this option has connections of its own. */
const OTHER_CLIENT = { connectTimeout: 4_999 };

/** The tests, which need nothing but a server. */
export const REDIS_CASES: readonly RedisCase[] = [
  [" registers a task with none that ends meanwhile", async (url, open) => {
    const name = freshName();
    await using queue = new RedisTaskQueue(url, name, { redisFactory: open });
    await using dying = new RedisTaskQueue(url, name, { redisFactory: leavingHalf(open) });
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
  }],

  [" cancels a task that its caller left half stored", async (url, open) => {
    const name = freshName();
    await using queue = new RedisTaskQueue(url, name, { redisFactory: open });
    await using dying = new RedisTaskQueue(url, name, { redisFactory: leavingHalf(open) });
    const client = await open(url, { connectTimeout: 5_000 });
    try {
      const driver = new Driver(queue);
      const needs = Array.from({ length: 250 }, (_, i) => ({ id: `n${i}` }));
      await driver.enqueue(...needs);
      const wide = { id: "wide", takes: [...needs.map(({ id }) => id), "nobody"] };
      await rejects(new Driver(dying).enqueue(wide), /the caller died/);
      const refs = async () => (await queue.inspect("n0"))?.refs;
      deepStrictEqual([await refs(), (await queue.stats()).unsettled], [1, 1]);
      deepStrictEqual(await queue.cancel([{ id: "wide" }]), ["cancelled"]);
      strictEqual(failureIn((await driver.outcome("wide"))?.text).text, CANCELLED);
      deepStrictEqual([await refs(), (await queue.stats()).unsettled], [0, 0]);
      deepStrictEqual(await queue.fsck(LOOK), []);
      strictEqual(await queue.clear(), 250);
    } finally {
      await client.close();
    }
  }],

  [".cancel() gives the same answers when the first got lost", async (url, open) => {
    let cancels = 0;
    const redisFactory: RedisFactory = async (...args) => {
      const client = await open(...args);
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
  }],

  [" keeps no key for longer than it is needed", async (url, open) => {
    await using queue = new RedisTaskQueue(url, freshName(), { redisFactory: open });
    const driver = new Driver(queue);
    const client = await open(url, { connectTimeout: 5_000 });
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
  }],

  [" stores a task once whose answer got lost", async (url, open) => {
    const cases = [[ENQUEUE_PLAIN, { id: "a" }], [ENQUEUE, { id: "a", priority: 1 }]] as const;
    for (const [script, task] of cases) {
      const name = freshName();
      await using other = new RedisTaskQueue(url, name, { redisFactory: open });
      const driver = new Driver(other);
      const redisFactory = losing(open, script, 1, "after", () => driver.claim());
      await using queue = new RedisTaskQueue(url, name, { redisFactory });
      deepStrictEqual(await new Driver(queue).enqueue(task), ["enqueued"]);
      const { ready, leased } = await other.stats();
      deepStrictEqual({ ready, leased }, { ready: 0, leased: 1 });
      await other.cancel([{ id: "a" }]);
    }
  }],

  [" keeps the order of a batch that is cut", async (url, open) => {
    const redisFactory = losing(open, ENQUEUE_PLAIN, 1, "before");
    await using queue = new RedisTaskQueue(url, freshName(), { redisFactory });
    const driver = new Driver(queue);
    const tasks = Array.from({ length: 600 }, (_, i) => ({ id: `a${i}` }));
    const answers = await driver.enqueue(...tasks, { id: "last", takes: ["a0"] });
    deepStrictEqual([answers[0], answers.at(-1)], ["enqueued", "pending"]);
    const claims = await driver.claim(600);
    deepStrictEqual(claims.map(({ id }) => id), tasks.map(({ id }) => id));
  }],

  [" sees to no lease while its server was away", async (url, open) => {
    const redisFactory = losing(open, EXCHANGE, 2, "before");
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
  }],

  [" has one key for a task that waits for a pool", async (url, open) => {
    await using queue = new RedisTaskQueue(url, freshName(), { redisFactory: open });
    const client = await open(url, { connectTimeout: 5_000 });
    try {
      await new Driver(queue).enqueue({ id: "a" });
      const keys = await keysOf(client, queue.name);
      deepStrictEqual(keys.map((key) => key.split("}:")[1]).sort(), ["m:a", "meta", "ready"]);
    } finally {
      await client.close();
    }
  }],

  [" gives no more inputs at once than a step has edges", async (url, open) => {
    await using queue = new RedisTaskQueue(url, freshName(), { redisFactory: open });
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
  }],
  [" goes by the clock of the server", async (url, open) => {
    await using queue = new RedisTaskQueue(url, freshName(), { redisFactory: open });
    const driver = new Driver(queue);
    const client = await open(url, { connectTimeout: 5_000 });
    const time = async () => {
      const [seconds, micros] = await client.send("TIME", []) as [string, string];
      return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
    };
    try {
      await driver.enqueue({ id: "a" });
      const before = await time();
      await driver.claim();
      const { started } = (await queue.inspect("a"))!;
      ok(before <= started! && started! <= await time(), `${before} ${started}`);
    } finally {
      await client.close();
      await queue.cancel([{ id: "a" }]);
    }
  }],
  [" counts anew where somebody else wrote", async (url, open) => {
    const name = freshName();
    await using queue = new RedisTaskQueue(url, name, { redisFactory: open });
    const driver = new Driver(queue);
    const client = await open(url, { connectTimeout: 5_000 });
    try {
      await driver.enqueue({ id: "a" });
      await client.send("SET", [`${prefixOf(name)}refs:a`, "x"]);
      await client.send("HSET", [`${prefixOf(name)}t:a`, "losses", "y"]);
      await driver.enqueue({ id: "b", takes: ["a"] });
      await driver.end("lost", ...await driver.claim());
      const { refs, losses, status } = (await queue.inspect("a"))!;
      deepStrictEqual([refs, losses, status], [1, 1, "enqueued"]);
      strictEqual(await driver.run(), "a");
      await client.send("SET", [`${prefixOf(name)}refs:a`, "x"]);
      strictEqual(await driver.run(), "b");
      strictEqual(await client.send("EXISTS", [`${prefixOf(name)}refs:a`]), 0);
      await driver.enqueue({ id: "c" });
      await client.send("HSET", [`${prefixOf(name)}r:c`, "x", "z"]);
      strictEqual(await driver.run(), "c");
      strictEqual((await driver.outcome("c"))?.text, '"c"');
      ok(await client.send("PTTL", [`${prefixOf(name)}r:c`]) as number > 0);
    } finally {
      await client.close();
    }
  }],
  [" frees the place of a task whose record is not one", async (url, open) => {
    const name = freshName();
    let now = 1_000_000_000_000;
    const options = { redisFactory: open, clock: () => now };
    await using queue = new RedisTaskQueue(url, name, options);
    const driver = new Driver(queue);
    const client = await open(url, { connectTimeout: 5_000 });
    try {
      const expiresAt = now + 1_000;
      await driver.enqueue(...["a", "b"].map((id) => ({ id, expiresAt, plan: { key: "x" } })));
      await client.send("SET", [`${prefixOf(name)}t:a`, "mine"]);
      const limits = { perKey: { concurrency: 1 } };
      deepStrictEqual((await driver.exchange({ want: 9, limits })).claims, []);
      const text = (await queue.wait([{ id: "a" }]))[0]?.text ?? "";
      ok(text.includes("its record in Redis is damaged"), text);
      strictEqual(await client.send("EXISTS", [`${prefixOf(name)}m:a`]), 0);
      deepStrictEqual((await driver.exchange({ want: 9, limits })).claims.map(({ id }) => id), [
        "b",
      ]);
      await queue.cancel([{ id: "b" }]);
      now = expiresAt;
      await driver.exchange({});
      const keys = ["keys", "busy", "late"].map((key) => prefixOf(name) + key);
      strictEqual(await client.send("EXISTS", keys), 0);
    } finally {
      await client.send("UNLINK", [`${prefixOf(name)}t:a`]);
      await client.close();
    }
  }],
  [" takes any number of results, and forgets them when the caller dies", async (url, open) => {
    let last = Infinity;
    const redisFactory: RedisFactory = async (...args) => {
      const client = await open(...args);
      const send: RedisClient["send"] = (command, args) =>
        command === "EVALSHA" && --last < 0
          ? Promise.reject(new Error("ERR the caller died"))
          : client.send(command, args);
      return { ...client, send };
    };
    const name = freshName();
    await using queue = new RedisTaskQueue(url, name, { redisFactory });
    const driver = new Driver(queue);
    const client = await open(url, { connectTimeout: 5_000 });
    try {
      const takes = Array.from({ length: 5_001 }, (_, i) => `n${i}`);
      const wide = { id: "wide", takes, onError: "pass" as const };
      last = 2; // two calls for its needs
      await rejects(driver.enqueue(wide), /the caller died/);
      const [upload, ...others] = await client.send("KEYS", [`${prefixOf(name)}*`]) as string[];
      deepStrictEqual(others, []);
      const left = await client.send("PTTL", [upload!]) as number;
      ok(left > 50_000 && left <= 60_000, `${left}`);
      last = Infinity;
      deepStrictEqual(await driver.enqueue(wide), ["pending"]);
      strictEqual((await queue.inspect("wide"))?.needs.length, 5_001);
      await queue.clear();
    } finally {
      await client.close();
    }
  }],
  [
    " forgets a pool that leaves at once, and one that is silent after a minute",
    async (url, open) => {
      const name = freshName();
      await using queue = new RedisTaskQueue(url, name, { redisFactory: open });
      const driver = new Driver(queue);
      const client = await open(url, { connectTimeout: 5_000 });
      const pool = `${prefixOf(name)}pool:pool`;
      try {
        await driver.claim();
        for (const key of [pool, `${prefixOf(name)}idle`]) {
          const left = await client.send("PTTL", [key]) as number;
          ok(left > 50_000 && left <= 60_000, `${key}: ${left}`);
        }
        await driver.exchange({ leaving: true });
        strictEqual(await client.send("EXISTS", [pool]), 0);
      } finally {
        await client.close();
      }
    },
  ],
  [" tells who waits for a running task whose message is gone", async (url, open) => {
    const name = freshName();
    await using queue = new RedisTaskQueue(url, name, { redisFactory: open });
    const driver = new Driver(queue);
    const client = await open(url, { connectTimeout: 5_000 });
    try {
      await driver.enqueue({ id: "a" });
      const [claim] = await driver.claim();
      await client.send("DEL", [`${prefixOf(name)}m:a`]);
      const [outcome, other] = await queue.wait([{ id: "a" }, { id: "nobody" }]);
      deepStrictEqual([outcome, other?.status], [undefined, "expired"]);
      await driver.end("success", claim!);
      strictEqual((await driver.hear("a"))?.status, "success");
    } finally {
      await client.close();
    }
  }],
  [" replaces a task that waits in one call", async (url, open) => {
    let calls = 0;
    const redisFactory: RedisFactory = async (...args) => {
      const client = await open(...args);
      const send: RedisClient["send"] = (command, args) => {
        if (command === "EVALSHA") calls++;
        return client.send(command, args);
      };
      return { ...client, send };
    };
    await using queue = new RedisTaskQueue(url, freshName(), { redisFactory });
    const driver = new Driver(queue);
    await driver.enqueue({ id: "a", origin: "1" });
    calls = 0;
    const plan = { onDuplicate: "replace" as const };
    deepStrictEqual(await driver.enqueue({ id: "a", origin: "2", plan }), ["enqueued"]);
    strictEqual(calls, 1);
    await queue.clear();
  }],
  [" walks no more edges in a call than a step has", async (url, open) => {
    await using queue = new RedisTaskQueue(url, freshName(), { redisFactory: open });
    const driver = new Driver(queue);
    const heads = ["a", "b", "c", "d"];
    const takers = heads.flatMap((head) =>
      Array.from({ length: 50 }, (_, i) => ({ id: `${head}${i}`, takes: [head] }))
    );
    await driver.enqueue(...heads.map((id) => ({ id })));
    await driver.enqueue(...takers);
    let reports = (await driver.claim(4)).map((claim) => driver.report("success", claim));
    for (let calls = 1, more = true; more; calls++) {
      const exchange = { pool: "one", number: calls, renewals: [], want: 0, lease: 9_000 };
      ({ more } = await queue.exchange({ ...exchange, reports }));
      reports = [];
      const { ready } = await queue.stats();
      ok(ready <= calls * STEPS, `${ready} after ${calls} calls`);
    }
    strictEqual((await queue.stats()).unsettled, 0);
    strictEqual(await queue.clear(), takers.length);
  }],
  [" remembers no more starts than a rate counts", async (url, open) => {
    const name = freshName();
    let now = 1_000_000_000_000;
    const options = { redisFactory: open, clock: () => now };
    await using queue = new RedisTaskQueue(url, name, options);
    const driver = new Driver(queue);
    const client = await open(url, { connectTimeout: 5_000 });
    try {
      const all = Array.from({ length: 4 }, (_, i) => ({ id: `a${i}` }));
      await driver.enqueue(...all);
      const limits = { rate: { count: 2, per: 60_000 } };
      strictEqual((await driver.exchange({ want: 9, limits })).claims.length, 2);
      now += 60_000;
      strictEqual((await driver.exchange({ want: 9, limits })).claims.length, 2);
      strictEqual(await client.send("LLEN", [`${prefixOf(name)}starts:`]), 2);
      await queue.cancel(all);
    } finally {
      await client.close();
    }
  }],
  [" tells every client that waits, once", async (url, open) => {
    const name = freshName();
    await using first = new RedisTaskQueue(url, name, { redisFactory: open });
    await using second = new RedisTaskQueue(url, name, {
      redisFactory: open,
      ...OTHER_CLIENT,
    });
    const heard: string[] = [];
    const both = [first, second].map((queue, n) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      queue.listen({ outcome: (id) => id === "last" ? resolve() : heard.push(`${id}${n}`) });
      return promise;
    });
    const driver = new Driver(first);
    await driver.enqueue({ id: "a" }, { id: "b" }, { id: "last" });
    await first.wait([{ id: "a" }, { id: "last" }]);
    await second.wait([{ id: "a" }, { id: "b" }, { id: "last" }]);
    await first.wait([{ id: "a" }]);
    await driver.end("success", ...await driver.claim(3));
    await Promise.all(both);
    deepStrictEqual(heard.sort(), ["a0", "a1", "b1"]);
  }],
  [" wakes the next pool when the client of the first is gone", async (url, open) => {
    const name = freshName();
    let now = 1_000_000_000_000;
    const options = { redisFactory: open, clock: () => now };
    await using queue = new RedisTaskQueue(url, name, options);
    const driver = new Driver(queue);
    const gone = new RedisTaskQueue(url, name, { ...options, ...OTHER_CLIENT });
    await new Driver(gone).claim(1, "gone");
    await gone[Symbol.asyncDispose]();
    now++;
    await driver.claim();
    await driver.enqueue({ id: "a" });
    strictEqual((await queue.stats()).idle, 0);
    await queue.clear();
  }],
  [" keeps so many dead tasks, and drops the next to go for one more", async (url, open) => {
    const name = freshName();
    await using queue = new RedisTaskQueue(url, name, { redisFactory: open });
    const driver = new Driver(queue);
    const client = await open(url, { connectTimeout: 5_000 });
    try {
      const far = Date.now() + 1e12;
      const all = Array.from({ length: MAX_DEAD - 1 }, (_, i) => [`${far + i}`, `d${i}`]);
      await client.send("ZADD", [`${prefixOf(name)}dead`, ...all.flat()]);
      for (const first of ["d0", "d1"]) {
        const { dead } = await queue.stats();
        await driver.enqueue({ id: `before ${first}`, deadTimeout: 1e13 });
        await driver.end("failed", ...await driver.claim());
        strictEqual((await queue.stats()).dead, MAX_DEAD);
        const [left] = await client.send("ZRANGE", [`${prefixOf(name)}dead`, "0", "0"]) as string[];
        strictEqual(left, first, `of ${dead}`);
      }
    } finally {
      await client.send("UNLINK", [`${prefixOf(name)}dead`]);
      await client.close();
    }
  }],
];
