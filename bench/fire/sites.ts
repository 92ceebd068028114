/**
 * Where it burns: one server behind a bad network, a primary with a replica that takes over, and a
 * cluster whose slot moves. All are real servers, started here, that keep each command in a file.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { prefixOf } from "../../src/queues/redis_lua.ts";
import { slotOf } from "../../src/queues/redis_slots.ts";
import { eventually } from "../../tests/support/eventually.ts";
import { ClusterOfRedis, tell, WatchedRedis } from "../../tests/support/redis_fleet.ts";
import { KEPT, RedisServer } from "../../tests/support/redis_server.ts";
import { type Faults, sleep } from "./faults.ts";
import { FireProxy } from "./proxy.ts";

/** Name of the queue. */
export const QUEUE = "fire";
/** So that the file has every command since the start. */
const UNABRIDGED = ["--auto-aof-rewrite-percentage", "0"];
const LOGGED = [...KEPT, ...UNABRIDGED];
const PATIENCE = 30_000;

/** Where it burns. */
export interface Site extends AsyncDisposable {
  /** URL for pools and callers. */
  readonly url: string;
  /** Whether calls wait for a replica. */
  readonly durable: boolean;
  /** What happens to its servers, or on the way to them. */
  readonly faults: Faults;
  /** Servers that have keys at the end. */
  keepers(): readonly RedisServer[];
}

/** One server, behind a network that fails. */
export async function singleServer(): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await RedisServer.start(LOGGED));
  const proxy = stack.use(await FireProxy.start(server.port));
  const order = (command: string, ...args: string[]) => tell(server.url, command, ...args);
  const faults: Faults = {
    "connections cut": {
      mean: 8_000,
      disturbs: true,
      act(random) {
        const share = random.pick([0.3, 1]);
        proxy.cut(() => random.chance(share));
      },
    },
    "replies halved": {
      mean: 6_000,
      disturbs: true,
      act: (random) => proxy.halve(() => random.chance(0.5)),
    },
    "replies delayed": {
      mean: 10_000,
      disturbs: true,
      async act(random) {
        proxy.lag = random.between(50, 400);
        await sleep(random.between(500, 1_500));
        proxy.lag = 0;
      },
    },
    "messages dropped": {
      mean: 10_000,
      async act(random) {
        proxy.deaf = true;
        await sleep(random.between(500, 3_000));
        proxy.deaf = false;
      },
    },
    "server killed": {
      mean: 30_000,
      disturbs: true,
      async act(random) {
        await server.stop("SIGKILL");
        await sleep(random.between(100, 1_500));
        await server.start();
      },
    },
    "scripts forgotten": { mean: 10_000, act: () => order("SCRIPT", "FLUSH") },
    "clients killed": {
      mean: 10_000,
      disturbs: true,
      act: (random) => order("CLIENT", "KILL", "TYPE", random.pick(["normal", "pubsub"])),
    },
    "memory full": {
      mean: 20_000,
      async act(random) {
        await order("CONFIG", "SET", "maxmemory", "1mb");
        await sleep(random.between(500, 2_000));
        await order("CONFIG", "SET", "maxmemory", "0");
      },
    },
  };
  const url = `redis://127.0.0.1:${proxy.port}/0`;
  return siteOf(stack, { url, durable: false, faults, keepers: () => [server] });
}

/**
 * A primary that dies once, and is followed by its replica. Once, since the replica has a file with
 * every command only as long as it need not start anew with all data of another server.
 */
export async function watchedPair(): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const watched = stack.use(await WatchedRedis.start(3, [], LOGGED));
  const [primary, replica] = watched.servers as [RedisServer, RedisServer];
  const faults: Faults = {
    "primary killed": {
      mean: Infinity,
      disturbs: true,
      async act() {
        await primary.stop("SIGKILL");
        await eventually(() => watched.primary(), (server) => server === replica, PATIENCE);
        await primary.start(); // as a replica, which durable calls need
        await eventually(
          () => tell(replica.url, "INFO", "replication"),
          (info) => `${info}`.includes("state=online"),
          PATIENCE,
        );
      },
    },
  };
  const { url } = watched;
  return siteOf(stack, { url, durable: true, faults, keepers: () => [replica] });
}

/** A cluster of three masters; the slot of the queue goes round. */
export async function movingCluster(): Promise<Site> {
  await using stack = new AsyncDisposableStack();
  const cluster = stack.use(await ClusterOfRedis.start(3, 0, LOGGED));
  const slot = slotOf(prefixOf(QUEUE));
  const faults: Faults = {
    "slot moved": {
      mean: 5_000,
      disturbs: true,
      async act(random) {
        const from = await cluster.ownerOf(slot);
        const to = random.pick(cluster.servers.filter((server) => server !== from));
        await cluster.move(slot, to, () => sleep(random.between(0, 1_000)));
      },
    },
    "scripts forgotten": {
      mean: 10_000,
      act: () => Promise.all(cluster.servers.map(({ url }) => tell(url, "SCRIPT", "FLUSH"))),
    },
    "clients killed": {
      mean: 10_000,
      disturbs: true,
      act: (random) => tell(random.pick(cluster.servers).url, "CLIENT", "KILL", "TYPE", "normal"),
    },
  };
  const { url, servers } = cluster;
  return siteOf(stack, { url, durable: false, faults, keepers: () => servers });
}

/** The files with the commands that these servers carried out. */
export function logsOf(servers: readonly RedisServer[]): string[] {
  return servers.flatMap(({ folder }) => {
    const files = join(folder, "appendonlydir");
    return readdirSync(files).filter((name) => name.endsWith(".incr.aof"))
      .map((name) => join(files, name));
  });
}

function siteOf(stack: AsyncDisposableStack, site: Omit<Site, typeof Symbol.asyncDispose>): Site {
  const owned = stack.move();
  return { ...site, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
