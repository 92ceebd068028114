/** What a measured stretch of time cost, read from outside the measured processes. */
import { createClient } from "@redis/client";
import { readFile } from "node:fs/promises";
import type { Figures } from "./protocol.ts";

/** Clock ticks a second in `/proc`. */
const TICKS = 100;

/**
 * Commands that a client sends. Scripts call none of these, so whatever else was called ran inside
 * a script.
 */
const FROM_CLIENT =
  /^(evalsha|eval|multi|exec|xread|bzpopmin|ping|hello|info|subscribe|script\||client\|)/;

/** A client that has not connected yet. */
function clientOf(url: string) {
  const client = createClient({ url });
  client.on("error", (error) => console.error(`bench: ${error.message}`));
  return client;
}

/** Counters that only grow, and the memory in use. */
interface Counters {
  readonly cpu: number;
  readonly redisCpu: number;
  readonly clientCalls: number;
  readonly commands: number;
  readonly reads: number;
  readonly bytes: number;
}

/** Reads the counters of a Redis server and of the processes that use it. */
export class Costs implements AsyncDisposable {
  /** What the server says of itself at the start. */
  readonly info: string;
  readonly #redis: ReturnType<typeof clientOf>;

  private constructor(redis: ReturnType<typeof clientOf>, info: string) {
    this.#redis = redis;
    this.info = info;
  }

  /** Connects to the server at `url`. */
  static async open(url: string): Promise<Costs> {
    const redis = clientOf(url);
    await redis.connect();
    return new Costs(redis, await redis.info());
  }

  /** Empties the server. */
  async clear(): Promise<void> {
    await this.#redis.flushAll();
  }

  /** The counters of the server together with those of the processes `pids`. */
  async read(pids: readonly number[]): Promise<Counters> {
    const info = await this.#redis.info("everything");
    const calls = Array.from(
      info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm),
      ([, name, count]) => ({ name: name!, count: Number(count) }),
    ).filter(({ name }) => name !== "info");
    const redisCpu = await cpuOf(field(info, "process_id"));
    const others = await Promise.all(pids.map(cpuOf));
    return {
      cpu: total([redisCpu, ...others]),
      redisCpu,
      clientCalls: total(calls.filter(({ name }) => FROM_CLIENT.test(name)).map((c) => c.count)),
      commands: total(calls.map((c) => c.count)),
      reads: field(info, "total_reads_processed"),
      bytes: field(info, "used_memory"),
    };
  }

  /** Ends the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#redis.close();
  }
}

/** What one of `n` tasks cost; CPU in seconds for 1,000 of them. */
export function costOf(before: Counters, after: Counters, n: number): Figures {
  const each = (key: keyof Counters) => (after[key] - before[key]) / n;
  return {
    cpu: each("cpu") * 1_000,
    redisCpu: each("redisCpu") * 1_000,
    clientCalls: each("clientCalls"),
    commands: each("commands"),
    // One read was the question for the counters.
    reads: each("reads") - 1 / n,
    bytes: each("bytes"),
  };
}

/** A number that the server says of itself. */
function field(info: string, name: string): number {
  return Number(new RegExp(`^${name}:(\\d+)`, "m").exec(info)?.[1]);
}

/** CPU seconds of a process, with all its threads; NaN where there is no `/proc`. */
async function cpuOf(pid: number): Promise<number> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold spaces; user and system time are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS;
  } catch {
    return NaN;
  }
}

function total(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
