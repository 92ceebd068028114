/** The `worq` command as a process of its own: from source, or a binary. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../../cli.ts", import.meta.url));

/** How to start a `worq`. */
export interface Program {
  readonly command: readonly string[];
  /** In place of this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** What a command wrote, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Run from source, by the runtime of this process. */
export const FROM_SOURCE: Program = {
  command: "deno" in process.versions
    // Quiet, or it tells when it waits for another Deno that looks into the same folder.
    ? [process.execPath, "run", "-A", "--quiet", CLI]
    : [process.execPath, CLI],
};

/** Milliseconds after which a command is killed that does not do what a test waits for. */
const PATIENCE = 30_000;

/** A command that runs. It is killed with its scope. */
export class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #out = "";
  #err = "";
  #heard = Promise.withResolvers<void>();

  constructor({ command: [program, ...args], env, cwd }: Program, more: readonly string[]) {
    this.child = spawn(program!, [...args, ...more], {
      env: { ...(env ?? process.env), NO_COLOR: "1" },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.child.stdout!.setEncoding("utf8").on("data", (text) => this.#hear(text, ""));
    this.child.stderr!.setEncoding("utf8").on("data", (text) => this.#hear("", text));
    this.ended = new Promise((resolve) => {
      this.child.once("close", (code) => {
        this.#heard.resolve();
        resolve({ code, out: this.#out, err: this.#err });
      });
    });
  }

  get out(): string {
    return this.#out;
  }

  get err(): string {
    return this.#err;
  }

  /** Resolves when what it wrote matches; rejects when it ends, or is silent, without that. */
  async says(pattern: RegExp): Promise<void> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), PATIENCE);
    let over = false;
    this.ended.then(() => over = true);
    try {
      while (!pattern.test(this.#out + this.#err)) {
        if (over) throw new Error(`It ended without ${pattern}: ${this.#out}${this.#err}`);
        await this.#heard.promise;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends a signal. With `child.kill()`, Deno would report any later end as this one. */
  signal(name: "SIGTERM" | "SIGINT"): void {
    process.kill(this.child.pid!, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { exitCode, signalCode } = this.child;
    if (exitCode === null && signalCode === null) this.signal("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), PATIENCE);
    await this.ended;
    clearTimeout(timer);
  }

  #hear(out: string, err: string): void {
    this.#out += out;
    this.#err += err;
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }
}

/** Runs a command to its end. */
export async function worq(program: Program, ...args: string[]): Promise<Ended> {
  await using running = new Running(program, args);
  const timer = setTimeout(() => running.child.kill("SIGKILL"), PATIENCE);
  running.child.stdin!.end();
  const ended = await running.ended;
  clearTimeout(timer);
  return ended;
}
