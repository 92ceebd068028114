/**
 * {@linkcode LocalHosts}: pools in this process whose connection goes dead, or stands still. To the
 * queue they are as lost as processes are, and they start at once.
 */
import { type Broker, type ConnectOptions, InlineWorkerPool, type RedisFactory } from "@worq/worq";
import { openRedisClient } from "../../src/queues/redis_client.ts";
import type { Hosts, HostsOptions, Kill } from "./hosts.ts";
import type { Random } from "./random.ts";
import { init } from "./tasks.ts";

const quiet = () => {};

/** Stands between a pool and its queue. */
class Gate {
  isDead = false;
  /** Resolves when it is open. */
  open: Promise<void> = Promise.resolve();
  readonly factory: RedisFactory;

  constructor(factory: RedisFactory) {
    this.factory = async (...opening) => {
      const client = await factory(...opening);
      return {
        ...client,
        send: async (...command) => {
          await this.open;
          if (this.isDead) throw new Error("the host is dead");
          return await client.send(...command);
        },
      };
    };
  }
}

interface LocalHost {
  readonly name: string;
  readonly gate: Gate;
  readonly broker: Broker;
  readonly pool: InlineWorkerPool;
}

/** Pools of this process, for as many places as there are kinds. */
export class LocalHosts implements Hosts {
  readonly kills: Kill[] = [];
  readonly crashes: string[] = [];
  readonly #options: HostsOptions;
  readonly #connect: ConnectOptions;
  readonly #living: LocalHost[];
  readonly #dead: LocalHost[] = [];
  readonly #thaws = new Set<Promise<void>>();
  #count = 0;

  constructor(options: HostsOptions, connect: ConnectOptions = {}) {
    this.#options = options;
    this.#connect = connect;
    this.#living = options.kinds.map(() => this.#launch());
  }

  kill(random: Random): void {
    const number = random.between(0, this.#living.length - 1);
    const host = this.#living[number]!;
    host.gate.isDead = true;
    this.kills.push({ at: Date.now(), host: host.name });
    this.#dead.push(host);
    this.#living[number] = this.#launch();
  }

  freeze(random: Random, time: number): void {
    const { gate } = random.pick(this.#living);
    const thaw = new Promise<void>((resolve) => setTimeout(resolve, time));
    gate.open = thaw;
    this.#thaws.add(thaw);
  }

  async recover(): Promise<void> {
    await Promise.all(this.#thaws);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.recover();
    await Promise.all([...this.#living, ...this.#dead].map(async ({ pool, broker }) => {
      await pool.stop();
      await broker[Symbol.asyncDispose]();
    }));
  }

  #launch(): LocalHost {
    const { url, queue, ledger } = this.#options;
    const name = `local-${this.#count++}`;
    const gate = new Gate(this.#connect.redisFactory ?? openRedisClient);
    const connect = { ...this.#connect, redisFactory: gate.factory, retryFor: 0 };
    const broker = init(url, { queue, ledger, host: name }, connect);
    return { name, gate, broker, pool: new InlineWorkerPool(broker, { onError: quiet }).start() };
  }
}
