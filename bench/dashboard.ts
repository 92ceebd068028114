/**
 * What the dashboard takes of a large server, which it starts itself: how long its answers take with
 * so many waiting tasks, and what part of the server's CPU one open page needs, beside 50 pools that
 * tell what they do.
 *
 *     deno run -A bench/dashboard.ts [tasks] [seconds]
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { getBroker, listQueues } from "../mod.ts";
import { dashboard } from "../dashboard.ts";
import { TALLY_BOUNDS } from "../src/cards.ts";
import { RedisServer } from "../tests/support/redis_server.ts";
import { median } from "./statistics.ts";

const [tasks = 1_000_000, seconds = 10] = process.argv.slice(2).map(Number);
const POOLS = 50;
const ROUNDS = 5;
const BATCH = 5_000;
/** Of the clock that Linux counts CPU time by. */
const TICKS = 100;

await using server = await RedisServer.start();
await using broker = getBroker(server.url, "mail");
const q = broker.queue();
for (let i = 0; i < tasks; i += BATCH) {
  await Promise.all(
    Array.from(
      { length: BATCH },
      (_, j) =>
        q.mail.send({ to: `user${i + j}@example.com`, subject: "Hello", body: "x".repeat(60) }),
    ),
  );
}
await announce();
const timer = setInterval(announce, 2_000);

const first: number[] = [];
for (let i = 0; i < ROUNDS; i++) {
  await using page = dashboard({ url: server.url });
  first.push(await timeOf(page, "/api/overview"));
}
console.log(`first view: ${median(first).toFixed(0)} ms`);
const listing = cpuTime();
await listQueues(server.url);
console.log(`list of queues: ${(1_000 * (cpuTime() - listing)).toFixed(0)} ms of the server's CPU`);
await using page = dashboard({ url: server.url });
const at = "/api/tasks?queue=mail&place=ready";
for (
  const path of [
    at, // waits for the list of queues
    "/api/overview",
    `${at}&from=${tasks - 50}`,
    `${at}&name=nobody`,
    `/api/task?queue=mail&id=${await lastId()}`,
  ]
) {
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) times.push(await timeOf(page, path));
  console.log(`${path.padEnd(60)} ${median(times).toFixed(1)} ms`);
}
const without: number[] = [];
const withOne: number[] = [];
for (let i = 0; i < ROUNDS; i++) {
  without.push(await share());
  const events = await page(new Request("http://localhost/api/events"));
  const reader = events.body!.getReader();
  const reading = (async () => {
    while (!(await reader.read()).done);
  })();
  withOne.push(await share());
  await reader.cancel();
  await reading;
}
console.log(
  `CPU of the server: ${median(without).toFixed(2)} % with ${POOLS} pools that tell, ` +
    `${median(withOne).toFixed(2)} % with an open page, too`,
);
clearInterval(timer);

/** Pools with eight workers and a hundred tasks each, of ten kinds. */
async function announce(): Promise<void> {
  const now = Date.now();
  const tally = {
    ...{ success: 1e6, failed: 3, retry: 2, lost: 0, time: 1e8 },
    times: [...TALLY_BOUNDS, 0].map(() => 12_345),
  };
  await Promise.all(Array.from({ length: POOLS }, (_, i) => {
    const card = {
      ...{ id: `pool-${i}`, kind: "processes", host: "host", pid: i, runtime: "deno 2.9.6" },
      ...{ version: "0.1.0", started: now - 1e6, written: now, queues: ["mail"], places: 100 },
      ...{ running: 100, stopping: false, memory: 1e8 },
      tasks: ids(100, i).map((id) => ({ id, name: "mail.send", since: now })),
      workers: ids(8, i).map((name) => ({
        ...{ name, pid: 1, state: "ready", tasks: ids(12, i), finished: 1e5, memory: 1e8 },
      })),
      tallies: Object.fromEntries(ids(10, i).map((name) => [name, tally])),
    };
    return broker.taskQueue.announce(card.id, JSON.stringify(card), 6_000);
  }));
}

function ids(count: number, pool: number): string[] {
  return Array.from({ length: count }, (_, i) => `4Zr2JmW9kq0abcde${pool}x${i}`);
}

async function lastId(): Promise<string> {
  return (await broker.taskQueue.list("ready", tasks - 1, 1))[0]!;
}

async function timeOf(page: (request: Request) => Promise<Response>, path: string) {
  const began = performance.now();
  const answer = await page(new Request(`http://localhost${path}`));
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(text);
  return performance.now() - began;
}

/** Percent of one core that the server takes. */
async function share(): Promise<number> {
  const before = cpuTime();
  await new Promise((resolve) => setTimeout(resolve, 1_000 * seconds));
  return 100 * (cpuTime() - before) / seconds;
}

/** Seconds that the server took so far. */
function cpuTime(): number {
  const fields = readFileSync(`/proc/${server.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
