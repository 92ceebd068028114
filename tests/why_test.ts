/** Why a task has not run: the cause that is told holds, and without it the task runs. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { type Deferred, getBroker, InlineWorkerPool, task } from "../mod.ts";
import { Driver } from "../src/testing/driver.ts";
import { MemoryTaskQueue } from "../src/queues/memory.ts";
import { RedisTaskQueue } from "../src/queues/redis.ts";
import type { Claim, Limits, TaskQueue } from "../src/task_queue.ts";
import { type Why, whyOf, whyText } from "../src/why.ts";
import { isDeno } from "../src/runtime.ts";
import { freshName, redisUrl, testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";

const START = 1_000_000_000_000;
const LIMITS: Limits = {
  concurrency: 4,
  rate: { count: 5, per: 1_000 },
  perKey: { concurrency: 2, rate: { count: 3, per: 3_000 } },
};
const LEASE = 15_000;
const KEYS = [undefined, "x", "y"] as const;

/** A queue whose pools, tasks and time a test has in its hands. */
class World implements AsyncDisposable {
  now = START;
  readonly queue: TaskQueue;
  readonly driver: Driver;
  readonly claims = new Map<string, Claim>();
  readonly #others: TaskQueue[] = [];
  #limits: Limits = {};
  #made = 0;

  constructor(url: string) {
    const clock = () => this.now;
    this.queue = url.startsWith("memory:")
      ? new MemoryTaskQueue(url, freshName(), { clock })
      : new RedisTaskQueue(url, freshName(), { clock });
    this.driver = new Driver(this.queue);
  }

  async enqueue(takes: readonly string[], delay: number, key: string | undefined): Promise<string> {
    const id = `t${this.#made++}`;
    const plan = { ...(delay > 0 && { delay }), ...(key !== undefined && { key }) };
    await this.driver.enqueue({ id, takes, plan, redeliveries: 1_000 });
    return id;
  }

  /** A pool tells that it is there, or gone. */
  async serve(serves: boolean, limits: Limits = this.#limits): Promise<void> {
    this.#limits = limits;
    const card = {
      ...{ id: "pool", kind: "other", queues: [this.queue.name], places: 8, running: 0 },
      ...{ started: START, stopping: false, limits, tasks: [], workers: [], tallies: {} },
    };
    await this.queue.announce("pool", serves ? JSON.stringify(card) : "", 1e12);
  }

  /** How many tasks a pool got. */
  async claim(want: number): Promise<number> {
    const pool = `pool${this.#made++}`;
    const { claims } = await this.driver.exchange({
      pool,
      want,
      limits: this.#limits,
      lease: LEASE,
    });
    for (const claim of claims) this.claims.set(claim.id, claim);
    return claims.length;
  }

  /** Ends what runs. */
  async end(id: string, kind: "success" | "failed" | "retry"): Promise<void> {
    const claim = this.claims.get(id);
    this.claims.delete(id);
    if (claim !== undefined) await this.driver.end(kind, claim);
  }

  why(id: string): Promise<Why> {
    return whyOf(this.queue, { id });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.queue.cancel(Array.from({ length: this.#made }, (_, i) => ({ id: `t${i}` })));
    await this.serve(false);
    await this.queue[Symbol.asyncDispose]();
    for (const other of this.#others) await other[Symbol.asyncDispose]();
  }
}

/** Takes away what is said to keep a task from running, after a look at whether it does. */
async function remove(world: World, id: string, { cause, because, text }: Why): Promise<void> {
  const { queue } = world;
  const record = (await queue.inspect(id))!;
  switch (cause) {
    case "paused":
      ok((await queue.stats()).paused, text);
      return await queue.resume();
    case "no pool":
      deepStrictEqual(await queue.cards(), []);
      return await world.serve(true);
    case "time":
      ok(record.due! > world.now, text);
      strictEqual(record.open, 1);
      world.now = record.due!;
      return;
    case "results":
      ok(record.needs.some((need) => need.id === because!.id), text);
      return await settle(world, because!.id);
    case "running":
      strictEqual(record.status, "processing");
      // Nobody ends a task that a silent pool has.
      if (world.claims.has(id)) await world.end(id, "success");
      else await world.claim(1);
      return;
    case "limit":
      await checkLimit(world, record.id, text);
      for (const running of [...world.claims.keys()]) await world.end(running, "success");
      world.now += 3_000;
      return;
    case "next":
    case "line": {
      const before = await queue.inspect(id);
      strictEqual(before!.status === "enqueued" || before!.due! <= world.now, true, text);
      // It, or one that came before it, or one whose key has its turn.
      strictEqual(await world.claim(1), 1, `no pool got a task: ${text}`);
      return;
    }
    default:
      throw new Error(`cannot be removed: ${cause}`);
  }
}

/** With the limits that are told, no pool gets a task of that key; without them, one does. */
async function checkLimit(world: World, id: string, text: string): Promise<void> {
  const { leased } = await world.queue.stats();
  await world.claim(100);
  const { status } = (await world.queue.inspect(id))!;
  strictEqual(status, "enqueued", `${text}, with ${leased} running`);
}

/** Removes one cause after the other until the task is over. */
async function settle(world: World, id: string): Promise<void> {
  const seen: string[] = [];
  for (let i = 0; i < 100; i++) {
    const why = await world.why(id);
    if (why.cause === "unknown" || why.cause === "over") {
      const record = await world.queue.inspect(id);
      return ok(record === undefined || record.ended !== undefined, whyText(why));
    }
    seen.push(whyText(why));
    await remove(world, id, why);
  }
  throw new Error(`task ${id} has not run: ${seen.join("; ")}`);
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("enqueue" as const),
      takes: fc.array(fc.nat(30), { maxLength: 3 }),
      delay: fc.constantFrom(0, 0, 0, 500, 5_000),
      key: fc.constantFrom(...KEYS),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("claim" as const),
      n: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      n: fc.nat(30),
      how: fc.constantFrom("success" as const, "failed" as const, "retry" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      n: fc.constantFrom(100, 700, 4_000, 20_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pause" as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("serve" as const), on: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cancel" as const), n: fc.nat(30) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take(world: World, tasks: string[], one: Step): Promise<void> {
  const at = (n: number) => tasks[n % tasks.length];
  switch (one.kind) {
    case "enqueue": {
      const takes = [...new Set(one.takes.flatMap((n) => at(n) ?? []))];
      tasks.push(await world.enqueue(takes, one.delay, one.key));
      return;
    }
    case "claim":
      return void await world.claim(one.n);
    case "end": {
      const running = [...world.claims.keys()];
      if (running.length > 0) await world.end(running[one.n % running.length]!, one.how);
      return;
    }
    case "pass":
      world.now += one.n;
      return;
    case "pause":
      return one.on ? await world.queue.pause() : await world.queue.resume();
    case "serve":
      return await world.serve(one.on);
    case "cancel":
      if (tasks.length > 0) await world.queue.cancel([{ id: at(one.n)! }]);
  }
}

async function holds(url: string, steps: readonly Step[], limited: boolean): Promise<void> {
  await using world = new World(url);
  await world.serve(true, limited ? LIMITS : {});
  const tasks: string[] = [];
  for (const one of steps) await take(world, tasks, one);
  for (const id of tasks) await settle(world, id);
}

for (
  const [name, url, runs] of [["memory", "memory://why", 400], ["redis", redisUrl, 60]] as const
) {
  Deno.test({
    name: `whatever happened, the cause holds, and without it the task runs [${name}]`,
    ignore: url === undefined,
    fn: async () => {
      const property = fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 30 }),
        fc.boolean(),
        (steps, limited) => holds(url!, steps, limited),
      );
      await fc.assert(property, { numRuns: runs });
    },
  });
}

testOnAll("a handle tells why, with all that it rests on", async (url, name) => {
  await using broker = getBroker(url, name);
  const q = broker.queue();
  const text = async (one: Deferred<unknown>) => whyText(await one.why());
  const first = await q.first();
  strictEqual(await text(first), `waits because no pool serves queue "${name}"`);
  const second = await q.second(first, task(q.other, { delay: 60_000 })());
  match(await text(second), /^waits for 2 of 2 results: first \S+ waits because no pool serves/);
  const third = await q.third([second]);
  const { because } = await third.why();
  deepStrictEqual([because?.name, because?.id, because?.because?.id], [
    ...["second", second.id, first.id],
  ]);
  await broker.pause();
  strictEqual(await text(first), `waits because queue "${name}" is paused`);
  await first.cancel();
  match(await text(first), /^is over: expired, task expired: it was cancelled$/);
  match(await text(third), /^is over: expired, /);
  const { cause } = await broker.why("nobody");
  strictEqual(cause, "unknown");
  await broker.clear();
});

testOnAll("it tells which pool has a task, and when a retry is due", async (url, name) => {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  await using broker = getBroker(url, name).expose({
    async slow() {
      begun.resolve();
      await end.promise;
    },
    fails() {
      throw new RangeError("no such page");
    },
  });
  const q = broker.queue();
  await using pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();
  const slow = await q.slow();
  await begun.promise;
  const fails = await task(q.fails, { retries: 3, backoff: 60_000 })();
  match((await slow.why()).text, new RegExp(`^is with ${pool.id} since \\d`));
  const line = await eventually(() => fails.why(), ({ text }) => text.includes("1 of 1"));
  strictEqual(line.cause, "line");
  strictEqual(line.text, "is next in line: 1 pool with 1 of 1 places taken");
  end.resolve();
  strictEqual(
    (await eventually(() => slow.why(), ({ cause }) => cause === "over")).text,
    "is over: success",
  );
  const retry = await eventually(() => fails.why(), ({ cause }) => cause === "time");
  match(retry.text, /^is to run again in \d+ s, after attempt 1 failed: RangeError: no such page$/);
  await fails.cancel();
});

testOnAll("a result of another queue is asked for there", async (url, name) => {
  const place = `${name}/50%/there`;
  await using there = getBroker(url, place);
  await using here = getBroker(url, name);
  const far = await there.queue().far();
  const near = await here.queue().near(far);
  const why = await near.why();
  match(
    whyText(why),
    new RegExp(
      `^waits for 1 of 1 results: worq:result \\S+ is the result of a task of queue "${place}": ` +
        `far ${far.id.replaceAll(".", "\\.")} waits because no pool serves queue "${place}"$`,
    ),
  );
  await here.clear();
  await there.clear();
  await far.cancel();
  await near.cancel();
});

Deno.test({
  name: "a pool that may do nothing tells what it may [deno]",
  ignore: !isDeno,
  fn() {
    const mod = new URL("../mod.ts", import.meta.url).href;
    const code = `
      import { getBroker, InlineWorkerPool } from "${mod}";
      await using broker = getBroker("memory://");
      await using _pool = new InlineWorkerPool(broker).start();
      const [{ host, kind }] = await broker.pools();
      console.log(JSON.stringify([host, kind]));`;
    const url = `data:text/typescript,${encodeURIComponent(code)}`;
    const config = fileURLToPath(new URL("../deno.json", import.meta.url));
    const args = ["run", "--no-prompt", "--no-lock", "--allow-import", "--config", config, url];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    strictEqual(stdout, '["","inline"]\n', stderr);
  },
});

testOnAll("a pool tells what it does", async (url, name) => {
  const begun = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  await using broker = getBroker(url, name).expose({
    quick: () => 1,
    slow() {
      begun.resolve();
      return end.promise;
    },
  });
  deepStrictEqual(await broker.pools(), []);
  const pool = new InlineWorkerPool(broker, { concurrency: 3, name: "mail" }).start();
  await (await broker.queue().quick()).result({ timeout: 5_000 });
  const { id } = await broker.queue().slow();
  await begun.promise;
  const [card] = await eventually(() => broker.pools(), ([card]) => card?.running === 1);
  const { kind, queues, places, stopping, tasks, tallies, pid } = card!;
  deepStrictEqual([card!.id, kind, queues, places, stopping, pid], [
    ...[pool.id, "inline", [name], 3, false, process.pid],
  ]);
  deepStrictEqual(tasks.map((one) => [one.id, one.name]), [[id, "slow"]]);
  deepStrictEqual([tallies.quick?.success, tallies.quick?.failed, tallies.slow], [1, 0, undefined]);
  strictEqual(tallies.quick?.times.reduce((a, b) => a + b), 1);
  end.resolve();
  await pool.stop();
  deepStrictEqual(await broker.pools(), []);
});
