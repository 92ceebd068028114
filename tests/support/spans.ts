/** OpenTelemetry with spans that tests can look at. */
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import {
  BasicTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";

/** A span that has ended, as plain data. */
export interface EndedSpan {
  readonly name: string;
  readonly kind: number;
  readonly trace: string;
  readonly id: string;
  readonly parent: string | undefined;
  /** Ids of the spans that it links to. */
  readonly links: readonly string[];
  readonly status: { readonly code: number; readonly message?: string };
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly { readonly name: string; readonly attributes?: object }[];
}

/** What is registered. */
export interface Registration extends Disposable {
  /** The spans that have ended, in that order. */
  readonly spans: readonly EndedSpan[];
}

/** Registers a provider whose spans are kept, until it is disposed of; without `manager` nobody keeps track of the active span. */
export function register(
  options: { manager?: boolean; sampler?: Sampler; onEnd?: (span: EndedSpan) => void } = {},
): Registration {
  const { manager = true, sampler, onEnd } = options;
  const spans: EndedSpan[] = [];
  const exporter: SpanExporter = {
    export(ended, done) {
      for (const span of ended.map(plain)) {
        spans.push(span);
        onEnd?.(span);
      }
      done({ code: 0 });
    },
    shutdown: () => Promise.resolve(),
  };
  const provider = new BasicTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    ...(sampler !== undefined && { sampler }),
  });
  trace.setGlobalTracerProvider(provider);
  if (manager) context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(
    new CompositePropagator({
      propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
    }),
  );
  const unregister = () => [trace, context, propagation].forEach((api) => api.disable());
  return { spans, [Symbol.dispose]: unregister };
}

function plain(span: ReadableSpan): EndedSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    kind: span.kind,
    trace: traceId,
    id: spanId,
    parent: span.parentSpanContext?.spanId,
    links: span.links.map(({ context }) => context.spanId),
    status: span.status,
    attributes: span.attributes,
    events: span.events,
  };
}

/** Each span with its ancestors, such as `enqueue t.f > run t.f`, sorted. */
export function pathsOf(spans: readonly EndedSpan[]): string[] {
  const byId = new Map(spans.map((span) => [span.id, span]));
  const pathOf = ({ name, parent }: EndedSpan): string => {
    if (parent === undefined) return name;
    const above = byId.get(parent);
    return `${above === undefined ? "?" : pathOf(above)} > ${name}`;
  };
  return spans.map(pathOf).sort();
}

/** The one span of that name. */
export function spanOf(spans: readonly EndedSpan[], name: string): EndedSpan {
  const found = spans.filter((span) => span.name === name);
  if (found.length === 1) return found[0]!;
  throw new Error(`${found.length} spans ${name} among ${spans.map(({ name }) => name)}`);
}
