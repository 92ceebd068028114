/** Clients of the user's own. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createClient } from "@redis/client";
import {
  all,
  denoRedis,
  getBroker,
  getQueue,
  InlineWorkerPool,
  map,
  type RedisFactory,
} from "@worq/worq";
import type { DenoRedisConnectOptions } from "../src/queues/deno_redis.ts";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";

const WAIT = { timeout: 10_000 };
const tasks = {
  num: (text: string) => Number(text),
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
  fail: () => {
    throw new Error("no");
  },
};

/** Stands in for a client of deno.land/x/redis: the same surface, and nothing more. */
class StandIn {
  static readonly open = new Set<StandIn>();
  static readonly options: DenoRedisConnectOptions[] = [];
  readonly #client: ReturnType<typeof createClient>;
  #end = () => {};

  private constructor(client: ReturnType<typeof createClient>) {
    this.#client = client;
  }

  static async connect(options: DenoRedisConnectOptions): Promise<StandIn> {
    const { hostname, port, db = 0 } = options;
    const client = createClient({ socket: { host: hostname, port }, database: db, RESP: 2 });
    client.on("error", () => {});
    await client.connect();
    const standIn = new StandIn(client as never);
    StandIn.open.add(standIn);
    StandIn.options.push(options);
    return standIn;
  }

  sendCommand(command: string, args: string[] = []): Promise<unknown> {
    // That client puts a dash in front of what the server refuses.
    return this.#client.sendCommand([command, ...args]).catch((error: Error) => {
      throw new Error(`-${error.message}`);
    });
  }

  async subscribe(channel: string) {
    const messages: { channel: string; message: string }[] = [];
    let news = Promise.withResolvers<void>();
    let ended = false;
    const end = () => {
      ended = true;
      news.resolve();
    };
    this.#end = end;
    await this.#client.subscribe(channel, (message) => {
      messages.push({ channel, message });
      news.resolve();
    });
    return {
      async *receive() {
        while (!ended) {
          await news.promise;
          news = Promise.withResolvers();
          yield* messages.splice(0);
        }
        throw new Error("the connection ended");
      },
      close: end,
    };
  }

  /** As if its connection had been cut: the subscription ends with an error. */
  cut(): void {
    this.#end();
  }

  close(): void {
    this.#end();
    this.#client.destroy();
    StandIn.open.delete(this);
  }
}

testOn(redisUrl, "denoRedis() runs everything over a client of deno.land/x/redis", async (url) => {
  const name = freshName();
  const options = { redisFactory: denoRedis(StandIn.connect) };
  {
    await using broker = getBroker(url, name, options).expose(tasks);
    await using q = getQueue<typeof tasks>(url, { name, ...options });
    await using _pool = new InlineWorkerPool(broker).start();
    const sum = await q.add([q.num("1"), q.num("2")]);
    strictEqual(await sum.result(WAIT), 3);
    await rejects((await q.fail()).result(WAIT), /Error: no/);
    deepStrictEqual(await all(await map(q.num, ["4", "5"]), WAIT), [4, 5]);
    StandIn.open.forEach((client) => client.cut());
    strictEqual(await (await q.num("6")).result(WAIT), 6);
  }
  const { hostname, port } = new URL(url);
  strictEqual(StandIn.options[0]?.hostname, hostname);
  strictEqual(StandIn.options[0]?.port, Number(port || 6379));
  strictEqual(StandIn.open.size, 0);
});

testOn(redisUrl, "redisFactory is asked once for all handles that share it", async (url) => {
  let opened = 0;
  const redisFactory: RedisFactory = (...args) => {
    opened++;
    return openRedisClient(...args);
  };
  const name = freshName();
  await using broker = getBroker(url, name, { redisFactory }).expose(tasks);
  await using q = getQueue<typeof tasks>(url, { name, redisFactory });
  await using _pool = new InlineWorkerPool(broker).start();
  strictEqual(await (await q.num("1")).result(WAIT), 1);
  strictEqual(opened, 1);
});

testOn(
  redisUrl,
  "an error of redisFactory reaches the caller, and the next call tries again",
  async (url) => {
    let tries = 0;
    const redisFactory: RedisFactory = (...args) => {
      if (++tries === 1) return Promise.reject(new Error("not today"));
      return openRedisClient(...args);
    };
    await using q = getQueue<typeof tasks>(url, { name: freshName(), redisFactory });
    await rejects(q.num("1"), { name: "QueueUnavailable", message: /: not today$/ });
    ok(await q.num("1"));
    strictEqual(await q.clear(), 1);
  },
);

Deno.test("denoRedis() refuses a cluster, with the way out", async () => {
  const redisFactory = denoRedis(StandIn.connect);
  await using q = getQueue("redis+cluster://127.0.0.1:1", { redisFactory });
  await rejects(q.f(), {
    name: "QueueUnavailable",
    message: /denoRedis\(\) knows redis:\/\/ and rediss:\/\/ alone; leave redisFactory out/,
  });
});
