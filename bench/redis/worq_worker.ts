/**
 * The worker process of worq: `worq_worker.ts <Redis URL> <queue> <concurrency> [weight]`. Several
 * queues have commas between their names; with a weight, all of them have that one.
 */
import process from "node:process";
import { getBroker, InlineWorkerPool } from "../../mod.ts";
import { noop, serveWorker, sum } from "./worker.ts";

const tasks = { noop, sum };

/** What a producer may call. */
export type Tasks = typeof tasks;

const [url = "", names = "", concurrency, weight] = process.argv.slice(2);
const brokers = names.split(",").map((name) => getBroker(url, name).expose(tasks));
await Promise.all(brokers.map((broker) => broker.size())); // connects
const pool = new InlineWorkerPool(brokers, {
  concurrency: Number(concurrency),
  ...(weight === undefined ? {} : { weights: brokers.map(() => Number(weight)) }),
});
await serveWorker(() => pool.start());
