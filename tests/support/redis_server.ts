/** A real Redis server of one's own, on a free port of this machine. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = ["redis-server", "valkey-server"];
const HOST = "127.0.0.1";

/** The server program of this machine, if there is one. */
export function findRedisServer(): string | undefined {
  return PROGRAMS.find((program) => spawnSync(program, ["--version"]).status === 0);
}

/** A server that can be killed and started again; ends with its scope. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #program: string;
  readonly #folder: string;
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(program: string, port: number, folder: string, options: readonly string[]) {
    this.#program = program;
    this.port = port;
    this.#folder = folder;
    this.#options = options;
  }

  /** Starts a server, without persistence unless `options` say so. */
  static async start(options: readonly string[] = []): Promise<RedisServer> {
    const program = findRedisServer();
    if (program === undefined) throw new Error(`Cannot find ${PROGRAMS.join(" or ")}`);
    const folder = await mkdtemp(join(tmpdir(), "worq-redis-"));
    const server = new RedisServer(program, await freePort(), folder, options);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://${HOST}:${this.port}/0`;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Starts it again; resolves when it takes connections. */
  async start(): Promise<void> {
    const args = ["--port", `${this.port}`, "--bind", HOST, "--dir", this.#folder, "--save", ""];
    const child = spawn(this.#program, [...args, ...this.#options], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#process = child;
    const ended = new Promise<never>((_, reject) => {
      child.once("exit", (code) => reject(new Error(`Redis ended with code ${code}`)));
    });
    ended.catch(() => {});
    const ready = new Promise<void>((resolve) => {
      child.stdout!.on("data", (data) => {
        if (String(data).includes("Ready to accept connections")) resolve();
      });
    });
    await Promise.race([ready, ended]);
  }

  /** Ends it, and resolves when it is gone. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill(signal);
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("Cannot find a free port");
  return address.port;
}
