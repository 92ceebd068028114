/**
 * Tasks that call tasks. One that waits for the result of another lends its place meanwhile, so that
 * even a pool of one gets through; one that returns the handle instead continues as that task.
 */
import process from "node:process";
import { all, type Deferred, getBroker, InlineWorkerPool } from "@worq/worq";

interface Tasks {
  fib(n: number): number;
  gcd(a: number, b: number): number;
}

export async function main(url: string): Promise<void> {
  await using broker = getBroker(url);
  const q = broker.queue<Tasks>(); // over the connection of the pool
  broker.expose({
    async fib(n: number): Promise<number> {
      if (n < 2) return n;
      const [a, b] = await all([q.fib(n - 1), q.fib(n - 2)]);
      return a + b;
    },
    // The type of a result is the same either way: a number.
    gcd: (a: number, b: number): number | Promise<Deferred<number>> =>
      b === 0 ? a : q.gcd(b, a % b),
  });
  await using _pool = new InlineWorkerPool(broker, { concurrency: 1 }).start();

  console.log("fib(10) =", await (await q.fib(10)).result({ timeout: 30_000 }));
  const gcd = await q.gcd(832_040, 514_229);
  console.log("gcd(832040, 514229) =", await gcd.result({ timeout: 30_000 }));
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// fib(10) = 55
// gcd(832040, 514229) = 1
