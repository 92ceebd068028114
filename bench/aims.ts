/** What worq is to reach, and whether it does. */
import { cellOf, format, tableOf } from "./markdown.ts";
import { type Figure, ratiosOf, type Row, valuesOf } from "./outcomes.ts";
import { type RuntimeName, RUNTIMES } from "./runtimes.ts";
import { BARE, OURS, partsOf, sideOf } from "./sides.ts";
import { median } from "./statistics.ts";

/** A figure, or its ratio to another one in the same round, that is to be within a bound. */
interface Aim {
  readonly what: string;
  /** Of a library on Deno; the same is asked of Bun. */
  readonly of: Figure;
  readonly to?: Figure;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** Which of the rounds is judged; the median unless the machine can only add to a figure. */
  readonly judged?: (values: readonly number[]) => number;
}

const [BULLMQ, BEE] = ["bullmq", "bee-queue"];

const AIMS: readonly Aim[] = [
  aim("W1a: enqueue one by one, times BullMQ", "w1a", "rate", BULLMQ, { atLeast: 1.25 }),
  aim("W1b2: 1,000 single calls in flight, times BullMQ", "w1b2", "rate", BULLMQ, { atLeast: 5 }),
  aim("W1b: enqueue in bulk, times BullMQ", "w1b", "rate", BULLMQ, { atLeast: 8 }),
  aim("W1b: enqueue in bulk, times bare", "w1b", "rate", BARE, { atLeast: 0.8 }),
  ...([["1", 1.7], ["10", 4.5], ["50", 6]] as const).flatMap(([at, atLeast]) => [
    aim(`W1c: end to end, concurrency ${at}, times BullMQ`, "w1c", "rate", BULLMQ, { atLeast }, at),
    aim(`W1c: concurrency ${at}, times bare`, "w1c", "rate", BARE, { atLeast: 0.8 }, at),
  ]),
  aim("W1c: CPU of all processes, times BullMQ", "w1c", "cpu", BULLMQ, { atMost: 0.13 }, "50"),
  aim("W1c: CPU of Redis, times BullMQ", "w1c", "cpuRedis", BULLMQ, { atMost: 0.2 }, "50"),
  aim("W1c: commands per task", "w1c", "commands", undefined, { atMost: 11 }, "50"),
  aim("W1d: drain of a full queue, times BullMQ", "w1d", "rate", BULLMQ, { atLeast: 5 }),
  ...(["p50", "p99"] as const).flatMap((key) => [
    aim(`W2: round trip ${key}, times BullMQ`, "w2", key, BULLMQ, { atMost: 0.4 }),
    aim(`W2: round trip ${key}, times bee-queue`, "w2", key, BEE, { atMost: 1 }),
  ]),
  ...["10", "1,000", "10,000"].map((n) =>
    aim(`W3: fan-in of ${n}, times BullMQ`, "w3", "ms", BULLMQ, { atMost: 0.15 }, n)
  ),
  {
    ...aim(
      "W3: longest call of Redis, 10,000 results into one task, ms, least of the rounds",
      "stalls",
      "longest",
      undefined,
      { atMost: 5 },
      "10,000 results into one task",
    ),
    judged: (values) => Math.min(...values),
  },
  ...([
    ["threads", 70_000, 3, "piscina"],
    ["processes", 100_000, 5, "poolifier"],
  ] as const).flatMap(([kind, rate, times, peer]) => [
    aim(`W4: no-ops a second, ${kind}`, "w4", "rate", undefined, { atLeast: rate }, kind),
    aim(`W4: no-ops, ${kind}, times ${peer}`, "w4", "rate", peer, { atLeast: times }, kind),
    aim(`W4: 1 ms tasks, ${kind}, share of two cores`, "w4", "share", undefined, {
      atLeast: 0.97,
    }, kind),
  ]),
  aim("W5: in memory, times p-queue", "w5", "rate", "p-queue", { atLeast: 1.5 }),
  aim("W6: bytes per waiting task", "w6", "bytes", undefined, { atMost: 350 }, "100,000"),
  flat("100,000", 0.9),
  flat("1,000,000", 0.75),
  aim("Start of the binary to the first result, ms", "start", "first", undefined, { atMost: 150 }),
];

/** All aims, with what was measured, as Markdown. */
export function judgementOf(rows: readonly Row[]): string {
  const lines = AIMS.map((one) => {
    const bound = one.atMost === undefined ? `≥ ${one.atLeast}` : `≤ ${one.atMost}`;
    const cells = RUNTIMES.flatMap((runtime) => {
      const values = measured(one, runtime, rows);
      return [cellOf(values), verdict(one, values)];
    });
    return [one.what, bound, ...cells];
  });
  return tableOf(["", "aim", "on Deno", "reached", "on Bun", "reached"], lines);
}

/** On one runtime, beside peers on the same one. */
function measured({ of, to }: Aim, runtime: RuntimeName, rows: readonly Row[]): number[] {
  const on = (figure: Figure) => ({
    ...figure,
    side: sideOf(partsOf(figure.side).library, runtime),
  });
  return to === undefined ? valuesOf(rows, on(of)) : ratiosOf(rows, on(of), on(to));
}

function verdict(
  { atLeast = -Infinity, atMost = Infinity, judged = median }: Aim,
  values: readonly number[],
): string {
  if (values.length === 0) return "–";
  const value = judged(values);
  if (value >= atLeast && value <= atMost) return "yes";
  return `no, by ${format(Math.abs(value / (value < atLeast ? atLeast : atMost) - 1) * 100)} %`;
}

/** worq beside `other`, or alone. */
function aim(
  what: string,
  workload: string,
  key: string,
  other: string | undefined,
  bound: Pick<Aim, "atLeast" | "atMost">,
  label = "",
): Aim {
  const figure = (library: string): Figure => ({
    workload,
    case: label,
    side: sideOf(library, "deno"),
    key,
  });
  return {
    what,
    of: figure(OURS),
    ...(other === undefined ? {} : { to: figure(other) }),
    ...bound,
  };
}

/** How fast a queue is drained while many tasks wait, beside a short one. */
function flat(waiting: string, atLeast: number): Aim {
  const figure = (label: string): Figure => ({
    workload: "w6",
    case: label,
    side: sideOf(OURS, "deno"),
    key: "drained",
  });
  const what = `W6: drain with ${waiting} waiting, times that with 1,000`;
  return { what, of: figure(waiting), to: figure("1,000"), atLeast };
}
