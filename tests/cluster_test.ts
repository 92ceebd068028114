/** Redis Cluster: the suite of every backend, moving slots, and masters that die. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { all, getBroker, getQueue, InlineWorkerPool, listQueues, map } from "@worq/worq";
import { RedisTaskQueue } from "@worq/worq/backend";
import { testTaskQueue } from "@worq/worq/testing";
import { prefixOf } from "../src/queues/redis_lua.ts";
import { slotOf } from "../src/queues/redis_slots.ts";
import { freshName, testOn } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { ClusterOfRedis, tell } from "./support/redis_fleet.ts";
import { findRedisServer } from "./support/redis_server.ts";

const OWN = findRedisServer() && "own server";
const WAIT = { timeout: 60_000 };
const quiet = () => {};

const tasks = {
  twice: (n: number) => 2 * n,
  sum: (ns: number[]) => ns.reduce((a, b) => a + b, 0),
};

// One for the whole file, since it takes seconds to make.
const cluster = OWN ? await ClusterOfRedis.start() : undefined;
if (cluster) globalThis.addEventListener("unload", () => cluster.kill());
const url = cluster?.url;

testTaskQueue({
  name: "RedisTaskQueue on a cluster",
  open: (clock) => new RedisTaskQueue(url!, freshName(), { clock }),
  // Without a server there is nothing to test; the run names what it left out.
  test: (name, fn) => Deno.test({ name, fn, ignore: url === undefined }),
});

/** A queue name whose slot `server` has. */
async function nameOn(server: { port: number }): Promise<string> {
  while (true) {
    const name = freshName();
    if ((await cluster!.ownerOf(slotOf(prefixOf(name)))).port === server.port) return name;
  }
}

testOn(OWN, "slotOf() is what CLUSTER KEYSLOT says", async () => {
  const server = cluster!.servers[0]!.url;
  for (
    const key of ["", "a", "worq:{q}:meta", "{}", "a{}{b}", "a{b{c}d}", "a{b", "worq:{ü€}:m:1"]
  ) {
    if (key === "") strictEqual(slotOf(key), 0);
    else strictEqual(slotOf(key), await tell(server, "CLUSTER", "KEYSLOT", key), key);
  }
});

testOn(url, "queues on every master of a cluster run, and listQueues() finds them", async (url) => {
  const names = await Promise.all(cluster!.servers.map(nameOn));
  for (const name of names) {
    await using worker = getBroker(url, name).expose(tasks);
    await using q = getQueue<typeof tasks>(url, { name });
    await using _pool = new InlineWorkerPool(worker).start();
    const sum = await q.sum(await map(q.twice, Array.from({ length: 500 }, (_, i) => i)));
    strictEqual(await sum.result(WAIT), 249_500);
  }
  const found = await listQueues(url);
  deepStrictEqual(names.filter((name) => !found.includes(name)), []);
});

testOn(url, "a result goes to a queue on another master of the cluster", async (url) => {
  const [here, there] = await Promise.all(cluster!.servers.slice(0, 2).map(nameOn));
  await using a = getBroker(url, here).expose(tasks);
  await using b = getBroker(url, there).expose(tasks);
  const [qa, qb] = [a.queue<typeof tasks>(), b.queue<typeof tasks>()];
  const sum = await qb.sum([qa.twice(1), qa.twice(2)]);
  const back = await qa.twice(sum);
  await using _a = new InlineWorkerPool(a).start();
  await using _b = new InlineWorkerPool(b).start();
  strictEqual(await back.result(WAIT), 12);
});

testOn(url, "one pool of a cluster wakes for one task", async (url) => {
  const name = freshName();
  await using stack = new AsyncDisposableStack();
  const brokers = [1, 2, 3].map(() =>
    // Apart from each other, as in processes of their own.
    stack.use(getBroker(url, name, { retryFor: 30_000 + Math.random() }).expose(tasks))
  );
  for (const broker of brokers) stack.use(new InlineWorkerPool(broker).start());
  await using q = getQueue<typeof tasks>(url, { name });
  const stats = () => brokers[0]!.taskQueue.stats();
  await eventually(stats, ({ idle }) => idle === 3);
  let woken = 0;
  for (const broker of brokers) broker.taskQueue.listen({ wake: () => woken++ });
  strictEqual(await (await q.twice(4)).result(WAIT), 8);
  strictEqual(woken, 1);
});

testOn(url, "a slot that moves while tasks run loses none of them", async (url) => {
  const name = freshName();
  const slot = slotOf(prefixOf(name));
  const from = await cluster!.ownerOf(slot);
  const to = cluster!.servers.find((server) => server !== from)!;
  await using worker = getBroker(url, name).expose(tasks);
  await using q = getQueue<typeof tasks>(url, { name });
  await using _pool = new InlineWorkerPool(worker, { concurrency: 20, onError: quiet }).start();
  const numbers = Array.from({ length: 300 }, (_, i) => i);
  const results: Promise<number>[] = [];
  let moving = true;
  let late: ReturnType<typeof q.twice> | undefined;
  const calls = (async () => {
    while (moving) {
      const sum = await q.sum(numbers.map((n) => q.twice(n)));
      results.push(sum.result(WAIT));
    }
  })();
  await eventually(() => results.length, (length) => length > 3);
  await cluster!.move(slot, to, async () => {
    // Half of its keys are elsewhere: what comes now waits, and is not done by halves.
    const before = results.length;
    late = q.twice(1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    ok(results.length <= before + 1);
  });
  await eventually(() => results.length, (length) => length > 10);
  moving = false;
  await calls;
  strictEqual(await (await late!).result(WAIT), 2);
  for (const result of await Promise.all(results)) ok(result === 89_700, `${result}`);
  await eventually(
    () => worker.taskQueue.stats(),
    ({ pending, ready, leased, unsettled }) => pending + ready + leased + unsettled === 0,
  );
  strictEqual((await cluster!.ownerOf(slot)).port, to.port);
});

testOn(url, "a redis:// URL of a server in a cluster is answered with the way out", async () => {
  const [first, second] = cluster!.servers;
  await using q = getQueue(first!.url, { name: await nameOn(second!) });
  await rejects(q.f(), {
    name: "QueueUnavailable",
    message: /MOVED .*; this server is part of a cluster: write redis\+cluster:\/\//,
  });
});

testOn(OWN, "a master of a cluster that dies is followed by its replica", async () => {
  await using cluster = await ClusterOfRedis.start(3, 1);
  const [master, ...others] = cluster.servers;
  const replica = others.at(-1)!;
  let name = freshName();
  while ((await cluster.ownerOf(slotOf(prefixOf(name)))) !== master) name = freshName();
  await using worker = getBroker(cluster.url, name).expose(tasks);
  await using q = getQueue<typeof tasks>(cluster.url, { name });
  await using _pool = new InlineWorkerPool(worker, { concurrency: 20, onError: quiet }).start();
  const waiting: Promise<number>[] = [];
  let running = true;
  const calls = (async () => {
    while (running) {
      const handles = await map(q.twice, Array.from({ length: 100 }, (_, i) => i));
      waiting.push(...handles.map((handle) => handle.result(WAIT)));
      waiting.forEach((result) => result.catch(quiet));
    }
  })();
  await eventually(() => waiting.length, (length) => length > 1_000);
  await master!.stop("SIGKILL");
  const before = waiting.length;
  await eventually(() => waiting.length, (length) => length > before + 1_000, 20_000);
  running = false;
  await calls;
  // A cluster copies to its replicas later, so the last moments before the death may be lost. What
  // is promised: everyone who waits hears of it.
  let lost = 0;
  for (const result of await Promise.allSettled(waiting)) {
    if (result.status === "fulfilled") continue;
    strictEqual(result.reason.name, "TaskExpired", `${result.reason}`);
    lost++;
  }
  ok(lost < waiting.length / 4, `${lost} of ${waiting.length} lost`);
  deepStrictEqual(await all(await map(q.twice, [1, 2]), WAIT), [2, 4]);
  strictEqual(await tell(replica.url, "ROLE").then((role) => (role as string[])[0]), "master");
});
