/** {@linkcode denoRedis}: the client of deno.land/x/redis (`jsr:@db/redis`) in place of worq's. */
import type { RedisClient, RedisFactory } from "./redis_client.ts";
import { parseRedisUrl } from "./redis_url.ts";

/** What is used of a client of deno.land/x/redis. */
export interface DenoRedisClient {
  /** Sends one command. */
  sendCommand(
    command: string,
    args?: string[],
    options?: { returnUint8Arrays?: boolean },
  ): Promise<unknown>;
  /** Turns the connection into one that listens. */
  subscribe(...channels: string[]): Promise<DenoRedisSubscription>;
  /** Ends the connection. */
  close(): void;
}

/** What is used of its subscriptions. */
export interface DenoRedisSubscription {
  /** The messages, until the connection ends. */
  receive(): AsyncIterable<{ readonly channel: string; readonly message: string }>;
  /** Ends the subscription. */
  close(): void;
}

/** What its `connect` takes. */
export interface DenoRedisConnectOptions {
  /** Host name or address. */
  hostname: string;
  /** Port. */
  port: number;
  /** Whether to use TLS. */
  tls?: boolean;
  /** Number of the database; 0 when omitted. */
  db?: number;
  /** User, when the server has more than one. */
  username?: string;
  /** Password, when the server asks for one. */
  password?: string;
}

const PAUSE = 100;

/**
 * A factory for `redisFactory` from the `connect` of deno.land/x/redis: one connection for
 * commands, one that listens.
 *
 * @example
 * ```ts ignore
 * import { connect } from "jsr:@db/redis";
 * import { denoRedis, getQueue } from "@worq/worq";
 *
 * await using q = getQueue("redis://localhost:6379/0", { redisFactory: denoRedis(connect) });
 * ```
 */
export function denoRedis(
  connect: (options: DenoRedisConnectOptions) => Promise<DenoRedisClient>,
): RedisFactory {
  return async (url) => {
    const options = connectOptions(url);
    const commands = await connect(options);
    const listener = await connect(options);
    return new DenoRedisAdapter(commands, listener);
  };
}

class DenoRedisAdapter implements RedisClient {
  readonly #commands: DenoRedisClient;
  readonly #listener: DenoRedisClient;
  #subscription: DenoRedisSubscription | undefined;
  #listening = Promise.resolve();
  #closed = false;

  constructor(commands: DenoRedisClient, listener: DenoRedisClient) {
    this.#commands = commands;
    this.#listener = listener;
  }

  send(command: string, args: readonly string[]): Promise<unknown> {
    return this.#commands.sendCommand(command, [...args]);
  }

  async subscribe(
    channel: string,
    onMessage: (message: string) => void,
    onRestored: () => void,
  ): Promise<void> {
    this.#subscription = await this.#listener.subscribe(channel);
    this.#listening = this.#listen(channel, onMessage, onRestored);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#subscription?.close();
    this.#listener.close();
    this.#commands.close();
    await this.#listening;
  }

  /** Passes messages on; when the subscription ends by itself, starts it anew. */
  async #listen(
    channel: string,
    onMessage: (message: string) => void,
    onRestored: () => void,
  ): Promise<void> {
    while (!this.#closed) {
      try {
        for await (const { message } of this.#subscription!.receive()) onMessage(message);
      } catch {
        // Lost: what was missed is asked for after the next line that succeeds.
      }
      if (this.#closed) return;
      try {
        this.#subscription = await this.#listener.subscribe(channel);
        onRestored();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, PAUSE));
      }
    }
  }
}

function connectOptions(url: string): DenoRedisConnectOptions {
  if (parseRedisUrl(url).kind !== "server") {
    throw new TypeError(
      "denoRedis() knows redis:// and rediss:// alone; leave redisFactory out for a cluster and for " +
        "Sentinel",
    );
  }
  const { protocol, hostname, port, pathname, username, password } = new URL(url);
  return {
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port || 6379),
    ...(protocol === "rediss:" ? { tls: true } : {}),
    ...(pathname.length > 1 ? { db: Number(pathname.slice(1)) } : {}),
    ...(username === "" ? {} : { username: decodeURIComponent(username) }),
    ...(password === "" ? {} : { password: decodeURIComponent(password) }),
  };
}
