/** What the measured processes run on. */
import { spawnSync } from "node:child_process";
import process from "node:process";

/** What runs a script. */
export interface Runner {
  readonly program: string;
  /** Arguments before the script. */
  readonly args: readonly string[];
}

/** What a user calls them. */
export const RUNTIMES = ["deno", "bun"] as const;

/** One of them. */
export type RuntimeName = typeof RUNTIMES[number];

/** This very program where it is that runtime, else the one on the `PATH`. */
const programOf = (name: RuntimeName) => name in process.versions ? process.execPath : name;

/** How each runs a script. */
export const RUNNERS: Readonly<Record<RuntimeName, Runner>> = {
  deno: { program: programOf("deno"), args: ["run", "-A"] },
  // Without a word, it would fetch what is not installed.
  bun: { program: programOf("bun"), args: ["--no-install"] },
};

/** The version of a runtime. Throws an `Error` when it is not there. */
export function versionOf(name: RuntimeName): string {
  if (name === "deno") return process.versions.deno!;
  const { status, stdout } = spawnSync(RUNNERS.bun.program, ["--version"], { encoding: "utf8" });
  if (status !== 0) throw new Error("There is no program bun on the PATH");
  return stdout.trim();
}
