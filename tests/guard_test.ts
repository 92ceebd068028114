/**
 * What a task costs, in what can be counted: commands and round trips of Redis, bytes, objects. The
 * bounds are generous; when one is crossed, something has become more expensive. No test here looks
 * at a clock: `bench/` does.
 */
import { ok } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { produce, type Work } from "../bench/redis/measure.ts";
import { SIDES } from "../bench/redis/sides.ts";
import { BARE, OURS, sideOf } from "../bench/sides.ts";
import { isDeno } from "../src/runtime.ts";
import { testOn } from "./support/backends.ts";
import { type CallMemory, V8_FLAGS } from "./support/call_memory.ts";
import { findRedisServer } from "./support/redis_server.ts";

const OWN = findRedisServer() && "own server";

/** What `bench/` measures as W1c, W2 and W6, with fewer tasks. */
const END_TO_END: Work = {
  concurrency: 50,
  warmUp: { op: "endToEnd", n: 100 },
  ask: { op: "endToEnd", n: 2_000 },
};
const ROUND_TRIP: Work = {
  concurrency: 10,
  warmUp: { op: "roundTrip", n: 5 },
  ask: { op: "roundTrip", n: 50 },
};
const WAITING: Work = {
  warmUp: { op: "bulk", n: 1_000 },
  ask: { op: "bulk", n: 10_000 },
};

/** Figures of a library on this runtime. */
async function figuresOf<Key extends string>(library: string, work: Work) {
  const name = sideOf(library, isDeno ? "deno" : "bun");
  const side = SIDES.find((one) => one.name === name)!;
  return await produce(side, work) as Record<Key, number>;
}

function atMost(bound: number, value: number, what: string): void {
  ok(value <= bound, `${what}: ${value}, and not more than ${bound}`);
}

testOn(OWN, "end to end, a task costs about as much as in a bare pipeline", async () => {
  const ours = await figuresOf<"commands" | "reads">(OURS, END_TO_END);
  const bare = await figuresOf<"commands">(BARE, END_TO_END);
  atMost(8, ours.commands, "commands for a task");
  atMost(1.2 * bare.commands, ours.commands, "commands for a task, beside bare");
  atMost(0.15, ours.reads, "reads from connections for a task");
});

testOn(OWN, "a call and its result are at most 5 round trips", async () => {
  const { commands, reads } = await figuresOf<"commands" | "reads">(OURS, ROUND_TRIP);
  atMost(5, reads, "reads from connections");
  atMost(70, commands, "commands");
});

testOn(OWN, "a waiting task takes at most 400 bytes of Redis", async () => {
  const { bytes } = await figuresOf<"bytes">(OURS, WAITING);
  atMost(400, bytes, "bytes");
});

Deno.test("a call makes and keeps few objects", () => {
  const script = fileURLToPath(new URL("support/call_memory.ts", import.meta.url));
  const args = isDeno ? ["run", "-A", `--v8-flags=${V8_FLAGS}`, script] : [script];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  ok(status === 0, stderr);
  const { made = 0, kept, promises = 0 }: CallMemory = JSON.parse(stdout);
  atMost(8_000, made, "bytes made for a call");
  atMost(1_600, kept, "bytes kept for a call that waits");
  atMost(3, promises, "promises kept for a call that waits");
});
