/**
 * What watching costs: cards and meter, metrics, traces. CPU time of all processes for a task, and
 * tasks in a second, beside the same with all of that switched off: tasks that do nothing, in memory
 * and over a Redis of its own, and tasks of 1 ms in a pool of two processes. Each figure is of
 * processes of their own, the sides in turn. Prints tables in Markdown.
 *
 *     deno run -A bench/watching.ts [rounds] [seconds]      bun bench/watching.ts [rounds] [seconds]
 */
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import * as worq from "../mod.ts";
import { tracing } from "../otel.ts";
import { Announcer } from "../src/pools/announcer.ts";
import { Meter } from "../src/pools/meter.ts";
import { RedisServer } from "../tests/support/redis_server.ts";
import { cellOf, tableOf } from "./markdown.ts";
import { burn } from "./pools/tasks.ts";
import { type Payload, payload } from "./protocol.ts";
import { cpuOf } from "./redis/costs.ts";

const WIDTH = 50;
const SCRAPE = 1_000;

const OFF = "all off";
const SCRAPED = "`/metrics` each second";

/** What is switched on, in the process that calls and in the workers; gives the hooks. */
const SIDES: Readonly<Record<string, () => worq.Hook[]>> = {
  [OFF]: () => {
    Announcer.prototype.run = () => Promise.resolve();
    Meter.prototype.add = () => {};
    return [];
  },
  "cards and meter": () => [],
  [SCRAPED]: () => [],
  "`tracing()`, no provider": () => [tracing()],
  "`tracing()`, 1 % sampled": () => traced(new TraceIdRatioBasedSampler(0.01)),
  "`tracing()`, all sampled": () => traced(new AlwaysOnSampler()),
};

/** With a provider whose spans are dropped where others send them. */
function traced(root: Sampler): worq.Hook[] {
  const processor = new BatchSpanProcessor({
    export: (_spans, done) => done({ code: 0 }),
    shutdown: () => Promise.resolve(),
  });
  const sampler = new ParentBasedSampler({ root });
  trace.setGlobalTracerProvider(new BasicTracerProvider({ sampler, spanProcessors: [processor] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return [tracing()];
}

const tasks = { noop: ({ i }: Payload) => i, burn };

/** What workers call, with their side. */
export function init(url: string, side: string): worq.Broker {
  return worq.getBroker(url, "default", { hooks: SIDES[side]!() }).expose(tasks);
}

type Pool = (broker: worq.Broker, side: string) => worq.WorkerPool;
const inline: Pool = (broker) => new worq.InlineWorkerPool(broker, { concurrency: WIDTH });
const processes: Pool = (broker, side) =>
  new worq.ProcessWorkerPool(broker, {
    ...{ module: new URL(import.meta.url), initArgs: [side], workers: 2 },
  });

/** Where tasks run, and how they are called: `chunk` of them at once, by so many callers. */
interface Case {
  readonly isShared: boolean;
  readonly pool: Pool;
  readonly task: keyof typeof tasks;
  readonly chunk: number;
  readonly callers: number;
}

const CASES: Readonly<Record<string, Case>> = {
  "Nothing to do, in memory, single calls": {
    ...{ isShared: false, pool: inline, task: "noop", chunk: 1, callers: WIDTH },
  },
  "Nothing to do, over Redis, by `map()`": {
    ...{ isShared: true, pool: inline, task: "noop", chunk: 500, callers: 2 },
  },
  "1 ms of computing, over Redis, two worker processes": {
    ...{ isShared: true, pool: processes, task: "burn", chunk: 50, callers: 2 },
  },
};

interface Figures {
  /** Microseconds for a task. */
  readonly cpu: number;
  /** Tasks in a second. */
  readonly rate: number;
}

async function measure(side: string, of: Case, seconds: number): Promise<Figures> {
  await using stack = new AsyncDisposableStack();
  const server = of.isShared ? stack.use(await RedisServer.start()) : undefined;
  const broker = stack.use(init(server?.url ?? "memory://", side));
  const pool = stack.use(of.pool(broker, side).start());
  if (pool instanceof worq.ModuleWorkerPool) await pool.ready;
  if (side === SCRAPED) stack.use(await scraped(broker, pool));
  const target = broker.queue<typeof tasks>()[of.task];
  const call = async (chunk: number) => {
    if (chunk === 1) return await (await target(payload(1))).result();
    const inputs = Array.from({ length: chunk }, (_, i) => payload(i));
    await worq.all(await worq.map(target, inputs));
  };
  const run = async (ms: number) => {
    let done = 0;
    const start = performance.now();
    const caller = async () => {
      for (; performance.now() - start < ms; done += of.chunk) await call(of.chunk);
    };
    await Promise.all(Array.from({ length: of.callers }, caller));
    return { done, took: performance.now() - start };
  };
  await run(1_000 * seconds); // compilers are at work for some seconds
  const workers = [...pool.cards.values()].flatMap((card) => card.workers.map(({ pid }) => pid!));
  const pids = [process.pid, ...workers, ...(server === undefined ? [] : [server.pid])];
  const cpu = async () => (await Promise.all(pids.map(cpuOf))).reduce((a, b) => a + b, 0);
  const before = await cpu();
  const { done, took } = await run(1_000 * seconds);
  return { cpu: (await cpu() - before) * 1e6 / done, rate: done / took * 1_000 };
}

/** Asks for the figures each second. The cost is that of answer and question. */
async function scraped(
  { name, taskQueue }: worq.Broker,
  pool: worq.WorkerPool,
): Promise<AsyncDisposable> {
  const server = createServer(async (_request, response) => {
    const pools = [...pool.cards.values()];
    response.end(worq.metricsText([{ queue: name, stats: await taskQueue.stats(), pools }]));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const ask = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  let asked: Promise<unknown> | undefined;
  const timer = setInterval(() => asked = ask(), SCRAPE);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await asked;
      server.closeAllConnections();
      server.close();
    },
  };
}

function inProcess(side: string, of: string, seconds: number): Figures {
  const flags = "deno" in process.versions ? ["run", "-A"] : [];
  const args = [...flags, fileURLToPath(import.meta.url), "--side", side, of, `${seconds}`];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
}

function compare(of: string, rounds: number, seconds: number): string {
  const sides = Object.keys(SIDES);
  const figures = Array.from({ length: rounds }, (_, round) => {
    // Each in another place of the round, since a busy machine changes as it goes.
    const turns = sides.map((_, i) => sides[(i + round) % sides.length]!);
    return new Map(turns.map((side) => [side, inProcess(side, of, seconds)]));
  });
  const rows = sides.map((side) => {
    const own = figures.map((round) => round.get(side)!);
    const off = figures.map((round) => round.get(OFF)!);
    return [
      side,
      cellOf(own.map(({ cpu }) => cpu), " µs"),
      cellOf(own.map(({ cpu }, i) => cpu / off[i]!.cpu)),
      cellOf(own.map(({ rate }, i) => rate / off[i]!.rate)),
    ];
  });
  return tableOf([of, "CPU for a task ↓", "times all off ↓", "tasks/s, times all off ↑"], rows);
}

if (import.meta.main) {
  const [first, side, of, time] = process.argv.slice(2);
  if (first === "--side") {
    console.log(JSON.stringify(await measure(side!, CASES[of!]!, Number(time))));
    process.exit();
  }
  for (const name of Object.keys(CASES)) {
    console.log(`${compare(name, Number(first ?? 5), Number(side ?? 5))}\n`);
  }
}
