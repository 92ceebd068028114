/** Which runtime this is, for the few places that differ. */
import process from "node:process";

/** A runtime that worq knows; also the name of its program. */
export type Runtime = "deno" | "bun" | "node";

/** Every runtime that worq knows. */
export const RUNTIMES: readonly Runtime[] = ["deno", "bun", "node"];

/** Whether this is Deno. */
export const isDeno: boolean = "deno" in process.versions;

/** Whether this is Bun. */
export const isBun: boolean = "bun" in process.versions;

/** The runtime of this process. */
export const ownRuntime: Runtime = isDeno ? "deno" : isBun ? "bun" : "node";

/** Name and version of the runtime, such as `deno 2.9.6`. */
export const runtimeText: string = `${ownRuntime} ${process.versions[ownRuntime] ?? ""}`.trim();
