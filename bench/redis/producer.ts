/** The process that enqueues: the same loops and clocks for every side. */
import { check, clocked, inFlight, timesOf } from "../loops.ts";
import { type Ask, type Figures, type Payload, payload, payloads } from "../protocol.ts";
import { serve } from "../serve.ts";
import { median, quantile } from "../statistics.ts";
import { chunkOf, payloadsLike } from "./payloads.ts";

/** What the run can ask for. */
export type Operation =
  | "prepare"
  | "single"
  | "bulk"
  | "inFlight"
  | "endToEnd"
  | "roundTrip"
  | "fanIn";

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
  /** Enqueues tasks and one that sums their results, and resolves with the sum, where that exists. */
  fanIn?(data: readonly Payload[]): Promise<number>;
}

type Measure = (producer: Producer, ask: Ask<Operation>) => Promise<Figures>;

/** Tasks of one bulk call, and single calls in flight. */
const CHUNK = 1_000;

const MEASURES: Record<Operation, Measure> = {
  prepare: async (producer) => {
    await producer.prepare();
    return {};
  },
  single: (producer, { n }) => {
    const data = payloads(n);
    return clocked(async () => {
      for (const one of data) await producer.add(one);
    });
  },
  bulk: (producer, { n }) => {
    const chunks = chunksOf(payloads(n), CHUNK);
    return clocked(async () => {
      for (const chunk of chunks) await producer.addBulk(chunk);
    });
  },
  inFlight: (producer, { n }) => {
    const data = payloads(n);
    return clocked(() => inFlight(data, CHUNK, (one) => producer.add(one)));
  },
  endToEnd: (producer, ask) => {
    const { n } = ask;
    const chunks = chunksOf(payloadsFor(ask), chunkOf(ask.kind, CHUNK));
    return clocked(async () => checkSum(await producer.collect(chunks), n));
  },
  roundTrip: async (producer, { n }) => {
    const times = await timesOf(n, async (i) => check(await producer.roundTrip(payload(i)), i));
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  },
  fanIn: async (producer, { n, times = 1 }) => {
    const data = payloads(n);
    const flows: number[] = [];
    for (let i = 0; i < times; i++) {
      const flow = await clocked(async () => checkSum(await producer.fanIn!(data), n));
      flows.push(flow.ms);
    }
    return { ms: median(flows) };
  },
};

/** Answers questions until the standard input ends. */
export async function serveProducer(producer: Producer): Promise<void> {
  await serve<Operation>((ask) => MEASURES[ask.op](producer, ask));
}

function payloadsFor({ n, kind, wait }: Ask<Operation>): Payload[] {
  const all = kind === undefined ? payloads(n) : payloadsLike(kind, n);
  return wait === undefined ? all : all.map((one) => ({ ...one, wait }));
}

function chunksOf(all: readonly Payload[], size: number): Payload[][] {
  return Array.from(
    { length: Math.ceil(all.length / size) },
    (_, i) => all.slice(i * size, (i + 1) * size),
  );
}

function checkSum(sum: number, n: number): void {
  check(sum, n * (n - 1) / 2);
}
