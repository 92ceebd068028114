/** What `bench/` computes, and what its measured processes are given. */
import { ok } from "node:assert/strict";
import { BYTES, payloadsLike } from "../bench/redis/payloads.ts";
import { encodeArguments } from "../src/codec.ts";

Deno.test("bench: arguments are as large as they are said to be", () => {
  for (const [kind, bytes] of Object.entries(BYTES)) {
    const { text } = encodeArguments("measure", payloadsLike(kind, 1), 1_000_000);
    const size = new TextEncoder().encode(text).length;
    ok(Math.abs(size / bytes - 1) < 0.02, `${kind}: ${size} bytes`);
  }
});
