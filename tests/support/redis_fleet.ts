/** Clusters and sentinels of one's own, made of {@linkcode RedisServer}s. */
import { openRedisClient, type RedisClient } from "../../src/queues/redis_client.ts";
import { eventually } from "./eventually.ts";
import { freePort, RedisServer } from "./redis_server.ts";

const SLOTS = 16_384;
/** Milliseconds after which a silent server counts as gone. */
const GONE_AFTER = 1_000;

/** Sends one command to a server, on a connection of its own. */
export async function tell(url: string, command: string, ...args: string[]): Promise<unknown> {
  const client: RedisClient = await openRedisClient(url, { connectTimeout: 5_000 });
  try {
    return await client.send(command, args);
  } finally {
    await client.close();
  }
}

/** A cluster whose masters share the slots; a replica of the first of them, when asked for. */
export class ClusterOfRedis implements AsyncDisposable {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  /** Starts it, with more `options` for each server; resolves when it takes commands. */
  static async start(
    masters = 3,
    replicas = 0,
    options: readonly string[] = [],
  ): Promise<ClusterOfRedis> {
    const servers = await Promise.all(
      Array.from({ length: masters + replicas }, () => startClusterServer(options)),
    );
    const cluster = new ClusterOfRedis(servers.map(({ server }) => server));
    const [first] = cluster.servers;
    for (const { server, bus } of servers.slice(1)) {
      await tell(first!.url, "CLUSTER", "MEET", "127.0.0.1", `${server.port}`, `${bus}`);
    }
    for (let i = 0; i < masters; i++) {
      const [from, to] = [Math.ceil(i * SLOTS / masters), Math.ceil((i + 1) * SLOTS / masters) - 1];
      await tell(cluster.servers[i]!.url, "CLUSTER", "ADDSLOTSRANGE", `${from}`, `${to}`);
    }
    const id = await cluster.idOf(first!);
    for (const replica of cluster.servers.slice(masters)) {
      await eventually(
        () => tell(replica.url, "CLUSTER", "NODES"),
        (nodes) => `${nodes}`.includes(id),
      );
      await tell(replica.url, "CLUSTER", "REPLICATE", id);
    }
    for (const server of cluster.servers) {
      await eventually(
        () => tell(server.url, "CLUSTER", "INFO"),
        (info) =>
          `${info}`.includes("cluster_state:ok") &&
          `${info}`.includes(`cluster_known_nodes:${servers.length}`),
        20_000,
      );
    }
    for (const replica of cluster.servers.slice(masters)) {
      await eventually(
        () => tell(replica.url, "INFO", "replication"),
        (info) => `${info}`.includes("master_link_status:up"),
      );
    }
    return cluster;
  }

  get url(): string {
    return `redis+cluster://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`;
  }

  idOf(server: RedisServer): Promise<string> {
    return tell(server.url, "CLUSTER", "MYID") as Promise<string>;
  }

  /** The master that has a slot. */
  async ownerOf(slot: number): Promise<RedisServer> {
    const ranges = await tell(this.servers[0]!.url, "CLUSTER", "SLOTS") as [
      number,
      number,
      [string, number],
    ][];
    const [, , [, port]] = ranges.find(([from, to]) => from <= slot && slot <= to)!;
    return this.servers.find((server) => server.port === port)!;
  }

  /** Moves a slot as `redis-cli --cluster reshard` does; `halfway` runs when some keys are moved. */
  async move(slot: number, to: RedisServer, halfway = () => Promise.resolve()): Promise<void> {
    const from = await this.ownerOf(slot);
    const [fromId, toId] = [await this.idOf(from), await this.idOf(to)];
    await tell(to.url, "CLUSTER", "SETSLOT", `${slot}`, "IMPORTING", fromId);
    await tell(from.url, "CLUSTER", "SETSLOT", `${slot}`, "MIGRATING", toId);
    for (let round = 0;; round++) {
      const count = round === 0 ? "5" : "500";
      const keys = await tell(from.url, "CLUSTER", "GETKEYSINSLOT", `${slot}`, count) as string[];
      if (keys.length === 0) break;
      const [host, port] = ["127.0.0.1", `${to.port}`];
      await tell(from.url, "MIGRATE", host, port, "", "0", "5000", "KEYS", ...keys);
      if (round === 0) await halfway();
    }
    for (const server of [to, from, ...this.servers]) {
      await tell(server.url, "CLUSTER", "SETSLOT", `${slot}`, "NODE", toId).catch((error) => {
        if (!/can't|only|replica/i.test(error.message)) throw error; // a replica hears it from the others
      });
    }
  }

  /** Ends it at once; for the end of a test file, which waits for nothing. */
  kill(): void {
    for (const server of this.servers) server.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

async function startClusterServer(
  options: readonly string[],
): Promise<{ server: RedisServer; bus: number }> {
  const bus = await freePort();
  const server = await RedisServer.start([
    ...options,
    "--cluster-enabled",
    "yes",
    "--cluster-config-file",
    "nodes.conf",
    "--cluster-port",
    `${bus}`,
    "--cluster-node-timeout",
    `${GONE_AFTER}`,
    "--repl-diskless-sync-delay",
    "0",
  ]);
  return { server, bus };
}

/** A primary with one replica, and sentinels that watch over them. */
export class WatchedRedis implements AsyncDisposable {
  static readonly NAME = "mymaster";
  readonly servers: readonly RedisServer[];
  readonly sentinels: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[], sentinels: readonly RedisServer[]) {
    this.servers = servers;
    this.sentinels = sentinels;
  }

  /**
   * Starts them, with more `lines` for each sentinel and more `options` for each server; resolves
   * when the sentinels would act.
   */
  static async start(
    sentinels = 3,
    lines: readonly string[] = [],
    options: readonly string[] = [],
  ): Promise<WatchedRedis> {
    const { primary, replica } = await startPair(options);
    const quorum = Math.floor(sentinels / 2) + 1;
    const watchers = await Promise.all(
      Array.from({ length: sentinels }, () =>
        RedisServer.startSentinel([
          `sentinel monitor ${WatchedRedis.NAME} 127.0.0.1 ${primary.port} ${quorum}`,
          `sentinel down-after-milliseconds ${WatchedRedis.NAME} ${GONE_AFTER}`,
          `sentinel failover-timeout ${WatchedRedis.NAME} 5000`,
          ...lines,
        ])),
    );
    const watched = new WatchedRedis([primary, replica], watchers);
    for (const { url } of watchers) {
      await eventually(
        () => tell(url, "SENTINEL", "MASTER", WatchedRedis.NAME) as Promise<Record<string, string>>,
        (state) =>
          state["num-slaves"] === "1" && state["num-other-sentinels"] === `${sentinels - 1}`,
        20_000,
      );
    }
    return watched;
  }

  get url(): string {
    const hosts = this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(",");
    return `redis+sentinel://${hosts}/${WatchedRedis.NAME}/0`;
  }

  /** The server that the sentinels name. */
  async primary(): Promise<RedisServer> {
    const [, port] = await tell(
      this.sentinels[0]!.url,
      "SENTINEL",
      "GET-MASTER-ADDR-BY-NAME",
      WatchedRedis.NAME,
    ) as [string, string];
    return this.servers.find((server) => `${server.port}` === port)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.sentinels, ...this.servers];
    await Promise.all(all.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** A primary and a replica that has all of its data, with more `options` for both. */
export async function startPair(
  options: readonly string[] = [],
): Promise<{ primary: RedisServer; replica: RedisServer }> {
  const own = ["--repl-diskless-sync-delay", "0", ...options];
  const primary = await RedisServer.start(own);
  const replica = await RedisServer.start([...own, "--replicaof", "127.0.0.1", `${primary.port}`]);
  // The first sign of life of the replica starts the stream to it; something must be in that.
  await eventually(
    async () => {
      await tell(primary.url, "SET", "started", "1");
      return await tell(primary.url, "INFO", "replication");
    },
    (info) => /state=online,offset=[1-9]/.test(`${info}`),
  );
  await tell(primary.url, "DEL", "started");
  return { primary, replica };
}
