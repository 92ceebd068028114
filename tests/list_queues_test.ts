/** Which queues there are, on every backend. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { getQueue, listQueues, type RedisFactory, task } from "@worq/worq";
import { testOnAll } from "./support/backends.ts";
import { freePort } from "./support/redis_server.ts";

testOnAll("listQueues() gives the queues that ever had a task, sorted", async (url, name) => {
  await using b = getQueue(url, { name: `${name} b` });
  await using a = getQueue(url, { name: `${name} a` });
  await using empty = getQueue(url, { name: `${name} c` });
  const own = async () => {
    const names = await listQueues(url);
    deepStrictEqual(names, [...names].sort());
    return names.filter((other) => other.startsWith(name));
  };
  deepStrictEqual(await own(), []);
  strictEqual(await empty.size(), 0);
  await b.f();
  await task(a.f, { id: "a}:meta" })(); // its keys look like those of a queue
  deepStrictEqual(await own(), [`${name} a`, `${name} b`]);
  await a.clear();
  await b.clear();
  deepStrictEqual(await own(), [`${name} a`, `${name} b`]);
});

Deno.test("listQueues() on memory:// gives the queues of that URL, as long as they are there", async () => {
  const other = getQueue("memory://list-b", { name: "other" });
  const emptied = getQueue("memory://list-a", { name: "emptied" });
  const left = getQueue("memory://list-a", { name: "left" });
  for (const queue of [other, emptied, left]) await queue.f();
  deepStrictEqual(await listQueues("memory://list-a"), ["emptied", "left"]);
  await emptied.clear();
  for (const queue of [other, emptied, left]) await queue[Symbol.asyncDispose]();
  deepStrictEqual(await listQueues("memory://list-a/"), ["left"]);
  deepStrictEqual(await listQueues("memory://list-b"), ["other"]);
});

Deno.test("listQueues() goes through a server's keys in steps, and tells each queue once", async () => {
  const pages: Record<string, [next: string, keys: string[]]> = {
    "0": ["7", ["worq:{b}:meta", "worq:{a}:meta"]],
    "7": ["5", []],
    "5": ["0", ["worq:{b}:meta", "worq:{b}:m:x}:meta", "worq:{c}:meta"]],
  };
  const cursors: string[] = [];
  let closed = 0;
  const redisFactory: RedisFactory = () =>
    Promise.resolve({
      send(command, args) {
        if (command !== "SCAN") return Promise.resolve("");
        const [cursor = "", ...options] = args;
        deepStrictEqual(options, ["MATCH", "worq:{*}:meta", "COUNT", "1000"]);
        cursors.push(cursor);
        return Promise.resolve(pages[cursor]);
      },
      subscribe: () => Promise.resolve(),
      close: () => Promise.resolve(void closed++),
    });
  deepStrictEqual(await listQueues("redis://scripted", { redisFactory }), ["a", "b", "c"]);
  deepStrictEqual(cursors, ["0", "7", "5"]);
  strictEqual(closed, 1);
});

Deno.test("listQueues() refuses what cannot be, and tells of a server that is not there", async () => {
  await rejects(listQueues("http://host"), {
    name: "TypeError",
    message: /Cannot connect to "http/,
  });
  await rejects(listQueues("memory://", { connectTimeout: -1 }), {
    name: "RangeError",
    message: /^Cannot list queues: connectTimeout must be milliseconds, .* received -1$/,
  });
  const port = await freePort();
  await rejects(
    listQueues(`redis://127.0.0.1:${port}/0`, { connectTimeout: 2_000 }),
    (error: Error) => {
      strictEqual(error.name, "QueueUnavailable");
      ok(error.message.startsWith(`Cannot use Redis at 127.0.0.1:${port}: `), error.message);
      return true;
    },
  );
});
