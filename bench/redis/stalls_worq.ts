/** The process that keeps Redis busy: `stalls_worq.ts <Redis URL>`. */
import process from "node:process";
import { createClient } from "@redis/client";
import { all, getBroker, InlineWorkerPool, map } from "../../mod.ts";
import { serve } from "../serve.ts";
import type { Job } from "./stalls_jobs.ts";

const MANY = 10_000;
const WAIT = { timeout: 120_000 };
// About as long as the longest call of ours, to see what the machine adds.
const COUNT = "local n = 0 for i = 1, 150000 do n = n + i end return n";
const COUNTS = 500;

const tasks = {
  num: (value: number) => value,
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
};

const [url = ""] = process.argv.slice(2);
const broker = getBroker(url).expose(tasks);
const q = broker.queue<typeof tasks>({ resultTimeout: 1_000 });
const numbers = Array.from({ length: MANY }, (_, i) => i);

const jobs: Record<Job, () => Promise<unknown>> = {
  "nothing but a loop": async () => {
    const client = createClient({ url });
    await client.connect();
    for (let i = 0; i < COUNTS; i++) await client.eval(COUNT);
    await client.close();
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

async function served(job: () => Promise<unknown>): Promise<void> {
  await using _pool = new InlineWorkerPool(broker, { concurrency: 50 }).start();
  await job();
}

await q.size(); // connects
await serve<Job>(async ({ op }) => {
  await jobs[op]();
  return {};
});
