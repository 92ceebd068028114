/** Who is measured. */
import config from "../../deno.json" with { type: "json" };
import type { Kind } from "./one.ts";
import peers from "./peers/deno.json" with { type: "json" };

/** A pool of one library. */
export interface Contestant {
  readonly name: string;
  /** Bare parts have no library. */
  readonly library: string | undefined;
  readonly kind: Kind;
  /** Its script, seen from the folder above; gets the kind as its argument. */
  readonly script: string;
}

/** The library that the others are compared with. */
export const OURS = "worq";

/** All of them, as a report lists them. */
export const CONTESTANTS: readonly Contestant[] = [
  contestant(OURS, "threads", "worq.ts"),
  contestant(OURS, "processes", "worq.ts"),
  { name: "bare-threads", library: undefined, kind: "threads", script: "pools/bare.ts" },
  { name: "bare-processes", library: undefined, kind: "processes", script: "pools/bare.ts" },
  contestant("piscina", "threads"),
  contestant("tinypool", "threads"),
  contestant("tinypool", "processes"),
  contestant("poolifier", "threads"),
  contestant("poolifier", "processes"),
  contestant("workerpool", "threads"),
  contestant("workerpool", "processes"),
];

/** The libraries with their versions. */
export const VERSIONS: readonly string[] = [
  `${OURS} ${config.version}`,
  ...Object.values(peers.imports).map((one) => one.replace("npm:", "").replace("@", " ")),
];

/** Whether its package has to be installed. */
export function isPeer({ library }: Contestant): boolean {
  return library !== undefined && library !== OURS;
}

function contestant(library: string, kind: Kind, script = `peers/${library}.ts`): Contestant {
  return { name: `${library}-${kind}`, library, kind, script: `pools/${script}` };
}
