/** The producer process of bee-queue: `bee_producer.ts <Redis URL> <queue>`. It has no fan-in. */
import process from "node:process";
import { type Producer, serveProducer } from "../redis/producer.ts";
import { type Payload, payload } from "../protocol.ts";
import { openBee } from "./bee.ts";

const [url = "", name = ""] = process.argv.slice(2);
const queue = await openBee(url, name, { isWorker: false, storeJobs: false });
const waiting = new Map<string, (result: number) => void>();
let made = 0;

queue.on("job succeeded", (id, result) => {
  waiting.get(id)?.(Number(result));
  waiting.delete(id);
});

/** A job whose result is waited for before it is saved, because afterwards can be too late. */
function watched(data: Payload) {
  const id = `w${++made}`;
  const result = new Promise<number>((resolve) => waiting.set(id, resolve));
  return { job: queue.createJob(data).setId(id), result };
}

/** Saves jobs with one call. Throws for the first that could not be. */
async function saveAll(jobs: Parameters<typeof queue.saveAll>[0]): Promise<void> {
  for (const error of (await queue.saveAll(jobs)).values()) throw error;
}

const producer: Producer = {
  async prepare() {
    await producer.roundTrip(payload(0));
  },
  add: (data) => queue.createJob(data).save(),
  addBulk: (data) => saveAll(data.map((one) => queue.createJob(one))),
  async collect(chunks) {
    const results: Promise<number>[] = [];
    for (const chunk of chunks) {
      const all = chunk.map(watched);
      results.push(...all.map(({ result }) => result));
      await saveAll(all.map(({ job }) => job));
    }
    return (await Promise.all(results)).reduce((a, b) => a + b, 0);
  },
  async roundTrip(data) {
    const { job, result } = watched(data);
    await job.save();
    return await result;
  },
};

await serveProducer(producer);
