/** A real Redis server of one's own, on a free port of this machine. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAMS = ["redis-server", "valkey-server"];
const HOST = "127.0.0.1";

/** Options of a server that loses nothing that it acknowledged, however it ends. */
export const KEPT = ["--appendonly", "yes", "--appendfsync", "always"];

/** The server program of this machine, if there is one. */
export function findRedisServer(programs: readonly string[] = PROGRAMS): string | undefined {
  return programs.find((program) => spawnSync(program, ["--version"]).status === 0);
}

/** A server that can be killed and started again; ends with its scope. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  /** Where it keeps its files, until it is disposed. */
  readonly folder: string;
  readonly #program: string;
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(program: string, port: number, folder: string, options: readonly string[]) {
    this.#program = program;
    this.port = port;
    this.folder = folder;
    this.#options = options;
  }

  /** Starts a server, without persistence unless `options` say so. */
  static async start(
    options: readonly string[] = [],
    program = findRedisServer(),
  ): Promise<RedisServer> {
    if (program === undefined) throw new Error(`Cannot find ${PROGRAMS.join(" or ")}`);
    const folder = await mkdtemp(join(tmpdir(), "worq-redis-"));
    const port = await freePort();
    const server = new RedisServer(program, port, folder, [
      "--port",
      `${port}`,
      "--bind",
      HOST,
      "--dir",
      folder,
      "--save",
      "",
      ...options,
    ]);
    await server.start();
    return server;
  }

  /** Starts a sentinel with these lines of configuration; the server program is one, too. */
  static async startSentinel(lines: readonly string[]): Promise<RedisServer> {
    const program = findRedisServer();
    if (program === undefined) throw new Error(`Cannot find ${PROGRAMS.join(" or ")}`);
    const folder = await mkdtemp(join(tmpdir(), "worq-sentinel-"));
    const port = await freePort();
    const config = join(folder, "sentinel.conf");
    const head = [`port ${port}`, `bind ${HOST}`, `dir ${folder}`];
    await writeFile(config, [...head, ...lines, ""].join("\n"));
    const server = new RedisServer(program, port, folder, [config, "--sentinel"]);
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
    const child = spawn(this.#program, [...this.#options], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#process = child;
    const ended = new Promise<never>((_, reject) => {
      child.once("exit", (code) => reject(new Error(`Redis ended with code ${code}`)));
    });
    ended.catch(() => {});
    const ready = new Promise<void>((resolve) => {
      child.stdout!.on("data", (data) => {
        if (/Ready to accept connections|Sentinel ID is/.test(String(data))) resolve();
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

  /** Ends it at once, without waiting. */
  kill(): void {
    this.#process?.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
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
