/** What the contestants run on. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { DENO, type Runner } from "../child.ts";

/** A runtime that is there. */
export interface Runtime {
  readonly name: RuntimeName;
  readonly version: string;
  readonly runner: Runner;
}

/** What a user calls them. */
export const RUNTIMES = ["deno", "bun"] as const;

/** One of them. */
export type RuntimeName = typeof RUNTIMES[number];

// Without a word, it would fetch what is not installed.
const BUN: Runner = { program: "bun", args: ["--no-install"] };

/** The runtime of that name. Throws an `Error` when it is not there. */
export function findRuntime(name: RuntimeName): Runtime {
  if (name === "deno") return { name, version: process.versions.deno!, runner: DENO };
  const { status, stdout } = spawnSync(BUN.program, ["--version"], { encoding: "utf8" });
  if (status !== 0) throw new Error("There is no program bun; --runtime=deno measures without it");
  return { name, version: stdout.trim(), runner: BUN };
}
