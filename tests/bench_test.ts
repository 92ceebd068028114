/** What `bench/` computes, and what its measured processes are given. */
import { ok, strictEqual } from "node:assert/strict";
import { growthOf } from "../bench/long/growth.ts";
import { BYTES, payloadsLike } from "../bench/redis/payloads.ts";
import { encodeArguments } from "../src/codec.ts";

Deno.test("bench: arguments are as large as they are said to be", () => {
  for (const [kind, bytes] of Object.entries(BYTES)) {
    const { text } = encodeArguments("measure", payloadsLike(kind, 1), 1_000_000);
    const size = new TextEncoder().encode(text).length;
    ok(Math.abs(size / bytes - 1) < 0.02, `${kind}: ${size} bytes`);
  }
});

Deno.test("bench: what rises to the end grows, what levels off does not", () => {
  const places = Array.from({ length: 20 }, (_, i) => (i + 1) * 500_000);
  // Up and down by two percent, as memory is.
  const noise = (i: number) => 1 + 0.02 * (-1) ** i;
  const verdictOf = (curve: (i: number) => number) =>
    growthOf(places, places.map((_, i) => curve(i) * noise(i))).verdict;
  strictEqual(verdictOf(() => 100), "no");
  strictEqual(verdictOf((i) => 200 - 5 * i), "no");
  strictEqual(verdictOf((i) => 100 + 5 * i), "grows");
  strictEqual(verdictOf((i) => i < 10 ? 100 : 100 + 10 * i), "grows");
  strictEqual(verdictOf((i) => 100 - 80 * 0.5 ** i), "no");
  strictEqual(verdictOf((i) => 100 * Math.log(i + 2)), "slows");
  // What rose before, and less than a twentieth since, is noise.
  strictEqual(verdictOf((i) => i < 10 ? 100 + 10 * i : 200 + 0.5 * i), "no");
});

Deno.test("bench: growth is told by the parts that each half rose by", () => {
  const { first, last } = growthOf([0, 1, 2, 3, 4, 5], [80, 100, 120, 100, 100, 100]);
  strictEqual(first.toFixed(3), "0.400");
  strictEqual(last.toFixed(3), "0.000");
});
