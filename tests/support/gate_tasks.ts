/** A task that takes as long as a test wants. */
import { existsSync } from "node:fs";
import process from "node:process";

/** Ends when there is a file at `path`; tells which user ran it. */
export async function pass(path: string): Promise<number> {
  while (!existsSync(path)) await new Promise((go) => setTimeout(go, 5));
  return process.getuid!();
}
