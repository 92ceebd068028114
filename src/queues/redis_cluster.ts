/** {@linkcode openRedisCluster}: the client for Redis Cluster. */
import { pauseBefore, within } from "./pauses.ts";
import {
  isRefusal,
  openLink,
  type RedisClient,
  type RedisClientOptions,
  type RedisLink,
  type RedisServerAt,
  serversOf,
} from "./redis_client.ts";
import { RedisListener } from "./redis_listener.ts";
import { slotOf, SLOTS } from "./redis_slots.ts";
import { parseRedisUrl, type RedisAddress, textOf } from "./redis_url.ts";

/** Servers that a command is sent on to before it counts as not sent. */
const MOST_MOVES = 5;
const LONGEST_PAUSE = 1_000;
/** Milliseconds between two looks at the map of slots. */
const LOOK_EVERY = 100;
/** Milliseconds that a server may take to give the map. */
const LOOK_TIME = 2_000;
/** Milliseconds after which a look is taken anyway: a server that is silent tells no failure. */
const LOOK_ANYWAY = 10_000;

/** Opens a client to the cluster of which the URL names some servers. */
export async function openRedisCluster(
  url: string,
  options: RedisClientOptions,
): Promise<RedisClient> {
  const client = new RedisCluster(serversOf(parseRedisUrl(url), options));
  try {
    await client.look();
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

/** A server of the cluster, and the way to it. */
class Server {
  readonly at: RedisServerAt;
  link: RedisLink | undefined;
  #opening: Promise<RedisLink> | undefined;
  #failures = 0;
  #notBefore = 0;
  #why: unknown;
  #closed = false;

  constructor(at: RedisServerAt) {
    this.at = at;
  }

  /** The connection, at once where it is open. A server that cannot be reached has pauses. */
  connect(): Promise<RedisLink> {
    if (this.#opening !== undefined) return this.#opening;
    if (Date.now() < this.#notBefore) return Promise.reject(this.#why);
    return this.#opening = this.#open().finally(() => this.#opening = undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => {});
    await this.link?.close();
    this.link = undefined;
  }

  async #open(): Promise<RedisLink> {
    try {
      const link = await openLink(this.at, () => {
        if (this.link === link) this.link = undefined;
      });
      if (this.#closed) {
        link.drop();
        throw new Error("the connection was closed");
      }
      this.#failures = 0;
      return this.link = link;
    } catch (error) {
      this.#notBefore = Date.now() + pauseBefore(this.#failures++, LONGEST_PAUSE);
      this.#why = error;
      throw error;
    }
  }
}

class RedisCluster implements RedisClient {
  readonly #seeds: readonly RedisServerAt[];
  /** Servers with slots, and those that commands were sent on to since the last look. */
  readonly #servers = new Map<string, Server>();
  /** Who has which slot. */
  #slots: (string | undefined)[] = [];
  /** Every server, replicas included: where one can listen. */
  #all: RedisServerAt[];
  #looking: Promise<void> | undefined;
  #lookAgain = 0;
  #turn = Math.floor(Math.random() * 1_000);
  #listener: RedisListener | undefined;
  #listensAt = "";
  readonly #timer: ReturnType<typeof setInterval>;
  /** Connections that are being ended. */
  readonly #ending = new Set<Promise<void>>();
  #closed = false;

  constructor(seeds: readonly RedisServerAt[]) {
    this.#seeds = seeds;
    this.#all = [...seeds];
    this.#timer = setInterval(() => this.#lookSoon(), LOOK_ANYWAY);
  }

  async send(command: string, args: readonly string[], key?: string): Promise<unknown> {
    const slot = key === undefined ? undefined : slotOf(key);
    let server = slot === undefined ? this.#any() : await this.#ownerOf(slot);
    let asking = false;
    for (let moves = 0;; moves++) {
      try {
        return await this.#sendTo(server, command, args, asking);
      } catch (error) {
        const [, kind, where] = moved(error) ?? [];
        if (kind === undefined || moves === MOST_MOVES) {
          // The server is gone, or what it says shows that it knows nothing: another may be in
          // charge by now. The next try finds it there.
          if (!isRefusal(error) || kind !== undefined || /^CLUSTERDOWN/.test(error.message)) {
            this.#lookSoon();
          }
          throw kind === undefined ? error : new Error(`the cluster is changing (${error})`);
        }
        server = this.#serverAt(addressOf(where!, server.at));
        asking = kind === "ASK";
        if (!asking && slot !== undefined) {
          this.#slots[slot] = textOf(server.at);
          this.#lookSoon();
        }
      }
    }
  }

  /** Every server that has slots. */
  async servers(): Promise<Pick<RedisClient, "send">[]> {
    await this.look();
    return [...new Set(this.#slots)].filter((at) => at !== undefined).map((at) => ({
      send: async (command, args) => {
        try {
          return await this.#sendTo(this.#servers.get(at)!, command, args, false);
        } catch (error) {
          if (!isRefusal(error)) this.#lookSoon();
          throw error;
        }
      },
    }));
  }

  subscribe(
    channel: string,
    onMessage: (message: string) => void,
    onRestored: () => void,
  ): Promise<void> {
    // What is published on one server of a cluster is heard on all.
    const next = () => {
      const at = this.#all[this.#turn++ % this.#all.length]!;
      this.#listensAt = textOf(at);
      return Promise.resolve(at);
    };
    const restored = () => {
      this.#lookSoon(); // the server that is lost may have had slots
      onRestored();
    };
    this.#listener = new RedisListener(next, channel, onMessage, restored);
    return this.#listener.start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#listener?.close();
    await Promise.all([...this.#servers.values()].map((server) => server.close()));
    await Promise.all(this.#ending);
    await this.#looking?.catch(() => {});
  }

  /** Asks one server after the other who has which slot, until one knows. */
  look(): Promise<void> {
    return this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      this.#lookAgain = Date.now() + pauseBefore(Infinity, LOOK_EVERY);
    });
  }

  #lookSoon(): void {
    if (this.#closed || Date.now() < this.#lookAgain) return;
    this.look().catch(() => {}); // whoever needs it looks again
  }

  async #look(): Promise<void> {
    let failure: unknown;
    for (const server of this.#toAsk()) {
      try {
        const late = `${textOf(server.at)} does not answer`;
        const reply = this.#sendTo(server, "CLUSTER", ["SLOTS"], false);
        return this.#learn(server, await within(LOOK_TIME, late, reply) as SlotRange[]);
      } catch (error) {
        failure ??= error;
      }
      if (this.#closed) break;
    }
    throw failure ?? new Error("the connection was closed");
  }

  /** Servers that have a connection first, then those of the map, then those of the URL. */
  #toAsk(): Server[] {
    const known = [...this.#servers.values()].sort(() => Math.random() - 0.5);
    const rest = [...this.#all, ...this.#seeds].map((at) => this.#serverAt(at));
    const open = known.filter(({ link }) => link !== undefined);
    return [...new Set([...open, ...known, ...rest])];
  }

  #learn(from: Server, ranges: readonly SlotRange[]): void {
    if (this.#closed) return;
    const slots: (string | undefined)[] = new Array(SLOTS);
    const all = new Map<string, RedisServerAt>();
    const owners = new Set<string>();
    for (const [first, last, ...nodes] of ranges) {
      const [owner, ...replicas] = nodes.map(([host, port]) => ({
        ...from.at,
        host: host || from.at.host,
        port,
      }));
      for (const at of [owner!, ...replicas]) all.set(textOf(at), at);
      owners.add(textOf(owner!));
      slots.fill(textOf(this.#serverAt(owner!).at), first, last + 1);
    }
    if (all.size === 0) throw new Error(`${textOf(from.at)} knows of no slots`);
    this.#slots = slots;
    this.#all = [...all.values()];
    for (const [at, server] of this.#servers) {
      if (owners.has(at)) continue;
      this.#servers.delete(at);
      const ended: Promise<void> = server.close().finally(() => this.#ending.delete(ended));
      this.#ending.add(ended);
    }
    if (this.#listener !== undefined && !all.has(this.#listensAt)) this.#listener.move();
  }

  #any(): Server {
    const owners = [...this.#servers.values()];
    const open = owners.filter(({ link }) => link !== undefined);
    const some = open.length > 0 ? open : owners;
    return some[this.#turn++ % some.length] ?? this.#serverAt(this.#seeds[0]!);
  }

  #ownerOf(slot: number): Server | Promise<Server> {
    const at = this.#slots[slot];
    if (at !== undefined) return this.#servers.get(at) ?? this.#found(slot);
    return this.#found(slot);
  }

  async #found(slot: number): Promise<Server> {
    await this.look();
    const server = this.#servers.get(this.#slots[slot] ?? "");
    if (server === undefined) throw new Error(`no server of the cluster has slot ${slot}`);
    return server;
  }

  #serverAt(at: RedisServerAt): Server {
    const name = textOf(at);
    const server = this.#servers.get(name) ?? new Server(at);
    this.#servers.set(name, server);
    return server;
  }

  async #sendTo(
    server: Server,
    command: string,
    args: readonly string[],
    asking: boolean,
  ): Promise<unknown> {
    if (this.#closed) throw new Error("the connection was closed");
    const link = server.link ?? await server.connect();
    if (asking) link.send("ASKING", []).catch(() => {}); // what follows fails with it
    return await link.send(command, args);
  }
}

/** First and last slot, then the servers that have them, the owner first. */
type SlotRange = [number, number, ...(readonly [host: string | null, port: number])[]];

/** Where the server says that a slot is. */
function moved(error: unknown): RegExpExecArray | undefined {
  if (!(error instanceof Error)) return undefined;
  return /^(MOVED|ASK) \d+ (\S+)/.exec(error.message) ?? undefined;
}

/** `host:port` as the server `from` wrote it, without a host for its own. */
function addressOf(text: string, from: RedisServerAt): RedisServerAt {
  const colon = text.lastIndexOf(":");
  const { host, port }: RedisAddress = {
    host: text.slice(0, colon).replace(/^\?$/, "") || from.host,
    port: Number(text.slice(colon + 1)),
  };
  return { ...from, host, port };
}
