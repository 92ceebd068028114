/** {@linkcode tracing}: spans of calls and runs, in one trace. */
import {
  type Attributes,
  context,
  isSpanContextValid,
  ProxyTracerProvider,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import config from "../../deno.json" with { type: "json" };
import { carriedContext, carry } from "../context.ts";
import { describeError } from "../errors.ts";
import { type Enqueued, type Hook, kAwake, type RunningTask, type TaskResult } from "../hooks.ts";
import type { EnqueueCall } from "../task.ts";
import { Calls } from "./calls.ts";
import { addressed, senderIn, sinceCall } from "./headers.ts";

/** What {@linkcode tracing} can be told. */
export interface TracingOptions {
  /**
   * Whether each run begins a trace of its own, with a link to its call, in place of being part of
   * the caller's trace. @default {false}
   */
  link?: boolean;
}

/**
 * A hook that makes an OpenTelemetry span of each call (`enqueue shop.pay`) and of each attempt to
 * run it (`run shop.pay`). They are one trace, in whatever processes they are: what leads there
 * travels in the task's context, in the format of the global propagator.
 *
 * As long as no provider of spans is registered, it does nothing, and calls and runs are what they
 * are without it.
 *
 * @example
 * ```ts
 * import { getBroker, InlineWorkerPool } from "@worq/worq";
 * import { tracing } from "@worq/worq/otel";
 * import { strictEqual } from "node:assert/strict";
 *
 * const tasks = { double: (n: number) => 2 * n };
 * const hooks = [tracing()];
 * await using broker = getBroker("memory://otel", "default", { hooks }).expose(tasks);
 * await using _pool = new InlineWorkerPool(broker).start();
 *
 * const double = await broker.queue<typeof tasks>().double(21);
 * strictEqual(await double.result({ timeout: 5_000 }), 42);
 * ```
 */
export function tracing(options: TracingOptions = {}): Required<Hook> {
  const { link = false } = options;
  const calls = new Calls();
  const enqueue: Required<Hook>["enqueue"] = (call, next) => {
    const tracer = tracerNow();
    return tracer === undefined ? next() : traceCall(tracer, calls, call, next);
  };
  const run: Required<Hook>["run"] = (task, next) => {
    const tracer = tracerNow();
    return tracer === undefined ? next() : traceRun(tracer, link, task, next);
  };
  const awake = { [kAwake]: () => tracerNow() !== undefined };
  return { enqueue: Object.assign(enqueue, awake), run: Object.assign(run, awake) };
}

/** Undefined as long as no provider is registered; that may happen at any time. */
function tracerNow(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider
    ? provider.getDelegateTracer(config.name, config.version)
    : provider.getTracer(config.name, config.version);
}

function traceCall(
  tracer: Tracer,
  calls: Calls,
  call: EnqueueCall,
  next: () => Promise<Enqueued>,
): Promise<Enqueued> {
  const { name, queue, id } = call;
  const active = context.active();
  const isTraced = trace.getSpanContext(active) !== undefined;
  const caller = isTraced ? active : senderIn(call.context, active);
  const attributes = { ...attributesOf(call, "send"), "messaging.operation.name": "enqueue" };
  const links = calls.linksFrom(call.args);
  const span = tracer.startSpan(
    `enqueue ${name}`,
    { kind: SpanKind.PRODUCER, attributes, links },
    caller,
  );
  if (!isSpanContextValid(span.spanContext())) return next();
  const isRecorded = span.isRecording();
  const inSpan = trace.setSpan(caller, span);
  const { context: carried, dropped } = addressed(
    call.context,
    inSpan,
    isRecorded ? id : undefined,
  );
  call.context = carried;
  if (dropped.length > 0) span.setAttribute("worq.context.dropped", [...dropped]);
  // Before it is stored: what takes its result may be called in the same tick.
  if (isRecorded) calls.add(queue, id, span.spanContext());
  return next().then((enqueued) => {
    span.setAttribute("worq.task.status", enqueued.status);
    span.end();
    return enqueued;
  }, (error) => {
    calls.delete(queue, id);
    return endWith(span, error);
  });
}

function traceRun(
  tracer: Tracer,
  link: boolean,
  task: RunningTask,
  next: () => Promise<TaskResult>,
): Promise<TaskResult> {
  // Not from what is active here: that is whatever the pool was started in.
  const sender = senderIn(task.context);
  const call = trace.getSpanContext(sender);
  const attributes: Attributes = {
    ...attributesOf(task, "process"),
    "messaging.operation.name": "run",
    "worq.attempt": task.attempt,
    "worq.fence": task.fence,
  };
  const waited = sinceCall(task.context, task.id);
  if (waited !== undefined) attributes["worq.waited_ms"] = waited;
  const isLinked = link && call !== undefined;
  const span = tracer.startSpan(`run ${task.name}`, {
    kind: SpanKind.CONSUMER,
    attributes,
    root: isLinked,
    links: isLinked ? [{ context: call }] : [],
  }, sender);
  if (!isSpanContextValid(span.spanContext())) return next();
  const running = trace.setSpan(sender, span);
  // What leads to a span that nobody records has travelled with the call.
  if (!span.isRecording() && call !== undefined && !isLinked) return context.with(running, next);
  // For calls that no hook sees, and where nobody keeps track of what is active.
  const { context: carried } = addressed(carriedContext(), running);
  return context.with(running, () => carry(Object.freeze(carried), next)).then((result) => {
    span.end();
    return result;
  }, (error) => endWith(span, error));
}

function attributesOf(
  { name, queue, id }: Pick<EnqueueCall, "name" | "queue" | "id">,
  operation: "send" | "process",
): Attributes {
  return {
    "messaging.system": "worq",
    "messaging.operation.type": operation,
    "messaging.destination.name": queue,
    "messaging.message.id": id,
    "worq.task.name": name,
  };
}

/** Has the span tell what was thrown, ends it, and throws that on. */
function endWith(span: Span, thrown: unknown): never {
  const { name, message, stack } = describeError(thrown);
  span.recordException({ name, message, ...(stack !== undefined && { stack }) });
  span.setStatus({ code: SpanStatusCode.ERROR, message });
  span.setAttribute("error.type", name || "_OTHER");
  span.end();
  throw thrown;
}
