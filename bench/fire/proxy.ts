/** {@linkcode FireProxy}: what a bad network does between clients and a Redis server. */
import type { Buffer } from "node:buffer";
import { connect, createServer, type Server, type Socket } from "node:net";
import { isPublished, Splitter } from "./resp.ts";

const HOST = "127.0.0.1";

/** Passes everything on, as long as it is not told otherwise. */
export class FireProxy implements AsyncDisposable {
  /** Milliseconds that replies take longer. */
  lag = 0;
  /** Whether what is published gets lost, and nothing else. */
  deaf = false;
  readonly #server: Server;
  readonly #links = new Set<Link>();

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const link = new Link(this, client, connect({ host: HOST, port: target }), () => {
        this.#links.delete(link);
      });
      this.#links.add(link);
    });
  }

  /** Starts one before the server on that port of this machine. */
  static async start(target: number): Promise<FireProxy> {
    const proxy = new FireProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, HOST, resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Cuts the connections that are `chosen`. */
  cut(chosen: () => boolean): void {
    for (const link of this.#links) if (chosen()) link.cut();
  }

  /** Has the next reply on the connections that are `chosen` end in its middle. */
  halve(chosen: () => boolean): void {
    for (const link of this.#links) link.halves ||= chosen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut(() => true);
    await closed;
  }
}

/** One connection of a client. */
class Link {
  halves = false;
  readonly #proxy: FireProxy;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #splitter = new Splitter();
  /** Replies that are late, in order. */
  readonly #late: { readonly due: number; readonly value: Buffer }[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(proxy: FireProxy, client: Socket, server: Socket, onEnd: () => void) {
    this.#proxy = proxy;
    this.#client = client;
    this.#server = server;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", () => {}); // it closes after that
      socket.on("close", () => {
        this.cut();
        onEnd();
      });
    }
    client.on("data", (data) => server.write(data));
    server.on("data", (data) => this.#splitter.push(data as Buffer).forEach((v) => this.#pass(v)));
  }

  cut(): void {
    clearTimeout(this.#timer);
    this.#client.destroy();
    this.#server.destroy();
  }

  #pass(value: Buffer): void {
    if (this.#proxy.deaf && isPublished(value)) return;
    if (this.#proxy.lag === 0 && this.#late.length === 0) return this.#give(value);
    this.#late.push({ due: Date.now() + this.#proxy.lag, value });
    if (this.#late.length === 1) this.#giveLater();
  }

  #give(value: Buffer): void {
    if (!this.halves || isPublished(value)) return void this.#client.write(value);
    this.#client.write(value.subarray(0, value.length >> 1), () => this.cut());
    this.halves = false;
  }

  #giveLater(): void {
    const [first] = this.#late;
    if (first === undefined) return;
    this.#timer = setTimeout(() => {
      this.#late.shift();
      if (this.#client.writable) this.#give(first.value);
      this.#giveLater();
    }, Math.max(0, first.due - Date.now()));
  }
}
