/** A module whose `init` declares schedules; each tick writes its id into a file. */
import { appendFileSync } from "node:fs";
import process from "node:process";
import { type Broker, currentTask, getBroker } from "@worq/worq";

const tasks = {
  mark: (ledger: string) => appendFileSync(ledger, `${currentTask().id}\n`),
};

export function init(
  url: string,
  name = process.env.SCHEDULE_QUEUE!,
  ledger = process.env.SCHEDULE_LEDGER!,
): Broker {
  const broker = getBroker(url, name).expose(tasks);
  broker.schedule("marks", { every: 1_000 }, broker.queue<typeof tasks>().mark, ledger);
  return broker;
}
