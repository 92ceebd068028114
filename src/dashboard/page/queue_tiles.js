/** The numbers of some queues together. */
import { count, rate, span } from "./format.js";
import { tileRow } from "./tiles.js";

export function queueTiles() {
  const sum = (of) => (queues) => queues.reduce((all, queue) => all + of(queue), 0);
  const stat = (key) => (queues) => count(sum(({ stats }) => stats[key])(queues));
  return tileRow([
    { name: "Ready", tone: "ready", of: stat("ready") },
    { name: "Running", tone: "running", of: stat("leased") },
    { name: "Pending", tone: "pending", of: stat("pending") },
    { name: "Dead", tone: "failed", of: stat("dead") },
    { name: "Done / s", tone: "success", of: (all) => rate(sum(({ rates }) => rates.done)(all)) },
    {
      name: "Failed / s",
      tone: "failed",
      of: (all) => rate(sum(({ rates }) => rates.failed)(all)),
    },
    { name: "P99", of: (all) => span(slowest(all)) },
  ]);
}

function slowest(queues) {
  const known = queues.map(({ rates }) => rates.p99).filter((n) => n !== undefined && n !== null);
  return known.length === 0 ? undefined : Math.max(...known);
}
