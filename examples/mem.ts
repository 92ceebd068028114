/** Worker and producer in one process. Then the queue can be memory, and no server is needed. */
import process from "node:process";
import { produce } from "./main.ts";
import { start } from "./pool.ts";

export async function main(url: string): Promise<void> {
  await using _worker = start(url);
  await produce(url);
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// 0 + 1 + ... + 9 = 45
