/**
 * Work for every core: the same computation by one worker, then by as many as there are cores.
 *
 *     deno run -A examples/all_cores.ts
 *
 * This file is also the module of the workers: they call `init`.
 */
import process from "node:process";
import { availableParallelism } from "node:os";
import { all, type Broker, getBroker, getQueue, ProcessWorkerPool } from "@worq/worq";

const tasks = {
  countPrimes(from: number, to: number): number {
    let count = 0;
    for (let n = from; n < to; n++) if (isPrime(n)) count++;
    return count;
  },
};

function isPrime(n: number): boolean {
  for (let i = 2; i * i <= n; i++) if (n % i === 0) return false;
  return n > 1;
}

/** A broker for the workers. */
export function init(url: string): Broker {
  return getBroker(url).expose(tasks);
}

const LIMIT = 4_000_000;
const STEP = 50_000;

export async function main(url: string): Promise<void> {
  const cores = availableParallelism();
  const [primes, one] = await measure(url, 1);
  const [same, many] = await measure(url, cores);
  console.log(`${primes} primes below ${LIMIT}, by one worker and by ${cores}: ${same === primes}`);
  console.log(`speed-up over one core: ${(one / many).toFixed(2)} with ${cores} cores`);
}

/** How many primes there are, and the milliseconds it took to find out. */
async function measure(url: string, workers: number): Promise<[number, number]> {
  await using broker = getBroker(url);
  await using pool = new ProcessWorkerPool(broker, { module: import.meta.url, workers }).start();
  await using q = getQueue<typeof tasks>(url);
  await pool.ready;
  const begin = performance.now();
  const parts = Array.from({ length: LIMIT / STEP }, (_, i) => i * STEP);
  const counts = await all(parts.map((from) => q.countPrimes(from, from + STEP)));
  return [counts.reduce((a, b) => a + b), performance.now() - begin];
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");
