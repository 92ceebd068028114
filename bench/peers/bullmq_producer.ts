/** The producer process of BullMQ: `bullmq_producer.ts <Redis URL> <queue>`. */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, FlowProducer, Queue, QueueEvents } from "./bullmq.ts";
import { type Producer, serveProducer } from "../redis/producer.ts";
import { type Payload, payload } from "../protocol.ts";

/** Result of a task that only finds out whether events arrive. */
const PROBE = -1;
const PROBE_WAIT = 200;

const [url = "", queueName = ""] = process.argv.slice(2);
const queue = new Queue(queueName, { connection: connect(url) });
let events: QueueEvents;
let flows: FlowProducer;

const jobOf = (data: Payload) => ({ name: "noop", data });

const producer: Producer = {
  async prepare() {
    events = new QueueEvents(queueName, { connection: connect(url) });
    flows = new FlowProducer({ connection: connect(url) });
    await Promise.all([events.waitUntilReady(), flows.waitUntilReady()]);
    await untilHeard();
  },
  add: (data) => queue.add("noop", data),
  addBulk: (data) => queue.addBulk(data.map(jobOf)),
  async collect(chunks) {
    const total = sumOf(chunks.flat().length);
    for (const chunk of chunks) await producer.addBulk(chunk);
    return await total;
  },
  async roundTrip(data) {
    const job = await queue.add("noop", data);
    return await job.waitUntilFinished(events);
  },
  async fanIn(data) {
    const children = data.map((one) => ({ ...jobOf(one), queueName }));
    const flow = await flows.add({ name: "sum", queueName, children });
    return await flow.job.waitUntilFinished(events);
  },
};

/** What completes before the first read of the events is never heard of, so some tasks go ahead. */
async function untilHeard(): Promise<void> {
  let heard = false;
  events.once("completed", () => heard = true);
  while (!heard) {
    await queue.add("noop", payload(PROBE));
    await sleep(PROBE_WAIT);
  }
}

/** Sum of the next `count` results: an event for each, the cheapest way that BullMQ documents. */
function sumOf(count: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  let [left, sum] = [count, 0];
  const onCompleted = ({ returnvalue }: { returnvalue: unknown }) => {
    if (Number(returnvalue) === PROBE) return;
    sum += Number(returnvalue);
    if (--left > 0) return;
    events.off("completed", onCompleted);
    resolve(sum);
  };
  events.on("completed", onCompleted);
  return promise;
}

queue.on("error", console.error);
await queue.waitUntilReady();
await serveProducer(producer);
