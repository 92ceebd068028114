/** Who is measured: a library on a runtime. */
import type { RuntimeName } from "./runtimes.ts";

/** The library that the others are compared with. */
export const OURS = "worq";
/** The least that can do the work; no library. */
export const BARE = "bare";

/** What reports call a library on a runtime. */
export function sideOf(library: string, runtime: RuntimeName): string {
  return `${library}/${runtime}`;
}

/** The two parts of a side's name. */
export function partsOf(side: string): { library: string; runtime: string } {
  const [library = "", runtime = ""] = side.split("/");
  return { library, runtime };
}

/** Whether a failure of it is a failure of the run. */
export function isPeer(side: string): boolean {
  const { library } = partsOf(side);
  return library !== OURS && library !== BARE;
}
