/** The worker process of worq: `worq_worker.ts <Redis URL> <queue> <concurrency>`. */
import process from "node:process";
import { getBroker, InlineWorkerPool } from "../../mod.ts";
import { noop, serveWorker, sum } from "./worker.ts";

const tasks = { noop, sum };

/** What a producer may call. */
export type Tasks = typeof tasks;

const [url = "", queue = "", concurrency] = process.argv.slice(2);
const broker = getBroker(url, queue).expose(tasks);
await broker.size(); // connects
const pool = new InlineWorkerPool(broker, { concurrency: Number(concurrency) });
await serveWorker(() => pool.start());
