/** The producer process of worq: `worq_producer.ts <Redis URL> <queue>`. */
import process from "node:process";
import { all, getQueue, map } from "../../mod.ts";
import { type Producer, serveProducer } from "./producer.ts";
import { payload } from "../protocol.ts";
import { sum } from "./worker.ts";
import type { Tasks } from "./worq_worker.ts";

const [url = "", name = ""] = process.argv.slice(2);
const q = getQueue<Tasks>(url, { name });

const producer: Producer = {
  async prepare() {
    await this.roundTrip(payload(0));
  },
  add: (data) => q.noop(data),
  addBulk: (data) => map(q.noop, data),
  async collect(chunks) {
    const results: Promise<number[]>[] = [];
    for (const chunk of chunks) results.push(all(await map(q.noop, chunk)));
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

await q.size(); // connects
await serveProducer(producer);
