/** poolifier: `poolifier.ts threads|processes`. */
import { FixedClusterPool, FixedThreadPool } from "poolifier";
import { fileURLToPath } from "node:url";
import type { Payload } from "../protocol.ts";
import { contest, type Pool } from "../pools/one.ts";

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));

type Executor = Pick<FixedThreadPool<Payload, number>, "execute">;

const poolOf = (pool: Executor): Pool => ({ call: (name, data) => pool.execute(data, name) });

await contest({
  threads: (workers) => poolOf(new FixedThreadPool(workers, pathOf("./poolifier_thread.ts"))),
  processes: (workers) => poolOf(new FixedClusterPool(workers, pathOf("./poolifier_process.ts"))),
});
