/** Memory of workers, as Linux tells it. */
import { readdir, readFile } from "node:fs/promises";
import process from "node:process";
import type { Kind } from "./one.ts";

/**
 * Bytes in memory of what has the workers: this process with its threads, or the processes that it
 * started. NaN where nothing tells.
 */
export async function memoryOf(kind: Kind): Promise<number> {
  if (process.platform !== "linux") return NaN;
  if (kind === "threads") return await residentOf(process.pid);
  const sizes = await Promise.all((await descendantsOf(process.pid)).map(shareOf));
  return sizes.reduce((a, b) => a + b, 0);
}

/** Bytes that a process has in memory. */
export async function residentOf(pid: number): Promise<number> {
  return await numberIn(`/proc/${pid}/status`, "VmRSS") * 1_024;
}

/** The same, but what several processes share is divided among them, where that can be read. */
async function shareOf(pid: number): Promise<number> {
  const share = await numberIn(`/proc/${pid}/smaps_rollup`, "Pss") * 1_024;
  return Number.isNaN(share) ? await residentOf(pid) : share;
}

/** The processes that a process has started, those that they have, and so on. */
async function descendantsOf(pid: number): Promise<number[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const parents = await Promise.all(pids.map((pid) => numberIn(`/proc/${pid}/status`, "PPid")));
  const family = [pid];
  for (const member of family) {
    family.push(...pids.filter((_, i) => parents[i] === member));
  }
  return family.slice(1);
}

/** A number in one of the kernel's lists; NaN when it is not there. */
async function numberIn(file: string, name: string): Promise<number> {
  const text = await readFile(file, "utf8").catch(() => "");
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
}
