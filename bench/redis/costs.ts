/** What a measured stretch of time cost, read from outside the measured processes. */
import { createClient } from "@redis/client";
import { readFile } from "node:fs/promises";
import type { Figures } from "../protocol.ts";

/** Clock ticks a second in `/proc`. */
const TICKS = 100;

/** A client that has not connected yet. */
function clientOf(url: string) {
  const client = createClient({ url });
  client.on("error", (error) => console.error(`bench: ${error.message}`));
  return client;
}

/** Counters that only grow, and what is there: memory and keys in use. */
export interface Counters {
  /** CPU seconds of each process; of all workers together. */
  readonly cpu: Readonly<Record<Part, number>>;
  readonly commands: number;
  readonly reads: number;
  /** Bytes in memory. */
  readonly bytes: number;
  /** Bytes over the network, both ways. */
  readonly net: number;
  readonly keys: number;
}

/** A process that takes part. */
type Part = "producer" | "worker" | "redis";

/** Reads the counters of a Redis server and of the processes that use it. */
export class Costs implements AsyncDisposable {
  readonly #redis: ReturnType<typeof clientOf>;

  private constructor(redis: ReturnType<typeof clientOf>) {
    this.#redis = redis;
  }

  /** Connects to the server at `url`. */
  static async open(url: string): Promise<Costs> {
    const redis = clientOf(url);
    await redis.connect();
    return new Costs(redis);
  }

  /** The counters of the server together with those of the processes with these ids. */
  async read(pids: { producer: number; workers: readonly number[] }): Promise<Counters> {
    const info = await this.#redis.info("everything");
    const calls = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
      .filter(([, name]) => name !== "info")
      .map(([, , count]) => Number(count));
    return {
      cpu: {
        producer: await cpuOf(pids.producer),
        worker: (await Promise.all(pids.workers.map(cpuOf))).reduce((a, b) => a + b, 0),
        redis: await cpuOf(field(info, "process_id")),
      },
      commands: calls.reduce((a, b) => a + b, 0),
      reads: field(info, "total_reads_processed"),
      bytes: field(info, "used_memory"),
      net: field(info, "total_net_input_bytes") + field(info, "total_net_output_bytes"),
      keys: Number(/^db0:keys=(\d+)/m.exec(info)?.[1] ?? 0),
    };
  }

  /** Ends the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#redis.close();
  }
}

/** What one of `n` tasks cost; CPU in seconds for 1,000 of them. */
export function costOf(before: Counters, after: Counters, n: number): Figures {
  const cpu = (part: Part) => (after.cpu[part] - before.cpu[part]) / n * 1_000;
  const each = (key: "commands" | "reads" | "bytes" | "net") => (after[key] - before[key]) / n;
  const [cpuProducer, cpuWorker, cpuRedis] = [cpu("producer"), cpu("worker"), cpu("redis")];
  return {
    cpu: cpuProducer + cpuWorker + cpuRedis,
    cpuProducer,
    cpuWorker,
    cpuRedis,
    commands: each("commands"),
    // One read was the question for the counters.
    reads: each("reads") - 1 / n,
    bytes: each("bytes"),
    net: each("net"),
  };
}

/** A number that the server says of itself. */
function field(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
}

/** CPU seconds of a process, with all its threads; NaN where there is no `/proc`. */
export async function cpuOf(pid: number): Promise<number> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold spaces; user and system time are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return NaN;
  }
}
