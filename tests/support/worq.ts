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
    ? [process.execPath, "run", "-A", CLI]
    : [process.execPath, CLI],
};

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

  /** Resolves when what it wrote matches; rejects when it ends without that. */
  async says(pattern: RegExp): Promise<void> {
    let over = false;
    this.ended.then(() => over = true);
    while (!pattern.test(this.#out + this.#err)) {
      if (over) throw new Error(`It ended without ${pattern}: ${this.#out}${this.#err}`);
      await this.#heard.promise;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.ended;
  }

  #hear(out: string, err: string): void {
    this.#out += out;
    this.#err += err;
    this.#heard.resolve();
    this.#heard = Promise.withResolvers();
  }
}

/** Milliseconds after which a command that should end by itself is killed. */
const PATIENCE = 60_000;

/** Runs a command to its end. */
export async function worq(program: Program, ...args: string[]): Promise<Ended> {
  await using running = new Running(program, args);
  const timer = setTimeout(() => running.child.kill("SIGKILL"), PATIENCE);
  running.child.stdin!.end();
  const ended = await running.ended;
  clearTimeout(timer);
  return ended;
}
