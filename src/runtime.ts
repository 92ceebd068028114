/** Which runtime this is, for the few places that differ. */
import process from "node:process";

/** Whether this is Deno. */
export const isDeno: boolean = "deno" in process.versions;

/** Whether this is Bun. */
export const isBun: boolean = "bun" in process.versions;
