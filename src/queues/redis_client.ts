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
  let opened = false;
  let nextTry = 0;
  const reconnectStrategy = (retries: number, cause: Error) => {
    if (!opened) return cause;
    const pause = Math.min(LONGEST_PAUSE, 20 * 2 ** retries) * (0.5 + Math.random() / 2);
    nextTry = Math.max(nextTry, Date.now() + pause);
    return pause;
  };
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
  opened = true;
  return {
    send: (command, args) => client.sendCommand([command, ...args]),
    subscribe: async (channel, onMessage, onRestored) => {
      await listener.subscribe(channel, onMessage);
      // The client subscribes again by itself, before it says that it is ready.
      listener.on("ready", onRestored);
    },
    close: async () => {
      await Promise.all([end(client), end(listener)]);
      // Between two tries the client has a timer that it cannot stop.
      const rest = nextTry - Date.now();
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest + 5));
    },
  };
}

async function end(client: { isReady: boolean; close(): Promise<void>; destroy(): void }) {
  // Closing waits for answers, which a server that hangs does not give.
  const timer = setTimeout(() => client.destroy(), FAREWELL);
  try {
    if (client.isReady) await client.close();
    else client.destroy();
  } catch {
    // It broke while closing: then it is closed.
  } finally {
    clearTimeout(timer);
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
