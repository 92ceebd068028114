/** tinypool: `tinypool.ts threads|processes`. */
import { Tinypool } from "tinypool";
import { contest, type Pool } from "../pools/one.ts";

const filename = new URL("../pools/tasks.ts", import.meta.url).href;

function start(runtime: "worker_threads" | "child_process", workers: number): Pool {
  const pool = new Tinypool({ runtime, filename, minThreads: workers, maxThreads: workers });
  return { call: (name, data) => pool.run(data, { name }) };
}

await contest({
  threads: (workers) => start("worker_threads", workers),
  processes: (workers) => start("child_process", workers),
});
