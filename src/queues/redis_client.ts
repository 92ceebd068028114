/** The Redis client behind a small interface; the one file that knows which one it is. */
import { QueueUnavailable } from "../errors.ts";

/**
 * What worq needs of a Redis client: one connection for commands, and one that listens.
 *
 * Replies are strings (text, decoded as UTF-8), numbers, null and arrays of these. A command that
 * the server refuses rejects with an error whose message starts with the server's code, such as
 * `NOSCRIPT` or `WRONGTYPE`; any other rejection counts as a lost connection, after which the
 * command is sent again: worq's scripts may be sent twice.
 */
export interface RedisClient {
  /** Sends one command, in the order of the calls. */
  send(command: string, args: readonly string[]): Promise<unknown>;
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

/** How to reach Redis. */
export interface RedisClientOptions {
  /** Milliseconds that connecting may take, the first time and after each loss. */
  readonly connectTimeout: number;
}

/** Opens a client, ready for commands. */
export type RedisFactory = (url: string, options: RedisClientOptions) => Promise<RedisClient>;

// A server that is there but silent must look like one that is gone.
const PING_EVERY = 10_000;
const SILENT = 30_000;
const LONGEST_PAUSE = 500;
const FAREWELL = 2_000;

/** Opens the client that worq comes with, `@redis/client`. */
export async function openRedisClient(
  url: string,
  options: RedisClientOptions,
): Promise<RedisClient> {
  // 140 ms of loading that programs on memory:// need not pay.
  const { createClient } = await import("@redis/client");
  let open = false;
  // Anything but a number ends the client. So it ends, with all its timers, when it is to be closed
  // while it tries to connect.
  const reconnectStrategy = (retries: number, cause: Error) =>
    open ? Math.min(LONGEST_PAUSE, 20 * 2 ** retries) * (0.5 + Math.random() / 2) : cause;
  const client = createClient({
    url,
    // Its own queue would send late calls before the ones that were under way.
    disableOfflineQueue: true,
    pingInterval: PING_EVERY,
    // Its own time for an answer would count a busy moment as a lost connection.
    commandOptions: { timeout: 0 },
    socket: { connectTimeout: options.connectTimeout, socketTimeout: SILENT, reconnectStrategy },
  });
  const listener = client.duplicate({ disableOfflineQueue: false });
  for (const each of [client, listener]) {
    // Without a listener, a lost connection would end the process; each call tells its own loss.
    each.on("error", () => {});
  }
  try {
    await client.connect();
    await listener.connect();
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

/** `host:port` of a Redis URL: what may be shown to people and kept in logs. */
export function hostOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname || "localhost"}:${port || "6379"}`;
}

/** Whether the server answered, and refused. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof Error && /^-?[A-Z]{3,} /.test(error.message);
}

/** Whether it may help to send the same again, a little later. */
export function isPassing(error: unknown): boolean {
  if (!isRefusal(error)) return true;
  return /^-?(BUSY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|NOREPLICAS) /.test(
    error.message,
  );
}

/** Whether the server was there and the connection broke, or it is only starting. */
export function isBroken(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const text = `${Reflect.get(error, "code")} ${error.message}`;
  return isRefusal(error) ? isPassing(error) : /ECONNRESET|EPIPE|closed unexpectedly/.test(text);
}

/** The error for a server that cannot be reached or used. */
export function unavailable(url: string, cause: unknown): QueueUnavailable {
  const reason = cause instanceof Error ? reasonOf(cause) : String(cause);
  return new QueueUnavailable(
    `Cannot use Redis at ${hostOf(url)}: ${withoutSecrets(reason, url)}`,
    {
      cause: isRefusal(cause) ? undefined : cause,
    },
  );
}

function reasonOf(error: Error): string {
  // Connecting to a name with two addresses fails with both errors and no message of its own.
  const first = error instanceof AggregateError ? error.errors[0] : undefined;
  return error.message || (first instanceof Error ? first.message : error.name);
}

function withoutSecrets(text: string, url: string): string {
  const { password } = new URL(url);
  if (password === "") return text;
  return text.replaceAll(password, "***").replaceAll(decodeURIComponent(password), "***");
}
