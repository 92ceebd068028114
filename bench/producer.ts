/** The process that enqueues: the same loops and clocks for every side. */
import process from "node:process";
import { createInterface } from "node:readline";
import { ANSWER, type Ask, type Figures, type Operation, READY } from "./protocol.ts";
import { type Payload, payload, payloads } from "./protocol.ts";
import { median, quantile } from "./statistics.ts";

/** What a side must be able to do. */
export interface Producer {
  /** Resolves when a worker is there and its results arrive. */
  prepare(): Promise<void>;
  /** Enqueues a task. */
  add(data: Payload): Promise<unknown>;
  /** Enqueues tasks with one call. */
  addBulk(data: readonly Payload[]): Promise<unknown>;
  /** Enqueues tasks, one call for each chunk, and resolves with the sum of all results. */
  collect(chunks: readonly (readonly Payload[])[]): Promise<number>;
  /** Enqueues a task and resolves with its result. */
  roundTrip(data: Payload): Promise<number>;
  /** Enqueues tasks and one that sums their results, and resolves with the sum. */
  fanIn(data: readonly Payload[]): Promise<number>;
}

type Measure = (producer: Producer, n: number, times: number) => Promise<Figures>;

/** Tasks of one bulk call, and single calls in flight. */
const CHUNK = 1_000;

const MEASURES: Record<Operation, Measure> = {
  prepare: async (producer) => {
    await producer.prepare();
    return {};
  },
  single: (producer, n) => {
    const data = payloads(n);
    return clocked(async () => {
      for (const one of data) await producer.add(one);
    });
  },
  bulk: (producer, n) => {
    const chunks = chunksOf(n);
    return clocked(async () => {
      for (const chunk of chunks) await producer.addBulk(chunk);
    });
  },
  inFlight: (producer, n) => {
    const data = payloads(n).values();
    const caller = async () => {
      for (const one of data) await producer.add(one);
    };
    return clocked(() => Promise.all(Array.from({ length: CHUNK }, caller)));
  },
  endToEnd: (producer, n) => {
    const chunks = chunksOf(n);
    return clocked(async () => checkSum(await producer.collect(chunks), n));
  },
  roundTrip: async (producer, n) => {
    const times: number[] = [];
    for (let i = 0; i < n; i++) {
      const start = performance.now();
      const result = await producer.roundTrip(payload(i));
      times.push(performance.now() - start);
      check(result, i);
    }
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  },
  fanIn: async (producer, n, times) => {
    const data = payloads(n);
    const flows: number[] = [];
    for (let i = 0; i < times; i++) {
      const flow = await clocked(async () => checkSum(await producer.fanIn(data), n));
      flows.push(flow.ms!);
    }
    return { ms: median(flows) };
  },
};

/** Answers questions until the standard input ends. */
export async function serve(producer: Producer): Promise<void> {
  console.log(READY);
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(ANSWER + JSON.stringify(await answer(producer, JSON.parse(line))));
  }
  process.exit(0);
}

async function answer(producer: Producer, { op, n, times = 1 }: Ask) {
  try {
    return { figures: await MEASURES[op](producer, n, times) };
  } catch (error) {
    return { error: error instanceof Error ? error.stack ?? error.message : String(error) };
  }
}

async function clocked(work: () => Promise<unknown>): Promise<Figures> {
  const start = performance.now();
  await work();
  return { ms: performance.now() - start };
}

function chunksOf(n: number): Payload[][] {
  const all = payloads(n);
  return Array.from(
    { length: Math.ceil(n / CHUNK) },
    (_, i) => all.slice(i * CHUNK, (i + 1) * CHUNK),
  );
}

function checkSum(sum: number, n: number): void {
  check(sum, n * (n - 1) / 2);
}

function check(result: number, expected: number): void {
  if (result !== expected) throw new Error(`Wrong result: ${result} instead of ${expected}`);
}
