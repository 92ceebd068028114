/** A program that calls tasks of worker processes, with whatever provider of spans its runtime has. */
import { trace } from "@opentelemetry/api";
import { getBroker, ProcessWorkerPool } from "@worq/worq";
import { tracing } from "@worq/worq/otel";
import type { tasks } from "./traced_tasks.ts";

await using broker = getBroker("memory://traced", "default", { hooks: [tracing()] });
const module = new URL("./traced_tasks.ts", import.meta.url);
await using _pool = new ProcessWorkerPool(broker, { module, initArgs: ["default"], workers: 1 })
  .start();
await trace.getTracer("program").startActiveSpan("request", async (span) => {
  const q = broker.queue<typeof tasks>();
  const after = await q.traced.after(q.traced.inner(20));
  await after.result({ timeout: 10_000 });
  span.end();
});
