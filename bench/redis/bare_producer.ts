/** The producer process of the bare pipeline: `bare_producer.ts <Redis URL> <queue>`. */
import process from "node:process";
import type { Payload } from "../protocol.ts";
import { openBareClient } from "./bare_client.ts";
import { BETWEEN, ENQUEUE, resultsOf } from "./bare_scripts.ts";
import { type Producer, serveProducer } from "./producer.ts";

/** Tasks of one script. */
const BATCH = 1_000;

const [url = "", queue = ""] = process.argv.slice(2);
const client = await openBareClient(url);
const enqueue = await client.script(ENQUEUE);
const waiting = new Map<string, (result: number) => void>();
let made = 0;

const newId = () => `${++made}`;
const messageOf = (data: Payload) => JSON.stringify(["noop", data]);

/** Result of the task `id`, as it is told. To be called before the task is enqueued. */
function resultOf(id: string): Promise<number> {
  return new Promise((resolve) => waiting.set(id, resolve));
}

/** Enqueues a task and resolves with its result. */
async function call(data: Payload): Promise<number> {
  const id = newId();
  const result = resultOf(id);
  await enqueue(queue, id, messageOf(data));
  return await result;
}

const producer: Producer = {
  async prepare() {
    await client.listen(resultsOf(queue), (message) => {
      const parts = message.split(BETWEEN);
      for (let at = 0; at < parts.length; at += 2) {
        waiting.get(parts[at]!)?.(JSON.parse(parts[at + 1]!));
        waiting.delete(parts[at]!);
      }
    });
    await call({ i: 0, pad: "" });
  },
  add: (data) => enqueue(queue, newId(), messageOf(data)),
  addBulk: (data) => enqueue(queue, ...data.flatMap((one) => [newId(), messageOf(one)])),
  async collect(chunks) {
    const results: Promise<number>[] = [];
    for (const chunk of chunks) {
      const tasks: string[] = [];
      for (const data of chunk) {
        const id = newId();
        results.push(resultOf(id));
        tasks.push(id, messageOf(data));
      }
      await enqueue(queue, ...tasks);
    }
    return (await Promise.all(results)).reduce((a, b) => a + b, 0);
  },
  roundTrip: call,
  async fanIn(data) {
    const id = `+${newId()}`;
    const result = resultOf(id);
    const first = client.send(
      ...["MSET", `${queue}:open:${id}`, `${data.length}`],
      ...[`${queue}:task:${id}`, JSON.stringify(["sum"])],
    );
    const tasks = data.flatMap((one, i) => [`${id}.${i}`, messageOf(one)]);
    const rest: Promise<unknown>[] = [];
    for (let at = 0; at < tasks.length; at += 2 * BATCH) {
      rest.push(enqueue(queue, ...tasks.slice(at, at + 2 * BATCH)));
    }
    await Promise.all([first, ...rest]);
    return await result;
  },
};

await serveProducer(producer);
