/** Which runtime this is, for the few places that differ. */
import process from "node:process";

/** Names of the runtimes, which are also those of their programs. */
export const RUNTIMES = ["deno", "bun", "node"] as const;

/** A runtime that worq knows. */
export type Runtime = typeof RUNTIMES[number];

/** Whether this is Deno. */
export const isDeno: boolean = "deno" in process.versions;

/** Whether this is Bun. */
export const isBun: boolean = "bun" in process.versions;

/** The runtime of this process. */
export const ownRuntime: Runtime = isDeno ? "deno" : isBun ? "bun" : "node";
