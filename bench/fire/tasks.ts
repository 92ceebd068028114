/** The one task of the fire. What it gives can be told beforehand, and shows which attempt gave it. */
import { type Broker, type ConnectOptions, currentTask, getBroker } from "@worq/worq";
import { enter } from "./ledger.ts";

/** What one task is to do. */
export interface Work {
  /** What it adds to the sum of what it takes. */
  readonly adds: number;
  /** Milliseconds that it takes. */
  readonly time: number;
  /** So many attempts fail, the first ones. */
  readonly failures: number;
}

/** What it gives. */
export interface Output {
  readonly sum: number;
  /** Of the attempt. */
  readonly fence: number;
}

/** What workers are told. */
export interface Place {
  readonly queue: string;
  readonly ledger: string;
  /** Name of the process of the pool. */
  readonly host: string;
}

/** What callers see. */
export type Tasks = {
  work(work: Work, inputs: readonly (Output | Error)[]): Promise<Output>;
};

/** What workers call. */
export function init(url: string, place: Place, options: ConnectOptions = {}): Broker {
  const { queue, ledger, host } = place;
  const tasks: Tasks = {
    async work({ adds, time, failures }, inputs) {
      const { id, fence, attempt } = currentTask();
      const run = { id, fence, host };
      enter(ledger, "began", run);
      await new Promise((resolve) => setTimeout(resolve, time));
      enter(ledger, "ended", run);
      if (attempt <= failures) throw new Error(`attempt ${attempt} fails, with fence ${fence}`);
      const sums = inputs.map((input) => input instanceof Error ? 0 : input.sum);
      return { sum: sums.reduce((a, b) => a + b, adds), fence };
    },
  };
  return getBroker(url, queue, options).expose(tasks);
}
