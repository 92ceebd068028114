/** A measured process, from outside. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { ANSWER, type Answer, type Ask, type Figures, READY } from "./protocol.ts";
import type { Runner } from "./runtimes.ts";

const START_LIMIT = 60_000;
const LOG_LENGTH = 2_000;

const alive = new Set<Child>();
process.on("exit", () => alive.forEach((child) => child.kill()));

/** Ends all measured processes; what waits for one of them fails. */
export function endChildren(): void {
  alive.forEach((child) => child.kill());
}

/** A process of its own; killed with its scope, and with it all processes that it started. */
export class Child implements AsyncDisposable {
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<never>;
  #heard = Promise.withResolvers<string>();
  #log = "";

  private constructor(runner: Runner, script: string, args: readonly string[]) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#process = spawn(runner.program, [...runner.args, path, ...args], {
      stdio: ["pipe", "pipe", "pipe"],
      detached: true, // leads a group, which can be killed as a whole
    });
    alive.add(this);
    this.#ended = new Promise((_, reject) => {
      this.#process.once("error", reject);
      this.#process.once("exit", () => this.kill()); // what it leaves behind holds its output open
      this.#process.once("close", (code, signal) => {
        alive.delete(this);
        reject(new Error(`${script} ended with ${signal ?? code}${this.#said()}`));
      });
    });
    this.#ended.catch(() => {});
    this.#process.stdin.on("error", () => {}); // it has ended, which is told above
    this.#listen();
  }

  /** Has `runner` run `script` of this folder; resolves when it is ready. */
  static async start(runner: Runner, script: string, args: readonly string[] = []): Promise<Child> {
    const child = new Child(runner, script, args);
    try {
      await child.#next(`start ${script}`, START_LIMIT);
      return child;
    } catch (error) {
      await child[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Id of the process. */
  get pid(): number {
    return this.#process.pid!;
  }

  /** Puts a question, one at a time. Throws when there is no answer within `limit` milliseconds. */
  async ask(ask: Ask<string>, limit: number): Promise<Figures> {
    this.#process.stdin.write(JSON.stringify(ask) + "\n");
    const line = await this.#next(`do ${ask.op} of ${ask.n}`, limit);
    const answer: Answer = JSON.parse(line.slice(ANSWER.length));
    if ("error" in answer) throw new Error(answer.error);
    return answer.figures;
  }

  /** Ends it at once, with its group. */
  kill(): void {
    const { pid } = this.#process;
    if (pid === undefined || !alive.has(this)) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      this.#process.kill("SIGKILL"); // there is no such group, or there are no groups
    }
  }

  /** Ends it, and resolves when it is gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#ended.catch(() => {});
  }

  #listen(): void {
    createInterface({ input: this.#process.stdout }).on("line", (line) => {
      if (line === READY || line.startsWith(ANSWER)) this.#heard.resolve(line);
      else this.#keep(line + "\n");
    });
    this.#process.stderr.on("data", (data) => this.#keep(String(data)));
  }

  #keep(text: string): void {
    this.#log = (this.#log + text).slice(-LOG_LENGTH);
  }

  #said(): string {
    return this.#log === "" ? "" : `:\n${this.#log.trim()}`;
  }

  async #next(act: string, limit: number): Promise<string> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`Cannot ${act}: no answer within ${limit} ms${this.#said()}`));
    }, limit);
    try {
      return await Promise.race([this.#heard.promise, this.#ended, late.promise]);
    } finally {
      clearTimeout(timer);
      this.#heard = Promise.withResolvers();
    }
  }
}
