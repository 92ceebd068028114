/** {@linkcode openRedisSentinel}: the client for a primary that sentinels watch over. */
import { pauseBefore, sleep, within } from "./pauses.ts";
import {
  isReadOnly,
  isRefusal,
  openLink,
  type RedisClient,
  type RedisClientOptions,
  type RedisLink,
  type RedisServerAt,
  serversOf,
} from "./redis_client.ts";
import { RedisListener } from "./redis_listener.ts";
import { parseRedisUrl, textOf } from "./redis_url.ts";

const LONGEST_PAUSE = 1_000;
/** Milliseconds that a sentinel may take to name the primary. */
const ASK_TIME = 2_000;
const SWITCHED = "+switch-master";

/** Opens a client to the primary that the sentinels of the URL name. */
export async function openRedisSentinel(
  url: string,
  options: RedisClientOptions,
): Promise<RedisClient> {
  const target = parseRedisUrl(url);
  const client = new RedisSentinel(
    target.primary,
    serversOf(target, options).map((at) => ({
      ...at,
      username: options.sentinel?.username,
      password: options.sentinel?.password,
      database: 0,
    })),
    serversOf(target, options)[0]!,
  );
  try {
    await client.open();
  } catch (error) {
    await client.close();
    throw error;
  }
  return client;
}

class RedisSentinel implements RedisClient {
  readonly #name: string;
  /** The one that answered last comes first. */
  #sentinels: RedisServerAt[];
  /** What is the same for every server that may be the primary. */
  readonly #login: RedisServerAt;
  #at: RedisServerAt | undefined;
  #link: RedisLink | undefined;
  #why: unknown;
  #searching: Promise<void> | undefined;
  #checking: Promise<void> | undefined;
  #listener: RedisListener | undefined;
  /** Hears when the sentinels choose another primary. */
  #watch: RedisListener | undefined;
  #turn = 0;
  readonly #closed = new AbortController();

  constructor(name: string, sentinels: RedisServerAt[], login: RedisServerAt) {
    this.#name = name;
    this.#sentinels = sentinels;
    this.#login = login;
  }

  async open(): Promise<void> {
    await this.#find();
    const next = () => Promise.resolve(this.#sentinels[this.#turn++ % this.#sentinels.length]!);
    const onSwitch = (message: string) => {
      if (message.startsWith(`${this.#name} `)) this.#check();
    };
    this.#watch = new RedisListener(next, SWITCHED, onSwitch, () => this.#check());
    this.#watch.keep();
  }

  async send(command: string, args: readonly string[]): Promise<unknown> {
    const link = this.#link;
    if (link === undefined) throw this.#why ?? new Error("the primary is not known yet");
    try {
      return await link.send(command, args);
    } catch (error) {
      // A primary that was away comes back as a replica.
      if (isRefusal(error) && isReadOnly(error)) this.#leave(link, error);
      throw error;
    }
  }

  subscribe(
    channel: string,
    onMessage: (message: string) => void,
    onRestored: () => void,
  ): Promise<void> {
    const next = () => Promise.resolve(this.#at!);
    this.#listener = new RedisListener(next, channel, onMessage, onRestored);
    return this.#listener.start();
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error("the connection was closed"));
    await this.#watch?.close();
    await this.#listener?.close();
    await Promise.all([this.#searching, this.#checking]);
    await this.#link?.close();
  }

  /** Leaves the primary when the sentinels name another. */
  #check(): void {
    const link = this.#link;
    if (link === undefined) return; // one is looked for anyway
    this.#checking = this.#ask().then((at) => {
      if (textOf(at) !== textOf(this.#at!)) {
        this.#leave(link, new Error("the sentinels chose another primary"));
      }
    }, () => {});
  }

  #leave(link: RedisLink, why: unknown): void {
    if (link !== this.#link || this.#closed.signal.aborted) return;
    this.#link = undefined;
    this.#why = why;
    link.drop();
    this.#searching = this.#search();
  }

  async #search(): Promise<void> {
    for (let tries = 0; !this.#closed.signal.aborted; tries++) {
      try {
        await sleep(pauseBefore(tries, LONGEST_PAUSE), this.#closed.signal);
        await this.#find();
        this.#listener?.move();
        return;
      } catch (error) {
        this.#why = error;
      }
    }
  }

  /** Connects to the server that is the primary now. */
  async #find(): Promise<void> {
    const at = await this.#ask();
    this.#closed.signal.throwIfAborted();
    const opening = openLink(at, () => this.#leave(link, new Error("the connection was lost")));
    const link = await opening.catch((error) => {
      throw isRefused(error) ? new Error(`MASTERDOWN primary ${textOf(at)} is gone`) : error;
    });
    try {
      await this.#checkRole(at, link);
      this.#closed.signal.throwIfAborted();
    } catch (error) {
      link.drop();
      throw error;
    }
    this.#at = at;
    this.#link = link;
  }

  /** For some seconds, sentinels may name a server that is not the primary yet, or no more. */
  async #checkRole(at: RedisServerAt, link: RedisLink): Promise<void> {
    const late = `${textOf(at)} does not answer`;
    const role = link.send("ROLE", []).catch((error) => {
      // A user who may not ask learns it from the first script.
      if (isRefusal(error) && error.message.includes("NOPERM")) return ["master"];
      throw error;
    });
    const [is] = await within(this.#login.connectTimeout, late, role) as [string];
    if (is !== "master") throw new Error(`READONLY ${textOf(at)} is not the primary yet`);
    if (!link.open) throw new Error(`MASTERDOWN primary ${textOf(at)} is gone`);
  }

  /** Asks one sentinel after the other. */
  async #ask(): Promise<RedisServerAt> {
    let failure: unknown;
    for (const sentinel of [...this.#sentinels]) {
      this.#closed.signal.throwIfAborted();
      try {
        const late = `sentinel ${textOf(sentinel)} does not answer`;
        const answer = await within(ASK_TIME, late, this.#askOne(sentinel));
        if (answer === null) throw new Error(`no sentinel knows a primary "${this.#name}"`);
        this.#sentinels = [sentinel, ...this.#sentinels.filter((other) => other !== sentinel)];
        return { ...this.#login, host: answer[0], port: Number(answer[1]) };
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  async #askOne(sentinel: RedisServerAt): Promise<[host: string, port: string] | null> {
    const link = await openLink({ ...sentinel, connectTimeout: ASK_TIME }, () => {});
    try {
      const answer = await link.send("SENTINEL", ["GET-MASTER-ADDR-BY-NAME", this.#name]);
      return answer as [string, string] | null;
    } finally {
      link.drop();
    }
  }
}

/** Whether there is a machine, and no server. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, "code") === "ECONNREFUSED";
}
