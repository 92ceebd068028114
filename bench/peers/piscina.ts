/** piscina: `piscina.ts threads`. */
import { Piscina } from "piscina";
import { contest } from "../pools/one.ts";

const filename = new URL("../pools/tasks.ts", import.meta.url).href;

await contest({
  threads: (workers) => {
    const pool = new Piscina({ filename, minThreads: workers, maxThreads: workers });
    return { call: (name, data) => pool.run(data, { name }) };
  },
});
