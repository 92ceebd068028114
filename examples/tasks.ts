/** What the worker of `pool.ts` can do, and the contract that `main.ts` calls it by. */
import { type Broker, getBroker, TaskSpace } from "@worq/worq";

export const tasks = new TaskSpace("tasks", {
  num: (value: string) => Number(value),
  add: (values: number[]) => values.reduce((a, b) => a + b, 0),
});

/** A broker that knows these tasks, for every pool that is to run them. */
export function init(url: string): Broker {
  return getBroker(url).expose(tasks);
}
