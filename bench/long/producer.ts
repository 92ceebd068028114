/**
 * The process that calls tasks for a long time: `producer.ts <Redis URL> <queue>`. It has so many
 * of them unfinished at most, so the queue gets no longer.
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { all, getQueue, map, task } from "../../mod.ts";
import { check, clocked } from "../loops.ts";
import { type Figures, payload } from "../protocol.ts";
import type { Tasks } from "../redis/worq_worker.ts";
import { serve } from "../serve.ts";
import { quantile } from "../statistics.ts";

/** What the run can ask for: to call so many tasks from now on; to tell when so many are over. */
export type Operation = "begin" | "reach";

/** Calls of so many tasks each, and how many of these are under way. */
const [CHUNK, LANES] = [500, 10];
/** Milliseconds that results are kept. */
const KEEP = 5_000;
/** Milliseconds between two tasks that are timed. */
const PAUSE = 20;
const FIRST = 255;

const [url = "", name = ""] = process.argv.slice(2);
const q = getQueue<Tasks>(url, { name, resultTimeout: KEEP });
/** Goes in front of those that wait, or it would measure their number. */
const probe = task(q.noop, { priority: FIRST });

let [total, called, done] = [0, 0, 0];
let mark = { at: Infinity, reached() {} };
let lanes: Promise<unknown>;
let times: number[] = [];
let start = 0;

const measures: Record<Operation, (n: number) => Promise<Figures>> = {
  begin(n) {
    total = n;
    start = performance.now();
    lanes = Promise.all([...Array.from({ length: LANES }, call), time()]);
    lanes.catch(() => {}); // thrown by who waits for it
    return Promise.resolve({});
  },
  async reach(n) {
    const { promise, resolve } = Promise.withResolvers<void>();
    mark = { at: n, reached: resolve };
    if (done < n) await Promise.race([promise, lanes]);
    const figures = {
      done,
      ms: performance.now() - start,
      p50: quantile(times, 0.5),
      p99: quantile(times, 0.99),
    };
    times = [];
    return figures;
  },
};

/** Calls tasks, waits for their results, and so on. */
async function call(): Promise<void> {
  while (called < total) {
    const first = called;
    called = Math.min(total, first + CHUNK);
    const inputs = Array.from({ length: called - first }, (_, i) => payload(first + i));
    const results = await all(await map(q.noop, inputs));
    results.forEach((result, i) => check(result, first + i));
    done += results.length;
    if (done >= mark.at) mark.reached();
  }
}

/** Times one task after the other, from the call to its result. */
async function time(): Promise<void> {
  while (done < total) {
    await sleep(PAUSE);
    const { ms } = await clocked(async () => (await probe(payload(0))).result());
    times.push(ms);
  }
}

await q.size(); // connects
await serve<Operation>(({ op, n }) => measures[op](n));
