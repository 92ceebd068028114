/** What a pool leaves behind: nothing, however often it is started and stopped. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isDeno } from "../src/runtime.ts";
import type { Holdings } from "./support/cycles.ts";
import { KINDS } from "./support/worker_pools.ts";

/** A thousand take several minutes. */
const CYCLES = Number(process.env.WORQ_TEST_POOL_CYCLES ?? 200);
/** Bytes by which live objects may grow: the queue keeps each result for an hour. */
const HEAP = 1_000_000 + 4_000 * CYCLES;
/** Bytes by which all memory may grow: runtimes give some of it back when they like. */
const RESIDENT = 80_000_000;

for (const kind of KINDS) {
  Deno.test({
    name: `${kind}: ${CYCLES} pools leave no process, thread, file, timer or memory`,
    ignore: process.platform !== "linux", // which tells what a process holds
    async fn() {
      const script = fileURLToPath(new URL("support/cycles.ts", import.meta.url));
      const args = isDeno ? ["run", "-A", "--v8-flags=--expose-gc", script] : [script];
      const child = spawn(process.execPath, [...args, kind, `${CYCLES}`], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout.on("data", (data) => text += data);
      const [code] = await once(child, "close");
      strictEqual(code, 0);
      const [before, after]: Holdings[] = JSON.parse(text);
      const { heap, resident, threads, files, ...rest } = after!;
      // One of somebody who was killed may have been there before.
      deepStrictEqual(rest, { children: 0, temporary: before!.temporary });
      // A runtime keeps a few of its own for a while.
      ok(threads <= before!.threads + 3, text);
      ok(files <= before!.files + 3, text);
      ok(heap < before!.heap + HEAP, text);
      ok(resident < before!.resident + RESIDENT, text);
    },
  });
}
