/** One pair of connections to a Redis server, shared by all queues of the process. */
import { QueueUnavailable } from "../errors.ts";
import { newClient } from "../ids.ts";
import { pauseBefore, sleep, within } from "./pauses.ts";
import {
  isBroken,
  isPassing,
  isRefusal,
  type RedisClient,
  type RedisClientOptions,
  type RedisFactory,
  unavailable,
} from "./redis_client.ts";
import { checkRights, commandsOf } from "./redis_rights.ts";
import { parseRedisUrl } from "./redis_url.ts";
import { channelOf, RECORD } from "./redis_lua.ts";
import { type Script, textFor } from "./redis_scripts.ts";

/** How a connection behaves. */
export interface ConnectionOptions extends RedisClientOptions {
  /** Milliseconds that a call is sent again for when the connection is lost under way. */
  readonly retryFor: number;
  readonly factory: RedisFactory;
  /** Loads what `factory` needs. */
  readonly load?: () => Promise<unknown>;
  /** Connections of different names are not shared. */
  readonly lane?: string;
}

/** What hears the messages for one queue. */
export interface Subscriber {
  /** Records of one message; none means: wake. */
  message(records: readonly string[]): void;
  restored(): void;
}

/** A script as the server has it. */
interface Loaded {
  readonly text: string;
  readonly sha: string;
}

/** The oldest version of Redis that will do. */
export const OLDEST: readonly [major: number, minor: number] = [6, 2];
const LONGEST_PAUSE = 1_000;

const shared = new WeakMap<RedisFactory, Map<string, RedisConnection>>();

/** The connection to `url`, opened on first use, closed when as many `close()` came as this call. */
export function connectionTo(url: string, options: ConnectionOptions): RedisConnection {
  const { factory, load: _, ...rest } = options;
  const connections = shared.get(factory) ?? new Map<string, RedisConnection>();
  shared.set(factory, connections);
  const key = JSON.stringify([url, rest]);
  const connection = connections.get(key) ??
    new RedisConnection(url, options, () => connections.delete(key));
  connections.set(key, connection);
  return connection.retain();
}

/** Runs scripts on a server and hears what they publish. */
export class RedisConnection {
  /** Id of this client among all that use the server. */
  readonly client: string = newClient();
  #users = 0;
  readonly #url: string;
  readonly #options: ConnectionOptions;
  readonly #onClose: () => void;
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  /** Scripts as this server gets them. */
  readonly #loaded = new Map<Script, Loaded>();
  #loading: Promise<unknown> | undefined;
  /** Major version of the server. */
  #major = 0;
  readonly #closed = new AbortController();
  #opened: Promise<RedisClient> | undefined;
  /** How often a command was not answered, or refused for now. */
  losses = 0;

  constructor(url: string, options: ConnectionOptions, onClose: () => void) {
    this.#url = url;
    this.#options = options;
    this.#onClose = onClose;
  }

  /** Counts one more user. */
  retain(): this {
    this.#users++;
    return this;
  }

  /** Hears what is published for `queue`. */
  subscribe(queue: string, subscriber: Subscriber): void {
    const set = this.#subscribers.get(queue) ?? new Set();
    this.#subscribers.set(queue, set.add(subscriber));
  }

  /** Hears no more. */
  unsubscribe(queue: string, subscriber: Subscriber): void {
    const set = this.#subscribers.get(queue);
    set?.delete(subscriber);
    if (set?.size === 0) this.#subscribers.delete(queue);
  }

  /**
   * Runs a script. When the connection is lost before the answer came, it runs the script again,
   * with the arguments that `args` then gives. Throws `QueueUnavailable` when it cannot get through.
   */
  run(script: Script, prefix: string, args: (again: boolean) => string[]): Promise<unknown> {
    return this.#persist(
      script.name,
      (client, again) =>
        this.#evaluate(client, script, ["2", prefix, `${prefix}meta`, ...args(again)], prefix),
    );
  }

  /** Sends a command that only reads one key, with the same care. */
  read(command: string, key: string, ...args: string[]): Promise<unknown> {
    return this.#persist(command, (client) => client.send(command, [key, ...args], key));
  }

  /** Sends a command once, to where `key` is. */
  async once(command: string, args: string[], key: string): Promise<unknown> {
    const client = await this.#open();
    return await client.send(command, args, key);
  }

  /**
   * Has `visit` send commands that only read to each server that has keys, with the same care: on a
   * cluster, all are visited anew when one of them is lost.
   */
  async survey(visit: (send: RedisClient["send"]) => Promise<void>): Promise<void> {
    const client = await this.#open();
    if (client.servers === undefined) {
      await visit((command, args) =>
        this.#persist(command, (client) => client.send(command, args))
      );
    } else {
      await this.#persist("survey", async () => {
        for (const server of await client.servers!()) await visit(server.send);
      });
    }
  }

  async #persist(
    act: string,
    attempt: (client: RedisClient, again: boolean) => Promise<unknown>,
  ): Promise<unknown> {
    const client = await this.#open();
    const giveUp = Date.now() + this.#options.retryFor;
    for (let tries = 0;; tries++) {
      const pause = pauseBefore(tries, LONGEST_PAUSE);
      try {
        return await attempt(client, tries > 0);
      } catch (error) {
        if (isPassing(error)) this.losses++;
        if (!isPassing(error) || Date.now() + pause > giveUp) throw this.explain(error, act);
      }
      await sleep(pause, this.#closed.signal);
    }
  }

  /** Gives the connection back; the last user closes it. */
  async close(): Promise<void> {
    if (--this.#users > 0) return;
    this.#onClose();
    this.#closed.abort(new QueueUnavailable("Cannot use Redis: the queue was closed"));
    const client = await this.#opened?.catch(() => undefined);
    await client?.close();
  }

  async #evaluate(
    client: RedisClient,
    script: Script,
    args: string[],
    key: string,
  ): Promise<unknown> {
    // What is called later must not overtake a call whose script is being loaded.
    while (this.#loading !== undefined) await this.#loading;
    const { sha, text } = this.#loaded.get(script) ?? await this.#load(client, script);
    try {
      return await client.send("EVALSHA", [sha, ...args], key);
    } catch (error) {
      if (!isRefusal(error) || !error.message.includes("NOSCRIPT")) throw error;
      return await client.send("EVAL", [text, ...args], key);
    }
  }

  /** Throws `QueueUnavailable` when the user may not run all that these scripts run. */
  async permit(act: string, scripts: readonly Script[]): Promise<void> {
    await this.#persist(act, (client) => this.#checkRights(client, commandsOf(scripts)));
  }

  async #checkRights(client: RedisClient, commands?: readonly string[]): Promise<void> {
    const { username = "default", password } = parseRedisUrl(this.#url);
    if (password !== undefined) await checkRights(client, username, commands);
  }

  /** Loads a script: when it is called first, since few clients call them all. */
  async #load(client: RedisClient, script: Script): Promise<Loaded> {
    const text = textFor(script, this.#major, client.servers !== undefined);
    const loading = client.send("SCRIPT", ["LOAD", text]);
    this.#loading = loading.catch(() => {}).finally(() => this.#loading = undefined);
    const loaded = { text, sha: String(await loading) };
    this.#loaded.set(script, loaded);
    return loaded;
  }

  /** The error for callers. */
  explain(error: unknown, act?: string): Error {
    if (error instanceof QueueUnavailable) return error;
    if (this.#closed.signal.aborted) return this.#closed.signal.reason;
    return unavailable(this.#url, error, act);
  }

  #open(): Promise<RedisClient> {
    this.#closed.signal.throwIfAborted();
    return this.#opened ??= this.#connect().catch((error) => {
      this.#opened = undefined; // the next call tries again
      throw this.explain(error, "connect");
    });
  }

  /** Connects; one that breaks while it is being opened is opened again, as long as there is time. */
  async #connect(): Promise<RedisClient> {
    // A machine that is busy with other programs may take longer than for a server to answer.
    await this.#options.load?.();
    const giveUp = Date.now() + this.#options.connectTimeout;
    for (let tries = 0;; tries++) {
      const pause = pauseBefore(tries, LONGEST_PAUSE);
      try {
        return await this.#connectOnce(giveUp - Date.now());
      } catch (error) {
        if (!isBroken(error) || Date.now() + pause > giveUp) throw error;
      }
      await sleep(pause, this.#closed.signal);
    }
  }

  async #connectOnce(time: number): Promise<RedisClient> {
    const { factory, connectTimeout, tls, sentinel } = this.#options;
    const opening = factory(this.#url, {
      connectTimeout: time,
      ...(tls === undefined ? {} : { tls }),
      ...(sentinel === undefined ? {} : { sentinel }),
    });
    const late = `no answer within ${connectTimeout} ms (option connectTimeout)`;
    const client = await within(time, late, opening, (client) => client.close());
    try {
      await this.#prepare(client);
    } catch (error) {
      await client.close();
      throw error;
    }
    return client;
  }

  async #prepare(client: RedisClient): Promise<void> {
    const info = await client.send("INFO", ["server"]).catch((error) => {
      // A user with few rights may not ask; the first script will tell.
      if (isRefusal(error) && error.message.includes("NOPERM")) return "";
      throw error;
    });
    this.#major = checkVersion(info);
    await this.#checkRights(client);
    await client.subscribe(
      channelOf(this.client),
      (message) => this.#dispatch(message),
      () => this.#restored(),
    );
  }

  #dispatch(message: string): void {
    const [queue = "", ...records] = message.split(RECORD);
    for (const subscriber of this.#subscribers.get(queue) ?? []) subscriber.message(records);
  }

  #restored(): void {
    for (const set of this.#subscribers.values()) {
      for (const subscriber of set) subscriber.restored();
    }
  }
}

/** The major version of the server; throws for one that is too old. */
function checkVersion(info: unknown): number {
  const version = /redis_version:([\d.]+)/.exec(String(info))?.[1];
  if (version === undefined) return 0;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return major;
  throw new Error(`it is version ${version}, and worq needs ${OLDEST.join(".")} or later`);
}
