/**
 * {@linkcode metricsText}: figures of queues and pools in the text format of Prometheus, version
 * 0.0.4, which its documentation describes as "exposition formats".
 */
import { type PoolCard, type Tally, TALLY_BOUNDS } from "./cards.ts";
import type { QueueStats } from "./task_queue.ts";

/** Its media type. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A queue, with the cards of those of its pools that are to be told of. */
export interface QueueMetrics {
  /** Name of the queue. */
  readonly queue: string;
  /** Undefined when the server does not answer. */
  readonly stats: QueueStats | undefined;
  /** As `WorkerPool.cards` or `Broker.pools()` gives them. */
  readonly pools: readonly PoolCard[];
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number, suffix?: string];

/**
 * All figures. Labels are names of queues, tasks (a hundred for each queue and pool, the others as
 * `…`), pools and places: their number does not grow with the number of tasks.
 */
export function metricsText(queues: readonly QueueMetrics[]): string {
  const known = queues.flatMap(({ queue, stats }) => stats === undefined ? [] : [{ queue, stats }]);
  const pools = new Map(queues.flatMap(({ pools }) => pools.map((card) => [card.id, card])));
  const cards = [...pools.values()];
  const tallies = queues.flatMap(({ queue, pools }) =>
    Object.entries(sumOf(pools)).map(([task, tally]) => ({ labels: { queue, task }, tally }))
  );
  const poolGauge = (value: (card: PoolCard) => number): Sample[] =>
    cards.map((card) => [{ pool: card.id, kind: card.kind }, value(card)]);
  return [
    ...metric(
      "worq_tasks",
      "gauge",
      "Tasks of a queue that are not over, by place; dead ones are kept.",
      [
        ...known.flatMap(({ queue, stats }) =>
          placesOf(stats).map(([place, n]): Sample => [{ queue, place }, n])
        ),
      ],
    ),
    ...metric("worq_queue_up", "gauge", "Whether the server answered for the queue.", [
      ...queues.map(({ queue, stats }): Sample => [{ queue }, stats === undefined ? 0 : 1]),
    ]),
    ...metric("worq_queue_paused", "gauge", "Whether no pool is given tasks of the queue.", [
      ...known.map(({ queue, stats }): Sample => [{ queue }, stats.paused ? 1 : 0]),
    ]),
    ...metric(
      "worq_pool_places",
      "gauge",
      "Tasks that a pool can have.",
      poolGauge(({ places }) => places),
    ),
    ...metric(
      "worq_pool_running",
      "gauge",
      "Tasks that a pool has.",
      poolGauge(({ running }) => running),
    ),
    ...metric(
      "worq_pool_memory_bytes",
      "gauge",
      "Memory of a pool's process and of its workers.",
      poolGauge(memoryOf),
    ),
    ...metric("worq_pool_workers", "gauge", "Threads or processes of a pool, by state.", [
      ...cards.flatMap(({ id, kind, workers }) =>
        (["starting", "ready", "retiring", "ending"] as const).map((state): Sample => [
          { pool: id, kind, state },
          workers.filter((worker) => worker.state === state).length,
        ])
      ),
    ]),
    ...metric("worq_attempts_total", "counter", "Attempts of tasks that ended, by how.", [
      ...tallies.flatMap(({ labels, tally }) =>
        (["success", "failed", "retry", "lost"] as const).map((outcome): Sample => [
          { ...labels, outcome },
          tally[outcome],
        ])
      ),
    ]),
    ...metric("worq_attempt_duration_seconds", "histogram", "How long attempts of tasks took.", [
      ...tallies.flatMap(({ labels, tally }) => histogramOf(labels, tally)),
    ]),
  ].join("\n") + "\n";
}

function placesOf({ pending, scheduled, ready, leased, dead }: QueueStats): [string, number][] {
  return [
    // Those that wait for their time are a part of them.
    ["pending", pending - scheduled],
    ["scheduled", scheduled],
    ["ready", ready],
    ["running", leased],
    ["dead", dead],
  ];
}

function memoryOf({ memory, workers }: PoolCard): number {
  return workers.reduce((sum, worker) => sum + (worker.memory ?? 0), memory);
}

/** What pools of one queue counted together. */
function sumOf(pools: readonly PoolCard[]): Record<string, Tally> {
  const sums: Record<string, Tally> = {};
  for (const [name, tally] of pools.flatMap(({ tallies }) => Object.entries(tallies))) {
    const sum = sums[name];
    sums[name] = sum === undefined ? tally : {
      success: sum.success + tally.success,
      failed: sum.failed + tally.failed,
      retry: sum.retry + tally.retry,
      lost: sum.lost + tally.lost,
      time: sum.time + tally.time,
      times: sum.times.map((count, i) => count + (tally.times[i] ?? 0)),
    };
  }
  return sums;
}

function histogramOf(labels: Labels, { time, times }: Tally): Sample[] {
  let count = 0;
  const buckets = times.map((n, i): Sample => {
    count += n;
    const bound = TALLY_BOUNDS[i];
    return [{ ...labels, le: bound === undefined ? "+Inf" : `${bound / 1_000}` }, count, "_bucket"];
  });
  return [...buckets, [labels, time / 1_000, "_sum"], [labels, count, "_count"]];
}

function metric(
  name: string,
  type: "gauge" | "counter" | "histogram",
  help: string,
  samples: readonly Sample[],
): string[] {
  if (samples.length === 0) return [];
  const lines = samples.map(([labels, value, suffix = ""]) => {
    const texts = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text)}"`);
    return `${name}${suffix}{${texts.join(",")}} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
