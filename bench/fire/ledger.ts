/**
 * The ledger: a file to which whoever runs a task appends a line when it begins and one when it ends.
 * It survives any kill, and knows nothing of what the queue believes.
 */
import { appendFileSync, readFileSync } from "node:fs";

/** An attempt, as the task itself saw it. */
export interface Run {
  readonly id: string;
  readonly fence: number;
  /** Process that it was in. */
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly began: number;
  /** Likewise; undefined when it was killed. */
  readonly ended: number | undefined;
}

/** Writes a line; short ones are written as a whole, whoever else writes. */
export function enter(
  path: string,
  what: "began" | "ended",
  { id, fence, host }: Pick<Run, "id" | "fence" | "host">,
): void {
  appendFileSync(path, `${what} ${Date.now()} ${id} ${fence} ${host}\n`);
}

/** All attempts, in the order in which they began. */
export function readLedger(path: string): Run[] {
  const runs = new Map<string, Run>();
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const [what, time, id = "", fence, host = ""] = line.split(" ");
    // After a failover a fence may be given twice.
    const key = `${id} ${fence} ${host}`;
    const run = { id, fence: Number(fence), host, began: Number(time), ended: undefined };
    if (what === "began") runs.set(key, run);
    else if (what === "ended") runs.set(key, { ...runs.get(key) ?? run, ended: Number(time) });
  }
  return [...runs.values()];
}
