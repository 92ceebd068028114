/**
 * What tracing costs: CPU time of one process for tasks in memory that do nothing, from call to
 * result, beside the same without hooks. Each figure is of a process of its own, the sides in turn.
 *
 *     deno run -A bench/otel.ts [rounds]      bun bench/otel.ts [rounds]
 */
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
} from "@opentelemetry/sdk-trace-base";
import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getBroker, type Hook, InlineWorkerPool } from "../mod.ts";
import { tracing } from "../otel.ts";
import { check, inFlight } from "./loops.ts";
import { median } from "./statistics.ts";

const WARM_UP = 5_000;
const TASKS = 10_000;
const WIDTH = 50;

/** A hook that does nothing: what hooks cost by themselves. */
const empty: Hook = { enqueue: (_call, next) => next(), run: (_task, next) => next() };

function register(isSampled: boolean): Hook {
  const processor = new BatchSpanProcessor(new InMemorySpanExporter());
  const options = isSampled ? {} : { sampler: new AlwaysOffSampler() };
  const provider = new BasicTracerProvider({ spanProcessors: [processor], ...options });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return tracing();
}

const SIDES: Readonly<Record<string, () => Hook[]>> = {
  "no hook": () => [],
  "a hook that does nothing": () => [empty],
  "tracing, no provider": () => [tracing()],
  "tracing, nothing sampled": () => [register(false)],
  "tracing, all sampled": () => [register(true)],
};

/** Microseconds of CPU time for a task. */
async function measure(hooks: Hook[]): Promise<number> {
  const tasks = { noop: (n: number) => n };
  await using broker = getBroker("memory://", "default", { hooks }).expose(tasks);
  await using _pool = new InlineWorkerPool(broker, { concurrency: WIDTH }).start();
  const q = broker.queue<typeof tasks>();
  const run = (count: number) =>
    inFlight(Array.from({ length: count }, (_, i) => i), WIDTH, async (i) => {
      check(await (await q.noop(i)).result(), i);
    });
  await run(WARM_UP);
  const before = process.cpuUsage();
  await run(TASKS);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / TASKS;
}

function inProcess(side: string): number {
  const flags = "deno" in process.versions ? ["run", "-A"] : [];
  const args = [...flags, fileURLToPath(import.meta.url), "--side", side];
  return Number(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

function compare(rounds: number): void {
  const figures = new Map(Object.keys(SIDES).map((side) => [side, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    // Each in another place of the round, since a busy machine changes as it goes.
    const sides = [...figures.keys()];
    for (const [i] of sides.entries()) {
      const side = sides[(i + round) % sides.length]!;
      figures.get(side)!.push(inProcess(side));
    }
  }
  const none = median(figures.get("no hook")!);
  for (const [side, list] of figures) {
    const middle = median(list);
    const range = `${Math.min(...list).toFixed(1)}–${Math.max(...list).toFixed(1)}`;
    const ratio = (middle / none).toFixed(2);
    console.log(`${side.padEnd(26)} ${middle.toFixed(1)} µs [${range}], ${ratio} times`);
  }
}

const [first, side] = process.argv.slice(2);
if (first === "--side") {
  console.log(await measure(SIDES[side!]!()));
  process.exit();
} else compare(Number(first ?? 5));
