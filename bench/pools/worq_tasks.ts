/** What the workers of worq's pools import. */
import { type Broker, getBroker } from "../../mod.ts";
import { burn, meet, noop } from "./tasks.ts";

const tasks = { noop, burn, meet };

/** What may be called. */
export type Tasks = typeof tasks;

/** A broker that knows the tasks. */
export function init(url: string): Broker {
  return getBroker(url).expose(tasks);
}
