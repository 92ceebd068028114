/** One pair of connections to a Redis server, shared by all queues of the process. */
import { QueueUnavailable } from "../errors.ts";
import {
  isBroken,
  isPassing,
  isRefusal,
  type RedisClient,
  type RedisFactory,
  unavailable,
} from "./redis_client.ts";
import { channelOf, RECORD } from "./redis_lua.ts";
import { ALLOW_OOM, type Script, SCRIPTS } from "./redis_scripts.ts";

/** How a connection behaves. */
export interface ConnectionOptions {
  readonly connectTimeout: number;
  /** Milliseconds that a call is sent again for when the connection is lost under way. */
  readonly retryFor: number;
  readonly factory: RedisFactory;
}

/** What hears the messages for one queue. */
export interface Subscriber {
  /** Records of one message; none means: wake. */
  message(records: readonly string[]): void;
  restored(): void;
}

const OLDEST = [6, 2];
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1_000;

const shared = new WeakMap<RedisFactory, Map<string, RedisConnection>>();

/** The connection to `url`, opened on first use, closed when as many `close()` came as this call. */
export function connectionTo(url: string, options: ConnectionOptions): RedisConnection {
  const { factory, connectTimeout, retryFor } = options;
  const connections = shared.get(factory) ?? new Map<string, RedisConnection>();
  shared.set(factory, connections);
  const key = JSON.stringify([url, connectTimeout, retryFor]);
  const connection = connections.get(key) ??
    new RedisConnection(url, options, () => connections.delete(key));
  connections.set(key, connection);
  return connection.retain();
}

/** Runs scripts on a server and hears what they publish. */
export class RedisConnection {
  /** Id of this client among all that use the server. */
  readonly client: string = crypto.randomUUID();
  #users = 0;
  readonly #url: string;
  readonly #options: ConnectionOptions;
  readonly #onClose: () => void;
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  /** Scripts as this server gets them. */
  readonly #loaded = new Map<Script, { readonly text: string; readonly sha: string }>();
  readonly #closed = new AbortController();
  #opened: Promise<RedisClient> | undefined;

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
    return this.#persist((client, again) =>
      this.#evaluate(client, script, ["1", prefix, ...args(again)])
    );
  }

  /** Sends a command that only reads, with the same care. */
  read(command: string, ...args: string[]): Promise<unknown> {
    return this.#persist((client) => client.send(command, args));
  }

  async #persist(
    attempt: (client: RedisClient, again: boolean) => Promise<unknown>,
  ): Promise<unknown> {
    const client = await this.#open();
    const giveUp = Date.now() + this.#options.retryFor;
    for (let pause = FIRST_PAUSE, again = false;; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      try {
        return await attempt(client, again);
      } catch (error) {
        if (!isPassing(error) || Date.now() + pause > giveUp) throw this.#explain(error);
      }
      again = true;
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

  async #evaluate(client: RedisClient, script: Script, args: string[]): Promise<unknown> {
    const { sha, text } = this.#loaded.get(script)!;
    try {
      return await client.send("EVALSHA", [sha, ...args]);
    } catch (error) {
      if (!isRefusal(error) || !error.message.includes("NOSCRIPT")) throw error;
      return await client.send("EVAL", [text, ...args]);
    }
  }

  #explain(error: unknown): Error {
    if (error instanceof QueueUnavailable) return error;
    if (this.#closed.signal.aborted) return this.#closed.signal.reason;
    return unavailable(this.#url, error);
  }

  #open(): Promise<RedisClient> {
    this.#closed.signal.throwIfAborted();
    return this.#opened ??= this.#connect().catch((error) => {
      this.#opened = undefined; // the next call tries again
      throw this.#explain(error);
    });
  }

  /** Connects; one that breaks while it is being opened is opened again, as long as there is time. */
  async #connect(): Promise<RedisClient> {
    const giveUp = Date.now() + this.#options.connectTimeout;
    for (let pause = FIRST_PAUSE;; pause *= 2) {
      try {
        return await this.#connectOnce(giveUp - Date.now());
      } catch (error) {
        if (!isBroken(error) || Date.now() + pause > giveUp) throw error;
      }
      await sleep(pause, this.#closed.signal);
    }
  }

  async #connectOnce(time: number): Promise<RedisClient> {
    const { factory, connectTimeout } = this.#options;
    const opening = factory(this.#url, { connectTimeout: time });
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
    const major = checkVersion(info);
    await Promise.all(SCRIPTS.map(async (script) => {
      const text = (script.frees && major >= 7 ? ALLOW_OOM : "") + script.text;
      const sha = String(await client.send("SCRIPT", ["LOAD", text]));
      this.#loaded.set(script, { text, sha });
    }));
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
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return major;
  throw new Error(`it is version ${version}, and worq needs ${OLDEST.join(".")} or later`);
}

async function within<T>(
  ms: number,
  message: string,
  promise: Promise<T>,
  tooLate: (late: T) => unknown,
): Promise<T> {
  const { promise: end, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(message));
    promise.then(tooLate, () => {});
  }, ms);
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
