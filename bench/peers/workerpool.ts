/** workerpool: `workerpool.ts threads|processes`. */
import { fileURLToPath } from "node:url";
import workerpool from "workerpool";
import { contest, type Pool } from "../pools/one.ts";

const path = fileURLToPath(new URL("./workerpool_worker.ts", import.meta.url));

function start(workerType: "thread" | "process", workers: number): Pool {
  const pool = workerpool.pool(path, { workerType, minWorkers: workers, maxWorkers: workers });
  return { call: async (name, data) => await pool.exec(name, [data]) };
}

await contest({
  threads: (workers) => start("thread", workers),
  processes: (workers) => start("process", workers),
});
