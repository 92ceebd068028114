/** The worker process of bee-queue: `bee_worker.ts <Redis URL> <queue> <concurrency>`. */
import process from "node:process";
import { noop, serveWorker } from "../redis/worker.ts";
import { openBee } from "./bee.ts";

const [url = "", name = "", concurrency] = process.argv.slice(2);
const queue = await openBee(url, name, { getEvents: false, storeJobs: false });
await serveWorker(() => queue.process(Number(concurrency), async ({ data }) => await noop(data)));
