/**
 * The producer process of worq: `worq_producer.ts <Redis URL> <queue>`. Of several queues, with
 * commas between their names, each gets its share of a bulk.
 */
import process from "node:process";
import { all, type Deferred, getQueue, map } from "../../mod.ts";
import { type Producer, serveProducer } from "./producer.ts";
import { type Payload, payload } from "../protocol.ts";
import { sum } from "./worker.ts";
import type { Tasks } from "./worq_worker.ts";

const [url = "", names = ""] = process.argv.slice(2);
const queues = names.split(",").map((name) => getQueue<Tasks>(url, { name }));
const q = queues[0]!;

/** Every queue's share of `data`, in one call for each. */
async function mapAll(data: readonly Payload[]): Promise<Deferred<number>[]> {
  const shares = queues.map((): Payload[] => []);
  data.forEach((one, i) => shares[i % queues.length]!.push(one));
  return (await Promise.all(queues.map((queue, i) => map(queue.noop, shares[i]!)))).flat();
}

const producer: Producer = {
  async prepare() {
    await all(await mapAll(queues.map(() => payload(0))));
  },
  add: (data) => q.noop(data),
  addBulk: mapAll,
  async collect(chunks) {
    const results: Promise<number[]>[] = [];
    for (const chunk of chunks) results.push(all(await mapAll(chunk)));
    return sum((await Promise.all(results)).flat());
  },
  async roundTrip(data) {
    const deferred = await q.noop(data);
    return await deferred.result();
  },
  async fanIn(data) {
    const total = await q.sum(await map(q.noop, data));
    return await total.result();
  },
};

await Promise.all(queues.map((queue) => queue.size())); // connects
await serveProducer(producer);
