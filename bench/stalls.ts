/**
 * The longest that any call keeps Redis busy, by its SLOWLOG, while graphs of 10,000 edges are
 * stored, run and cleared.
 *
 * SLOWLOG counts the time that the kernel gives to other programs as well. So, where `taskset` is
 * there, the server has a core of its own, and this program the others.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { all, getBroker, InlineWorkerPool, map } from "@worq/worq";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { RedisServer } from "../tests/support/redis_server.ts";

const MANY = 10_000;
const WAIT = { timeout: 120_000 };
const ROUNDS = 3;

const tasks = {
  num: (value: number) => value,
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
};

await using server = await RedisServer.start([
  "--slowlog-log-slower-than",
  "100",
  "--slowlog-max-len",
  "100000",
]);
const pinned = pin(server.pid, "0") && pin(process.pid, "1");
const observer = await openRedisClient(server.url, { connectTimeout: 5_000 });
await using broker = getBroker(server.url).expose(tasks);
const q = broker.queue<typeof tasks>({ resultTimeout: 1_000 });
const numbers = Array.from({ length: MANY }, (_, i) => i);

// What the machine itself adds: calls that only count, for about as long as the longest of ours.
const COUNT = "local n = 0 for i = 1, 150000 do n = n + i end return n";

const jobs: Record<string, () => Promise<unknown>> = {
  "nothing but a loop, for comparison": async () => {
    for (let i = 0; i < 500; i++) await observer.send("EVAL", [COUNT, "0"]);
  },
  "10,000 results into one task": () =>
    served(async () => (await q.add(numbers.map((n) => q.num(n)))).result(WAIT)),
  "one result into 10,000 tasks": () =>
    served(async () => {
      const one = await q.num(1);
      return await all(await map(q.num, numbers.map(() => one)), WAIT);
    }),
  "10,000 tasks, each waited for": () =>
    served(async () => await all(await map(q.num, numbers), WAIT)),
  "10,000 tasks cleared": async () => {
    await map(q.num, numbers);
    await broker.clear();
  },
};

console.log(`Server on a core of its own: ${pinned ? "yes" : "no"}; ${ROUNDS} rounds of each.\n`);
console.log("| work | calls | longest call, ms | 99.9 % under | 99 % under | half under |");
console.log("|---|---:|---:|---:|---:|---:|");
for (const [name, job] of Object.entries(jobs)) {
  await observer.send("SLOWLOG", ["RESET"]);
  await observer.send("CONFIG", ["RESETSTAT"]);
  for (let round = 0; round < ROUNDS; round++) await job();
  const { calls, times } = await measured();
  const over = (share: number) => times[Math.ceil(calls * share)] ?? "< 0.1";
  const figures = [times[0] ?? "< 0.1", over(0.001), over(0.01), over(0.5)];
  console.log(`| ${name} | ${calls} | ${figures.join(" | ")} |`);
}
await observer.close();

async function served(job: () => Promise<unknown>): Promise<void> {
  await using _pool = new InlineWorkerPool(broker, { concurrency: 50 }).start();
  await job();
}

/** Calls of scripts, and their times in milliseconds, the longest first. */
async function measured(): Promise<{ calls: number; times: number[] }> {
  const log = await observer.send("SLOWLOG", ["GET", "-1"]) as [number, number, number, string[]][];
  const times = log.filter(([, , , [command]]) => /^EVAL/i.test(command ?? ""))
    .map(([, , microseconds]) => microseconds / 1_000)
    .sort((a, b) => b - a);
  const stats = String(await observer.send("INFO", ["commandstats"]));
  const calls = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
    .reduce((sum, [, n]) => sum + Number(n), 0);
  return { calls, times };
}

function pin(pid: number, core: string): boolean {
  return spawnSync("taskset", ["-a", "-cp", core, `${pid}`]).status === 0;
}
