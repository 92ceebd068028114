/** The Redis client behind a small interface; the one file that knows which one it is. */
import { QueueUnavailable } from "../errors.ts";
import { pauseBefore, within } from "./pauses.ts";
import {
  hostOf,
  parseRedisUrl,
  type RedisAddress,
  type RedisTarget,
  withoutSecrets,
} from "./redis_url.ts";

/**
 * What worq needs of a Redis client: one connection for commands, and one that listens.
 *
 * Replies are strings (text, decoded as UTF-8), numbers, null and arrays of these. A command that
 * the server refuses rejects with an error whose message starts with the server's code, such as
 * `NOSCRIPT` or `WRONGTYPE`; any other rejection counts as a lost connection, after which the
 * command is sent again: worq's scripts may be sent twice.
 */
export interface RedisClient {
  /**
   * Sends one command, in the order of the calls. `key` is the key that it is about, if any: on a
   * cluster, it leads to the server.
   */
  send(command: string, args: readonly string[], key?: string): Promise<unknown>;
  /**
   * The servers that have a part of the keys each, when there is more than one: for a command that
   * is about all keys.
   */
  servers?(): Promise<readonly Pick<RedisClient, "send">[]>;
  /**
   * Calls `onMessage` for each message on `channel` from when the promise resolves, and
   * `onRestored` (optional) after messages may have been missed.
   */
  subscribe(
    channel: string,
    onMessage: (message: string) => void,
    onRestored: () => void,
  ): Promise<void>;
  /** Ends both connections. */
  close(): Promise<void>;
}

/** Certificates for `rediss://`, as PEM texts. */
export interface RedisTls {
  /** Certificates of the authorities that may vouch for the server, in place of the public ones. */
  readonly ca?: string | readonly string[];
  /** Certificate that this client shows to a server which asks for one. */
  readonly cert?: string;
  /** Private key of `cert`. */
  readonly key?: string;
  /** Name that the server's certificate must have. The host of the URL when omitted. */
  readonly servername?: string;
}

/** A user and a password. */
export interface RedisLogin {
  /** Name of the user; `default` when omitted. */
  readonly username?: string;
  /** The password. */
  readonly password?: string;
}

/** How to reach Redis. */
export interface RedisClientOptions {
  /** Milliseconds that connecting may take, the first time and after each loss. */
  readonly connectTimeout: number;
  /** Certificates for TLS. */
  readonly tls?: RedisTls;
  /** User and password of the sentinels; those in the URL are for the servers. */
  readonly sentinel?: RedisLogin;
}

/** Opens a client, ready for commands. */
export type RedisFactory = (url: string, options: RedisClientOptions) => Promise<RedisClient>;

// A server that is there but silent must look like one that is gone.
const PING_EVERY = 10_000;
const SILENT = 30_000;
const LONGEST_PAUSE = 500;
const FAREWELL = 2_000;

/** A server, and how to get in. */
export interface RedisServerAt extends RedisAddress {
  readonly tls: RedisTls | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly connectTimeout: number;
}

/** The servers that a URL names, all with what it says about getting in. */
export function serversOf(target: RedisTarget, options: RedisClientOptions): RedisServerAt[] {
  const { username, password, database } = target;
  const tls = target.tls ? options.tls ?? {} : undefined;
  const { connectTimeout } = options;
  return target.hosts.map((at) => ({ ...at, tls, username, password, database, connectTimeout }));
}

/** Loads the client that worq comes with: 140 ms that programs on memory:// need not pay. */
export const loadRedisClient = (): Promise<typeof import("@redis/client")> =>
  import("@redis/client");

/** Opens the client that worq comes with, `@redis/client`, to one server. */
export async function openRedisClient(
  url: string,
  options: RedisClientOptions,
): Promise<RedisClient> {
  const [server] = serversOf(parseRedisUrl(url), options);
  let open = false;
  // Anything but a number ends the client. So it ends, with all its timers, when it is to be closed
  // while it tries to connect.
  const again = (retries: number, cause: Error) =>
    open ? pauseBefore(retries, LONGEST_PAUSE) : cause;
  const client = await createClient(server!, again);
  const listener = client.duplicate({ disableOfflineQueue: false });
  for (const each of [client, listener]) {
    // Without a listener, a lost connection would end the process; each call tells its own loss.
    each.on("error", () => {});
  }
  try {
    await Promise.all([client.connect(), listener.connect()]);
  } catch (error) {
    client.destroy();
    listener.destroy();
    throw error;
  }
  open = true;
  return {
    send: (command, args) => client.sendCommand([command, ...args]),
    subscribe: async (channel, onMessage, onRestored) => {
      await listener.subscribe(channel, onMessage);
      // The client subscribes again by itself, before it says that it is ready.
      listener.on("ready", onRestored);
    },
    close: async () => {
      open = false;
      await Promise.all([end(client), end(listener)]);
    },
  };
}

/** One connection to one server, which is not opened again when it is lost. */
export interface RedisLink {
  /** False once it is lost. */
  readonly open: boolean;
  /** Sends one command, in the order of the calls. */
  send(command: string, args: readonly string[]): Promise<unknown>;
  /** Calls `onMessage` for each message on `channel`. */
  subscribe(channel: string, onMessage: (message: string) => void): Promise<void>;
  /** Ends it after what is under way. */
  close(): Promise<void>;
  /** Ends it now; what is under way is rejected. */
  drop(): void;
}

/** Opens a connection, for what chooses among servers by itself; `onLost` tells that it broke. */
export async function openLink(server: RedisServerAt, onLost: () => void): Promise<RedisLink> {
  const client = await createClient(server, () => false);
  client.on("error", () => {}); // each call tells its own loss
  try {
    // The time for connecting ends before the first words are exchanged.
    const late = `no answer within ${server.connectTimeout} ms`;
    await within(server.connectTimeout, late, client.connect());
  } catch (error) {
    client.destroy();
    throw error;
  }
  client.once("terminated", () => {
    client.destroy(); // what is left of it: a timer for the next ping
    onLost();
  });
  return {
    get open() {
      return client.isReady;
    },
    send: (command, args) => client.sendCommand([command, ...args]),
    subscribe: async (channel, onMessage) => {
      await client.subscribe(channel, onMessage);
    },
    // One that is lost has nothing to wait for.
    close: async () => client.isReady ? await end(client) : client.destroy(),
    drop: () => client.destroy(),
  };
}

async function createClient(
  { host, port, tls, username, password, database, connectTimeout }: RedisServerAt,
  reconnectStrategy: (retries: number, cause: Error) => number | false | Error,
) {
  const { RedisClient } = await loadRedisClient();
  const socket = { host, port, connectTimeout, socketTimeout: SILENT, reconnectStrategy };
  // Not createClient(), which makes methods for hundreds of commands: that takes 10 ms on Bun, and
  // all that is sent from here is sent by sendCommand().
  return new RedisClient({
    // Its own queue would send late calls before the ones that were under way.
    disableOfflineQueue: true,
    pingInterval: PING_EVERY,
    // Its own time for an answer would count a busy moment as a lost connection.
    commandOptions: { timeout: 0 },
    socket: tls === undefined ? socket : { ...socket, tls: true, ...toSocket(tls) },
    database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  });
}

/** The options of `node:tls` for these. */
function toSocket({ ca, cert, key, servername }: RedisTls) {
  return {
    ...(ca === undefined ? {} : { ca: [...(typeof ca === "string" ? [ca] : ca)] }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  };
}

/** What closing a client takes. */
interface Closable {
  readonly isReady: boolean;
  once(event: "ready" | "terminated", listener: () => void): unknown;
  close(): Promise<void>;
  destroy(): void;
}

/** Closes a client in any state. One that is connecting would go on with it after a `destroy()`. */
async function end(client: Closable): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  // Closing waits for answers, which a server that hangs does not give.
  const timer = setTimeout(() => {
    client.destroy();
    resolve();
  }, FAREWELL);
  try {
    if (!client.isReady) {
      const settled = new Promise<void>((resolve) => {
        client.once("ready", resolve);
        client.once("terminated", resolve);
      });
      await Promise.race([settled, late]);
    }
    if (client.isReady) await client.close();
  } catch {
    // It broke while closing: then it is closed.
  } finally {
    clearTimeout(timer);
    client.destroy(); // what is left of it: a timer for the next ping
  }
}

/** Whether the server answered, and refused. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && /^-?[A-Z]{3,} /.test(error.message);
}

/** Whether it may help to send the same again, a little later. */
export function isPassing(error: unknown): boolean {
  if (!isRefusal(error)) return true;
  return isReadOnly(error) ||
    /^-?(BUSY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS) /.test(error.message);
}

/** Whether the server is a replica. Redis before 7 puts this behind the place in the script. */
export function isReadOnly(error: Error): boolean {
  return /(^|-)READONLY /.test(error.message);
}

/** Whether the server was there and the connection broke, or it is only starting. */
export function isBroken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const text = `${Reflect.get(error, "code")} ${error.message}`;
  return isRefusal(error) ? isPassing(error) : /ECONNRESET|EPIPE|closed unexpectedly/.test(text);
}

/** The error for a server that cannot be reached or used, or not for `act`. */
export function unavailable(url: string, cause: unknown, act = ""): QueueUnavailable {
  const reason = cause instanceof Error ? reasonOf(cause) : String(cause);
  const hint = HINTS.find(([pattern]) => pattern.test(reason))?.[1] ?? "";
  const doing = hint === "" || act === "" ? "" : `${act}: `;
  return new QueueUnavailable(
    `Cannot use Redis at ${hostOf(url)}: ${doing}${withoutSecrets(reason, url)}${hint}`,
    {
      cause: isRefusal(cause) ? undefined : cause,
    },
  );
}

const PAGE = "; docs/redis.md tells what worq needs";
/** What may help against a refusal. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/NOPERM|can't run this command/, PAGE],
  [/WRONGPASS/, "; the user or the password of the URL is wrong, or the user is switched off"],
  [/NOAUTH/, "; the server asks for a password: redis://user:password@host"],
  [/^MOVED /, "; this server is part of a cluster: write redis+cluster:// for redis://"],
  [/cluster support disabled/, "; this server is no cluster: write redis:// for redis+cluster://"],
];

function reasonOf(error: Error): string {
  // Connecting to a name with two addresses fails with both errors and no message of its own.
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.message || (first instanceof Error ? first.message : error.name);
}
