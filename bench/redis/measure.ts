/** Measurements over Redis, each on a server and with processes of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import { RedisServer } from "../../tests/support/redis_server.ts";
import type { Child } from "../child.ts";
import type { Ask, Figures } from "../protocol.ts";
import { costOf, Costs } from "./costs.ts";
import type { Operation } from "./producer.ts";
import type { Side } from "./sides.ts";

/** Milliseconds that one step of a measurement may take. */
const LIMIT = 180_000;
/** Until what was asked for before has come to rest. */
const REST = 100;
/** Tasks of a worker that drains a queue. */
const DRAINS = 50;

/** What a producer is asked for. */
export interface Work {
  readonly ask: Ask<Operation>;
  /** The same before, unmeasured. */
  readonly warmUp: Ask<Operation>;
  /** Tasks that a worker runs at a time; no worker when omitted. */
  readonly concurrency?: number;
  /** Worker processes. 1 when omitted. */
  readonly hosts?: number;
  /** Milliseconds that are watched afterwards, with nothing to do. None when omitted. */
  readonly idle?: number;
}

interface Processes {
  readonly producer: Child;
  readonly workers: readonly Child[];
}

/** The time of what a producer is asked for, and what each task costs. */
export async function produce(side: Side, work: Work): Promise<Figures> {
  const { ask, warmUp, concurrency, hosts = 1, idle = 0 } = work;
  await using server = await RedisServer.start();
  await using costs = await Costs.open(server.url);
  await using scope = new AsyncDisposableStack();
  const workers: Child[] = [];
  for (let i = 0; concurrency !== undefined && i < hosts; i++) {
    workers.push(scope.use(await side.start("worker", server.url, concurrency)));
  }
  await using producer = await side.start("producer", server.url);
  if (workers.length > 0) {
    for (const worker of workers) await worker.ask({ op: "work", n: 1 }, LIMIT);
    await producer.ask({ op: "prepare", n: 1 }, LIMIT);
  }
  await producer.ask(warmUp, LIMIT);
  const before = await callsOf(workers);
  const figures = await timed(
    costs,
    { producer, workers },
    ask.n,
    () => producer.ask(ask, LIMIT),
  );
  const calls = (await callsOf(workers)).map((count, i) => count - before[i]!);
  return {
    ...figures,
    balance: Math.min(...calls) / Math.max(...calls),
    ...(idle === 0 ? {} : await idleCosts(costs, { producer, workers }, idle)),
  };
}

/** What a second costs in which there is nothing to do; CPU in milliseconds. */
async function idleCosts(costs: Costs, processes: Processes, ms: number): Promise<Figures> {
  const pids = pidsOf(processes);
  const before = await costs.read(pids);
  await sleep(ms);
  // Seconds in place of tasks: what 1,000 of them take in seconds, one takes in milliseconds.
  const { commands, cpuWorker, cpuRedis } = costOf(before, await costs.read(pids), ms / 1_000);
  return { idleCommands: commands!, idleWorker: cpuWorker!, idleRedis: cpuRedis! };
}

/** Tasks that each worker has run so far. */
async function callsOf(workers: readonly Child[]): Promise<number[]> {
  const answers = workers.map((worker) => worker.ask({ op: "count", n: 1 }, LIMIT));
  return (await Promise.all(answers)).map(({ calls = NaN }) => calls);
}

/** A fresh worker on a queue with `n` tasks: from the first that it runs to the last. */
export async function drain(side: Side, n: number): Promise<Figures> {
  await using server = await RedisServer.start();
  await using costs = await Costs.open(server.url);
  await using producer = await side.start("producer", server.url);
  await producer.ask({ op: "bulk", n }, LIMIT);
  await using worker = await side.start("worker", server.url, DRAINS);
  return await timed(
    costs,
    { producer, workers: [worker] },
    n,
    () => worker.ask({ op: "drain", n }, LIMIT),
  );
}

/**
 * What each of `waiting` tasks takes, and how fast `n` more are enqueued in bulk and run while those
 * wait; before all that, `warmUp` tasks.
 */
export async function fill(
  side: Side,
  waiting: number,
  n: number,
  warmUp: number,
): Promise<Figures> {
  await using server = await RedisServer.start();
  await using costs = await Costs.open(server.url);
  await using producer = await side.start("producer", server.url);
  await producer.ask({ op: "bulk", n: warmUp }, LIMIT); // buffers of connections grow once
  const { bytes = NaN } = await timed(
    costs,
    { producer, workers: [] },
    waiting,
    () => producer.ask({ op: "bulk", n: waiting }, LIMIT),
  );
  const enqueued = await producer.ask({ op: "bulk", n }, LIMIT);
  await using worker = await side.start("worker", server.url, DRAINS);
  const drained = await worker.ask({ op: "drain", n, skip: warmUp }, LIMIT);
  return { bytes, enqueued: rateOf(n, enqueued), drained: rateOf(n, drained) };
}

/** What `act` gives, with its rate and what each of `n` tasks costs. */
async function timed(
  costs: Costs,
  processes: Processes,
  n: number,
  act: () => Promise<Figures>,
): Promise<Figures> {
  const pids = pidsOf(processes);
  await sleep(REST);
  const before = await costs.read(pids);
  const figures = await act();
  await sleep(REST);
  return { rate: rateOf(n, figures), ...costOf(before, await costs.read(pids), n), ...figures };
}

function pidsOf({ producer, workers }: Processes) {
  return { producer: producer.pid, workers: workers.map(({ pid }) => pid) };
}

function rateOf(n: number, { ms = NaN }: Figures): number {
  return n / ms * 1_000;
}
