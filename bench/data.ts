/** What runs have measured, in a file, so that one can go on where another one ended. */
import { readFile, writeFile } from "node:fs/promises";
import type { Row } from "./outcomes.ts";

/** What one run has measured of one workload. */
export interface Measured {
  readonly workload: string;
  readonly date: string;
  readonly machine: string;
  readonly versions: readonly string[];
  readonly rounds: number;
  readonly rows: readonly Row[];
}

/** What the file holds; nothing when there is none. */
export async function loadMeasured(file: string): Promise<Measured[]> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Writes the file anew. */
export async function saveMeasured(file: string, measured: readonly Measured[]): Promise<void> {
  await writeFile(file, JSON.stringify(measured, rounded) + "\n");
}

/** The older ones, but for the workloads that were measured again. */
export function merge(older: readonly Measured[], newer: readonly Measured[]): Measured[] {
  const again = new Set(newer.map(({ workload }) => workload));
  return [...older.filter(({ workload }) => !again.has(workload)), ...newer];
}

/** More digits say nothing. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(5)) : value;
}
