/** What `bench/` computes, and what its measured processes are given. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { costOf, heldIn, LOADS, SPREAD } from "../bench/capacity/measured.ts";
import { ASSUMED, carriedBy, DAY, placesFor, planFor } from "../bench/capacity/plan.ts";
import { capacityOf } from "../bench/capacity/section.ts";
import { linesOf } from "../bench/long/chart.ts";
import { growthOf } from "../bench/long/growth.ts";
import { onTheWay } from "../bench/long/section.ts";
import { longWorkload } from "../bench/long/workload.ts";
import type { Row } from "../bench/outcomes.ts";
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
  strictEqual(verdictOf((i) => 100 + 10 * Math.abs(i - 11)), "no");
  // What rose before, and less than a twentieth since, is noise.
  strictEqual(verdictOf((i) => i < 10 ? 100 + 10 * i : 200 + 0.5 * i), "no");
});

Deno.test("bench: growth is told by the parts that each half rose by", () => {
  const { first, last } = growthOf([0, 1, 2, 3, 4, 5], [80, 100, 120, 100, 100, 100]);
  strictEqual(first.toFixed(3), "0.400");
  strictEqual(last.toFixed(3), "0.000");
});

Deno.test("bench: what was read on the way is in the page and in its chart", () => {
  const samples = Array.from({ length: 20 }, (_, i) => ({ done: i + 1, keys: 100 * (i + 1) }));
  const row = { workload: "long", case: "", side: "worq/bun", round: 1 };
  const page = onTheWay(longWorkload({ tasks: 1, long: 1 }), [{ ...row, samples }]);
  match(page, /\| keys \| \+[\d.]+% \| \+[\d.]+% \| grows \|/);
  match(page, /\| 20 .* 2,000 /);
  const chart = linesOf([{ ...row, samples }]);
  strictEqual(chart.match(/<path class="bun" d="M\d/g)?.length, 2, "a line, and its name");
  for (const rows of [[], [row]]) {
    strictEqual(onTheWay(longWorkload({ tasks: 1, long: 1 }), rows), "");
    strictEqual(linesOf(rows), "");
  }
});

const COST = { redis: 50e-6, producer: 100e-6, pool: 200e-6, network: 500 };
const HELD = { waiting: 300, kept: 200 };

Deno.test("bench: a plan has what the peak needs", () => {
  // 1,000 a second on the average.
  const plan = planFor(1_000 * DAY, 3_600, COST, HELD);
  const peak = 1_000 * ASSUMED.peak;
  strictEqual(plan.mean, 1_000);
  strictEqual(plan.peak, peak);
  strictEqual(plan.network, peak * 500);
  strictEqual(plan.memory, peak * (ASSUMED.backlog * 300 + 3_600 * 200));
  strictEqual(plan.needs.redis, peak * COST.redis / ASSUMED.use);
  strictEqual(plan.servers, 1);
});

Deno.test("bench: a plan names the bottlenecks, the narrowest first", () => {
  const scarce = (perDay: number, keep: number) => planFor(perDay, keep, COST, HELD).scarce;
  deepStrictEqual(scarce(1e6, 3_600), []);
  deepStrictEqual(scarce(1e8, 300), ["pools"]);
  deepStrictEqual(scarce(1e9, 300), ["pools", "producers", "redis", "memory"]);
  deepStrictEqual(scarce(1e9, DAY), ["memory", "pools", "producers", "redis"]);
});

Deno.test("bench: servers of Redis are as many as its core, memory or network need", () => {
  const servers = (keep: number, cost = COST) => planFor(1e9, keep, cost, HELD).servers;
  const peak = 1e9 / DAY * ASSUMED.peak;
  strictEqual(servers(0), Math.ceil(peak * COST.redis / ASSUMED.use));
  strictEqual(servers(DAY), Math.ceil(planFor(1e9, DAY, COST, HELD).needs.memory));
  const network = 100_000;
  strictEqual(
    servers(0, { ...COST, network }),
    Math.ceil(peak * network / ASSUMED.link / ASSUMED.use),
  );
});

Deno.test("bench: what a core carries, and places, leave room", () => {
  strictEqual(carriedBy(1 / 1_024), ASSUMED.use * 1_024);
  strictEqual(placesFor(70, 2), 140 / ASSUMED.use);
});

/** Rows as a run on Deno gives them: the median of the rounds counts. */
function rowsOf(workload: string, label: string, figures: Record<string, number>): Row[] {
  const row = { workload, case: label, side: "worq/deno" };
  return [1, 2, 3].map((round) => ({
    ...row,
    round,
    figures: Object.fromEntries(
      Object.entries(figures).map(([key, value]) => [key, value * [1, 0.5, 2][round - 1]!]),
    ),
  }));
}

const MEASURED = { cpuRedis: 0.05, cpuProducer: 0.1, cpuWorker: 0.2, net: 500, bytes: 200 };

Deno.test("bench: what a task costs is the median of what was measured", () => {
  const rows = [
    ...rowsOf("hosts", "8, 20 ms", MEASURED),
    ...rowsOf("w1c", "50", MEASURED),
    ...rowsOf("w6", "100,000", { bytes: 300 }),
  ];
  deepStrictEqual(costOf(rows, SPREAD, "deno"), {
    redis: 0.05 / 1_000,
    producer: 0.1 / 1_000,
    pool: 0.2 / 1_000,
    network: 500,
  });
  strictEqual(costOf(rows, SPREAD, "bun"), undefined);
  deepStrictEqual(heldIn(rows, "deno"), HELD);
});

Deno.test("bench: the report tells what is needed only when it was measured", () => {
  strictEqual(capacityOf([]), "");
  strictEqual(capacityOf(rowsOf("w6", "100,000", { bytes: 300 })), "");
  const little = capacityOf(rowsOf("w1c", "50", MEASURED));
  match(little, /Costs of worq\/deno, one busy pool of 50 places/);
  match(little, /– bytes for each task that waits. 200 bytes for each result/);
  const rows = LOADS.flatMap((load) => rowsOf(load.workload, load.case, MEASURED));
  match(capacityOf(rows), /Costs of worq\/deno, 8 pools of 10 places/);
  ok(!/NaN|undefined|Infinity/.test(capacityOf(rows) + little));
});
