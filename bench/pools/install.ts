/** The packages that the contestants need. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { type Contestant, isPeer } from "./contestants.ts";

/** Has Deno put the packages of `contestants` where Bun finds them, too. */
export function installFor(contestants: readonly Contestant[]): void {
  if (!contestants.every(isPeer)) install("../..");
  if (contestants.some(isPeer)) install("peers");
}

function install(folder: string): void {
  const cwd = fileURLToPath(new URL(folder, import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ["install", "--frozen"], {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Cannot install the packages of ${cwd}: ${stderr}`);
}
