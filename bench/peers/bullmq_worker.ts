/** The worker process of BullMQ: `bullmq_worker.ts <Redis URL> <queue> <concurrency>`. */
import process from "node:process";
import { connect, type Job, Worker } from "./bullmq.ts";
import { noop, serveWorker, sum } from "../redis/worker.ts";

const [url = "", queue = "", concurrency] = process.argv.slice(2);

async function run(job: Job): Promise<number> {
  if (job.name === "noop") return noop(job.data);
  return sum(Object.values(await job.getChildrenValues<number>()));
}

const worker = new Worker(queue, run, {
  connection: connect(url),
  concurrency: Number(concurrency),
  autorun: false,
});
worker.on("error", console.error);
await worker.waitUntilReady();
// It resolves when the worker is closed.
await serveWorker(() => void worker.run());
