/**
 * Prints what calls take on `memory://`, each: what is made on its way from the call to the result,
 * and what is kept while it waits.
 */
import process from "node:process";
import { all, getBroker, InlineWorkerPool, map } from "@worq/worq";

/** What one call takes. */
export interface CallMemory {
  /** Bytes that are made; only where nothing is collected meanwhile. */
  readonly made?: number;
  /** Bytes that are kept. */
  readonly kept: number;
  /** Promises that are kept; only where they can be counted. */
  readonly promises?: number;
}

/** What makes a Deno collect nothing by itself until a measurement is over. */
export const V8_FLAGS = "--expose-gc,--min-semi-space-size=256,--max-semi-space-size=256";

/** Calls of one measurement. */
const CALLS = 5_000;
/** Measurements before, until the code is compiled. */
const WARM_UPS = 4;

const tasks = { noop: (n: number) => n };
const { gc, Bun: bun } = globalThis as { gc?: () => void; Bun?: { gc(now: true): void } };

interface Heap {
  readonly bytes: number;
  readonly promises: number | undefined;
}

async function heap(): Promise<Heap> {
  if (bun === undefined) return { bytes: process.memoryUsage().heapUsed, promises: undefined };
  const jsc = "bun:jsc"; // in a variable, because no other runtime knows it
  const { heapSize, objectTypeCounts } = (await import(jsc)).heapStats();
  return { bytes: heapSize, promises: objectTypeCounts.Promise };
}

async function heapOfLive(): Promise<Heap> {
  gc?.();
  bun?.gc(true);
  return await heap();
}

/** What each call added. */
function eachOf<Key extends keyof Heap>(key: Key, before: Heap, after: Heap): number | undefined {
  const [first, last] = [before[key], after[key]];
  return first === undefined || last === undefined ? undefined : (last - first) / CALLS;
}

if (import.meta.main) {
  const numbers = Array.from({ length: CALLS }, (_, i) => i);
  await using broker = getBroker("memory://").expose(tasks);
  const q = broker.queue<typeof tasks>();
  const call = async () => all(await map(q.noop, numbers));
  const pool = new InlineWorkerPool(broker, { concurrency: 50 }).start();
  for (let i = 0; i < WARM_UPS; i++) await call();
  const before = await heapOfLive();
  await call();
  const after = await heap();
  await pool.stop();
  const idle = await heapOfLive();
  const handles = await map(q.noop, numbers);
  const results = all(handles);
  const waiting = await heapOfLive();
  console.log(JSON.stringify({
    ...(gc === undefined ? {} : { made: eachOf("bytes", before, after) }),
    kept: eachOf("bytes", idle, waiting),
    promises: eachOf("promises", idle, waiting),
  }));
  await using _pool = new InlineWorkerPool(broker).start();
  await results;
}
