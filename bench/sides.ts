/** Who is measured. */
import config from "../deno.json" with { type: "json" };

/** A library, with the scripts of its two processes. */
export interface Side {
  readonly name: string;
  readonly version: string;
  readonly producer: string;
  readonly worker: string;
}

/** The first one is compared with the others. */
export const SIDES: readonly [Side, Side] = [
  {
    name: "worq",
    version: config.version,
    producer: "worq_producer.ts",
    worker: "worq_worker.ts",
  },
  {
    name: "BullMQ",
    version: "6.7.0", // as in peers/deno.json
    producer: "peers/bullmq_producer.ts",
    worker: "peers/bullmq_worker.ts",
  },
];
