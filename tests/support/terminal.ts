/** A real terminal, that of tmux, with a command in it. */
import { ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";

/** A terminal with a shell command in it; ends with its scope. */
export class Terminal implements Disposable {
  readonly #socket = `worq-${crypto.randomUUID()}`;

  constructor(columns: number, ...command: readonly string[]) {
    const line = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    // What comes last keeps the screen.
    const script = `${line}; echo "ended with $?"; exec cat`;
    const size = ["-x", `${columns}`, "-y", "20"];
    this.#tmux("-f", "/dev/null", "new-session", "-d", ...size, script);
  }

  /** What is on the screen. */
  get screen(): string {
    return this.#tmux("capture-pane", "-p");
  }

  resize(columns: number): void {
    this.#tmux("resize-window", "-x", `${columns}`);
  }

  press(key: string): void {
    this.#tmux("send-keys", key);
  }

  [Symbol.dispose](): void {
    this.#tmux("kill-server");
  }

  #tmux(...args: string[]): string {
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    const { stdout, stderr, status } = spawnSync("tmux", ["-u", "-L", this.#socket, ...args], {
      encoding: "utf8",
      env,
    });
    ok(status === 0, stderr);
    return stdout;
  }
}

/** A test that needs one; without tmux it is reported as ignored. */
export function testInTerminal(name: string, fn: () => Promise<void>): void {
  const ignore = spawnSync("tmux", ["-V"]).status !== 0;
  Deno.test({ name: `${name} [tmux]`, ignore, fn });
}
