/** {@linkcode Clients}: connections whose scripts have a mistake. */
import { RedisTaskQueue } from "@worq/worq/backend";
import type { RedisClient, RedisFactory } from "../../src/queues/redis_client.ts";
import { rewriting } from "../support/scripts.ts";

/** Held open, so that each queue of a test need not open its own; ends with its scope. */
export class Clients implements AsyncDisposable {
  readonly redisFactory: RedisFactory;
  readonly #opened: RedisClient[] = [];
  #held: RedisTaskQueue | undefined;
  #over = false;

  private constructor(rewrite: (text: string, name: string) => string) {
    const open = rewriting(rewrite);
    this.redisFactory = async (...opening) => {
      const client = await open(...opening);
      this.#opened.push(client);
      return {
        ...client,
        // What goes round for ever ends with this, since a refusal is not tried again.
        send: (...call) =>
          this.#over ? Promise.reject(new Error("ERR over")) : client.send(...call),
      };
    };
  }

  static async open(
    url: string,
    rewrite: (text: string, name: string) => string,
  ): Promise<Clients> {
    const clients = new Clients(rewrite);
    clients.#held = new RedisTaskQueue(url, "held", { redisFactory: clients.redisFactory });
    await clients.#held.stats();
    return clients;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#held?.[Symbol.asyncDispose]();
    // A test that hangs never closes its queue.
    await Promise.all(this.#opened.map((client) => client.close()));
  }
}
