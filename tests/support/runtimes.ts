/** The runtimes of this machine, as program files. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** The version of Bun that the tests run on. */
export const BUN_VERSION = "1.4.5";
/** The same of Deno. */
export const DENO_VERSION = "2.9.6";

/** The first of these commands that works, as the path that it prints. */
function pathFrom(...commands: string[][]): string | undefined {
  for (const [program, ...args] of commands) {
    const { status, stdout } = spawnSync(program!, args, { encoding: "utf8" });
    if (status === 0) return stdout.trim();
  }
  return undefined;
}

/** Bun's program file: this one, on the PATH, or from its npm package. */
export function findBun(): string | undefined {
  if ("bun" in process.versions) return process.execPath;
  const tell = ["-e", "console.log(process.execPath)"];
  return pathFrom(["bun", ...tell], ["npx", "-y", `bun@${BUN_VERSION}`, ...tell]);
}

/** Deno's program file: this one, on the PATH, or from its npm package. */
export function findDeno(): string | undefined {
  if ("deno" in process.versions) return process.execPath;
  const tell = ["eval", "console.log(Deno.execPath())"];
  return pathFrom(["deno", ...tell], ["npx", "-y", `deno@${DENO_VERSION}`, ...tell]);
}

/** Removes a folder when the tests of this file are over. */
export function removeAtEnd(folder: string): void {
  globalThis.addEventListener("unload", () => rmSync(folder, { recursive: true, force: true }));
}

/** A PATH with this machine's runtimes under their own names, and nothing else. */
export function runtimesPath(): string {
  const folder = mkdtempSync(join(tmpdir(), "worq-runtimes-"));
  removeAtEnd(folder);
  for (const [name, path] of [["bun", findBun()], ["deno", findDeno()]] as const) {
    if (path !== undefined) symlinkSync(path, join(folder, name));
  }
  return folder;
}
