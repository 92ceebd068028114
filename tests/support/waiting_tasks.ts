/** The module that workers import whose tasks call tasks of their own queue. */
import { existsSync, writeFileSync } from "node:fs";
import process from "node:process";
import { type Broker, type Deferred, getBroker, type Queue, task } from "@worq/worq";

/** Tasks that call each other, on a queue of their own. */
export interface Tasks {
  /** A Fibonacci number, by tasks for the two before it. */
  fib(n: number): number;
  /** Counts down by one task for each number; each continues as the next. */
  down(n: number): string;
  double(n: number): number;
  /** Fails with that text, after so many tasks that continue as the next. */
  fail(text: string, after: number): never;
  /** Waits until there is a file at `gate`. */
  hold(gate: string): string;
  /** Has `hold` wait and waits for it, for so many milliseconds; tells by a file when it begins. */
  parent(gate: string, begun: string, timeout?: number): string;
  /** Calls `hold` and continues as it; tells by a file when it begins. */
  becomes(gate: string, begun: string): string;
  /** Waits for `hold`, twice at the same time. */
  twice(gate: string): string;
  /** Ends its worker. */
  crash(): void;
}

/** Those tasks, as functions that call others on `q`. */
export function tasksOn(q: Queue<Tasks>) {
  return {
    async fib(n: number): Promise<number> {
      if (n < 2) return n;
      const [a, b] = await Promise.all([q.fib(n - 1), q.fib(n - 2)]);
      const [x, y] = await Promise.all([a.result(), b.result()]);
      return x + y;
    },
    down: (n: number): string | Promise<Deferred<string>> => n === 0 ? "landed" : q.down(n - 1),
    double: (n: number): number => 2 * n,
    fail(text: string, after: number): Promise<Deferred<never>> {
      if (after > 0) return q.fail(text, after - 1);
      throw new RangeError(text);
    },
    async hold(gate: string): Promise<string> {
      while (!existsSync(gate)) await new Promise((go) => setTimeout(go, 5));
      return `${process.pid}`;
    },
    async parent(gate: string, begun: string, timeout?: number): Promise<string> {
      const held = await task(q.hold, { heartbeatInterval: 20 })(gate);
      writeFileSync(begun, `${process.pid}`);
      if (timeout === undefined) return await held.result();
      return `${await held.wait({ timeout })}`;
    },
    async becomes(gate: string, begun: string): Promise<Deferred<string>> {
      const held = await task(q.hold, { heartbeatInterval: 20 })(gate);
      writeFileSync(begun, `${process.pid}`);
      return held;
    },
    async twice(gate: string): Promise<string> {
      const held = await q.hold(gate);
      const [one] = await Promise.all([held.result(), held.result()]);
      return one;
    },
    crash(): void {
      process.exit(1);
    },
  };
}

/** What workers call. */
export function init(url: string, name: string): Broker {
  const broker = getBroker(url, name);
  return broker.expose(tasksOn(broker.queue<Tasks>()));
}
