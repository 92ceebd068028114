/**
 * Traces with OpenTelemetry: {@linkcode tracing} is a hook for queues and brokers. It uses
 * `@opentelemetry/api`, which the rest of worq does not; docs/traces.md tells more.
 *
 * @example
 * ```ts
 * import { getQueue } from "@worq/worq";
 * import { tracing } from "@worq/worq/otel";
 *
 * await using q = getQueue<{ pay(cents: number): void }>("memory://traced", {
 *   hooks: [tracing()],
 * });
 * await q.pay(100);
 * await q.clear();
 * ```
 *
 * @module
 */
export { tracing, type TracingOptions } from "./src/otel/tracing.ts";
