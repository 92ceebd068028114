/**
 * Producer and pool in one program. Then the queue can be memory, and no server is needed; the work
 * is still done by other processes.
 */
import process from "node:process";
import { getBroker } from "@worq/worq";
import { produce } from "./main.ts";
import { createPool } from "./pool.ts";

export async function main(url: string): Promise<void> {
  await using broker = getBroker(url);
  await using _pool = createPool(broker).start();
  await produce(url);
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// 0 + 1 + ... + 9 = 45
