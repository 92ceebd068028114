/** worq: `worq.ts threads|processes`. A call goes the whole way that a user's does. */
import {
  type Broker,
  getBroker,
  getQueue,
  ProcessWorkerPool,
  ThreadWorkerPool,
} from "../../mod.ts";
import { contest, type Pool } from "./one.ts";
import type { Tasks } from "./worq_tasks.ts";

const URL_OF_QUEUE = "memory://";
const module = new URL("./worq_tasks.ts", import.meta.url);

function start(poolOf: (broker: Broker) => { start(): unknown }): Pool {
  poolOf(getBroker(URL_OF_QUEUE)).start();
  const q = getQueue<Tasks>(URL_OF_QUEUE);
  return {
    async call(task, data) {
      const deferred = await q[task](data);
      return await deferred.result();
    },
  };
}

await contest({
  threads: (workers) => start((broker) => new ThreadWorkerPool(broker, { module, workers })),
  processes: (workers) => start((broker) => new ProcessWorkerPool(broker, { module, workers })),
});
