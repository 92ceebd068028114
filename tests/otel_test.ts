/** Traces: one for calls, runs and what those call, on every backend and in every process. */
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { AlwaysOffSampler } from "@opentelemetry/sdk-trace-base";
import {
  currentTask,
  type Deferred,
  DuplicateTask,
  getBroker,
  getQueue,
  type Hook,
  InlineWorkerPool,
  type Queue,
  task,
  type TaskContext,
  TaskSpace,
  withContext,
} from "@worq/worq";
import { tracing, type TracingOptions } from "@worq/worq/otel";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { kRef, type TaskRef } from "../src/codec.ts";
import { aroundEnqueue, aroundRun } from "../src/hooks.ts";
import { Calls } from "../src/otel/calls.ts";
import { testOn, testOnAll } from "./support/backends.ts";
import { findDeno } from "./support/runtimes.ts";
import { type EndedSpan, pathsOf, register, spanOf } from "./support/spans.ts";
import type { tasks as traced } from "./support/traced_tasks.ts";
import { KINDS, makePool } from "./support/worker_pools.ts";

const WAIT = { timeout: 10_000 };
const TRACEPARENT = /^00-[\da-f]{32}-[\da-f]{16}-01$/;
const OUTSIDE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

let calls: Queue<typeof tasks> | undefined;
let failures = 0;

const tasks = new TaskSpace("t", {
  /** Calls `inner`, and waits for it. */
  async outer(n: number): Promise<number> {
    return await (await calls!.t.inner(n)).result(WAIT);
  },
  inner: (n: number) => 2 * n,
  after: (n: number) => n + 1,
  sum: (ns: { readonly of: readonly number[] }) => ns.of.reduce((a, b) => a + b, 0),
  context: (): TaskContext => currentTask().context,
  user: () => propagation.getActiveBaggage()?.getEntry("user")?.value,
  fail(times: number): number {
    if (failures++ < times) throw new RangeError("too early");
    return failures;
  },
  throwText: () => {
    throw "no error at all";
  },
});

/** A pool of traced tasks, and a queue whose calls are traced. */
async function served(
  url: string,
  name: string,
  body: (q: Queue<typeof tasks>) => Promise<void>,
  options: TracingOptions = {},
): Promise<void> {
  await using broker = getBroker(url, name, { hooks: [tracing(options)] }).expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();
  calls = broker.queue<typeof tasks>();
  await body(calls);
}

/** Calls `body` in a span of a request. */
async function request<T>(body: () => Promise<T>): Promise<T> {
  return await trace.getTracer("test").startActiveSpan("request", async (span) => {
    try {
      return await body();
    } finally {
      span.end();
    }
  });
}

/** All that comes of a call whose result another one takes. */
function graphOf(space: string): string[] {
  const outer = `request > enqueue ${space}.outer`;
  const inner = `${outer} > run ${space}.outer > enqueue ${space}.inner`;
  const after = `request > enqueue ${space}.after`;
  return [
    ...["request", after, `${after} > run ${space}.after`, outer, `${outer} > run ${space}.outer`],
    ...[inner, `${inner} > run ${space}.inner`],
  ];
}

function tracesIn(spans: readonly EndedSpan[]): Set<string> {
  return new Set(spans.map(({ trace }) => trace));
}

testOnAll(
  "calls, runs, what these call and what takes results are one trace",
  async (url, name) => {
    using registered = register();
    const { spans } = registered;
    await served(url, name, async (q) => {
      const after = await request(async () => await q.t.after(q.t.outer(20)));
      strictEqual(await after.result(WAIT), 41);
    });
    deepStrictEqual(pathsOf(spans), graphOf("t"));
    strictEqual(tracesIn(spans).size, 1);
    deepStrictEqual(spanOf(spans, "enqueue t.after").links, [spanOf(spans, "enqueue t.outer").id]);
  },
);

for (const kind of KINDS) {
  testOnAll(
    `${kind}: a trace goes on in workers, and in those of what they call`,
    async (url, name) => {
      const folder = await mkdtemp(join(tmpdir(), "worq-otel-"));
      await using stack = new AsyncDisposableStack();
      stack.defer(() => rm(folder, { recursive: true }));
      const file = join(folder, "spans");
      using registered = register();
      const { spans } = registered;
      await using broker = getBroker(url, name, { hooks: [tracing()] });
      const module = new URL("./support/traced_tasks.ts", import.meta.url);
      // On memory:// workers cannot reach the queue, so nothing is called there.
      const isShared = url.startsWith("redis");
      const options = { module, initArgs: [name, file], workers: 2 };
      await using pool = makePool(kind, broker, options).start();
      await pool.ready;
      const q = broker.queue<typeof traced>();
      const after = await request(async () =>
        await q.traced.after(isShared ? q.traced.outer(20) : q.traced.inner(20))
      );
      strictEqual(await after.result(WAIT), 41);
      const text = await readFile(file, "utf8");
      const theirs: EndedSpan[] = text.trim().split("\n").map((line) => JSON.parse(line));
      strictEqual(theirs.length, isShared ? 4 : 2);
      const all = [...spans, ...theirs];
      strictEqual(tracesIn(all).size, 1);
      const short = ["after", "inner"].map((task) => `request > enqueue traced.${task}`);
      const expected = isShared ? graphOf("traced") : [
        "request",
        ...short.flatMap((path) => [path, `${path} > ${path.replace(/.*enqueue/, "run")}`]),
      ];
      deepStrictEqual(pathsOf(all), expected);
    },
  );
}

testOnAll("spans say what they are of", async (url, name) => {
  using registered = register();
  const { spans } = registered;
  await served(url, name, async (q) => {
    await (await q.t.inner(1)).result(WAIT);
    const common = {
      "messaging.system": "worq",
      "messaging.destination.name": name,
      "messaging.message.id": spans[0]!.attributes["messaging.message.id"],
      "worq.task.name": "t.inner",
    };
    const call = spanOf(spans, "enqueue t.inner");
    strictEqual(call.kind, SpanKind.PRODUCER);
    deepStrictEqual({ ...call.attributes }, {
      ...common,
      "messaging.operation.type": "send",
      "messaging.operation.name": "enqueue",
      "worq.task.status": "enqueued",
    });
    const run = spanOf(spans, "run t.inner");
    strictEqual(run.kind, SpanKind.CONSUMER);
    const { "worq.fence": fence, "worq.waited_ms": waited, ...rest } = run.attributes;
    ok(typeof fence === "number" && typeof waited === "number" && waited >= 0);
    deepStrictEqual(rest, {
      ...common,
      "messaging.operation.type": "process",
      "messaging.operation.name": "run",
      "worq.attempt": 1,
    });
    deepStrictEqual([call.status.code, run.status.code], [
      SpanStatusCode.UNSET,
      SpanStatusCode.UNSET,
    ]);
  });
});

testOnAll("each attempt is a span, with what it threw", async (url, name) => {
  using registered = register();
  const { spans } = registered;
  failures = 0;
  await served(url, name, async (q) => {
    const retried = await task(q.t.fail, { retries: 2, backoff: 0 })(1);
    strictEqual(await retried.result(WAIT), 2);
    const [first, second] = spans.filter((span) => span.name === "run t.fail");
    const { id } = spanOf(spans, "enqueue t.fail");
    deepStrictEqual([first!.parent, second!.parent], [id, id]);
    deepStrictEqual([first!.attributes["worq.attempt"], second!.attributes["worq.attempt"]], [
      1,
      2,
    ]);
    deepStrictEqual(first!.status, { code: SpanStatusCode.ERROR, message: "too early" });
    strictEqual(first!.attributes["error.type"], "RangeError");
    const [event] = first!.events;
    strictEqual(event!.name, "exception");
    const told = event!.attributes as Record<string, string>;
    deepStrictEqual([told["exception.type"], told["exception.message"]], [
      "RangeError",
      "too early",
    ]);
    ok(told["exception.stacktrace"]!.includes("otel_test"));
    strictEqual(second!.status.code, SpanStatusCode.UNSET);
    await rejects((await q.t.throwText()).result(WAIT), /no error at all/);
    const { status, attributes } = spanOf(spans, "run t.throwText");
    deepStrictEqual(status, { code: SpanStatusCode.ERROR, message: "no error at all" });
    strictEqual(attributes["error.type"], "_OTHER");
  });
});

testOnAll("a call that is refused is an error, and its caller gets it", async (url, name) => {
  using registered = register();
  await served(url, name, async (q) => {
    const once = task(q.t.inner, { id: "1" });
    await (await once(1)).result(WAIT);
    await rejects(once(1), DuplicateTask);
    const statuses = registered.spans.filter((span) => span.name === "enqueue t.inner")
      .map(({ status }) => status.code);
    deepStrictEqual(statuses, [SpanStatusCode.UNSET, SpanStatusCode.ERROR]);
  });
});

testOnAll("link: each run is a trace of its own, linked to its call", async (url, name) => {
  using registered = register();
  const { spans } = registered;
  await served(url, name, async (q) => {
    await (await request(async () => await q.t.outer(1))).result(WAIT);
  }, { link: true });
  const inner = "run t.outer > enqueue t.inner";
  const expected = ["request", "request > enqueue t.outer", "run t.inner", "run t.outer", inner];
  deepStrictEqual(pathsOf(spans), expected);
  strictEqual(tracesIn(spans).size, 3);
  for (const task of ["t.outer", "t.inner"]) {
    deepStrictEqual(spanOf(spans, `run ${task}`).links, [spanOf(spans, `enqueue ${task}`).id]);
  }
});

testOnAll(
  "without a provider a call is as it was, and what it carries goes on",
  async (url, name) => {
    await using broker = getBroker(url, name, { hooks: [tracing()] }).expose(tasks);
    const q = broker.queue<typeof tasks>();
    const plain = await q.t.context();
    ok((await broker.taskQueue.inspect(plain.id))!.message!.startsWith("\x1ft.context\x1f"));
    await using _pool = new InlineWorkerPool(broker).start();
    deepStrictEqual(await (await plain).result(WAIT), {});
    const carried = { traceparent: OUTSIDE, user: "ada" };
    const context = await withContext(carried, () => q.t.context());
    deepStrictEqual(await context.result(WAIT), carried);
  },
);

Deno.test("without a provider nobody goes through the hook, but through what is made of it", () => {
  const { enqueue } = tracing();
  const around = (hooks: readonly Hook[]) =>
    [aroundEnqueue(hooks)(), aroundRun(hooks)()].map((one) => one !== undefined);
  deepStrictEqual(around([tracing(), tracing()]), [false, false]);
  deepStrictEqual(around([{ ...tracing(), run: (_task, next) => next() }]), [false, true]);
  deepStrictEqual(around([{ enqueue: (call, next) => enqueue(call, next) }]), [true, false]);
  using _registered = register();
  deepStrictEqual(around([tracing()]), [true, true]);
});

testOnAll("a provider that is registered later is used", async (url, name) => {
  await served(url, name, async (q) => {
    await (await q.t.inner(1)).result(WAIT);
    using registered = register();
    await (await q.t.inner(1)).result(WAIT);
    deepStrictEqual(pathsOf(registered.spans), [
      "enqueue t.inner",
      "enqueue t.inner > run t.inner",
    ]);
  });
});

testOnAll("a user's keys stay as they are, and baggage travels", async (url, name) => {
  using _registered = register();
  await served(url, name, async (q) => {
    const own = { user: "ada", "worq": "1", "unit \x1f": "\x1e" };
    const baggage = propagation.createBaggage({ user: { value: "bob, the äldest" } });
    const [context, user] = await otelContext(
      baggage,
      () => withContext(own, async () => await Promise.all([q.t.context(), q.t.user()])),
    );
    const { traceparent, "worq.called": called, baggage: text, ...rest } = await context.result(
      WAIT,
    );
    deepStrictEqual(rest, own);
    ok(TRACEPARENT.test(traceparent!) && /^\d+ \S+$/.test(called!) && text!.startsWith("user="));
    strictEqual(await user.result(WAIT), "bob, the äldest");
  });
});

function otelContext<T>(
  baggage: ReturnType<typeof propagation.createBaggage>,
  body: () => T,
): T {
  return context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), body);
}

testOnAll("a context that is nearly full carries what it has room for", async (url, name) => {
  using registered = register();
  const { spans } = registered;
  await served(url, name, async (q) => {
    const baggage = propagation.createBaggage({ user: { value: "x".repeat(400) } });
    const keysWith = async (bytes: number) => {
      const call = () => withContext({ own: "x".repeat(bytes) }, () => q.t.context());
      const context = await otelContext(baggage, call);
      return Object.keys(await context.result(WAIT)).sort();
    };
    const droppedBy = () =>
      spans.findLast(({ name }) => name === "enqueue t.context")!
        .attributes["worq.context.dropped"];
    deepStrictEqual(await keysWith(7_000), ["baggage", "own", "traceparent", "worq.called"]);
    strictEqual(droppedBy(), undefined);
    deepStrictEqual(await keysWith(7_800), ["own", "traceparent"]);
    deepStrictEqual(droppedBy(), ["baggage", "worq.called"]);
    deepStrictEqual(await keysWith(8_182), ["own"]);
    deepStrictEqual(droppedBy(), ["traceparent", "baggage", "worq.called"]);
  });
  // What a hook of the user's makes too large is told by the call, as without traces.
  const grow: Hook = {
    enqueue(call, next) {
      call.context = { big: "x".repeat(9_000) };
      return next();
    },
  };
  await using q = getQueue<typeof tasks>(url, { name, hooks: [grow, tracing()] });
  await rejects(q.t.inner(1), /context has 9010 bytes, over the limit/);
});

testOnAll("a header that somebody else set is the parent", async (url, name) => {
  using registered = register();
  await served(url, name, async (q) => {
    await (await withContext({ traceparent: OUTSIDE }, () => q.t.inner(1))).result(WAIT);
  });
  deepStrictEqual([...tracesIn(registered.spans)], [OUTSIDE.split("-")[1]]);
  strictEqual(spanOf(registered.spans, "enqueue t.inner").parent, OUTSIDE.split("-")[2]);
});

testOnAll(
  "tasks call in their span where nobody keeps track of it, and where no hook is",
  async (url, name) => {
    const graph = ["enqueue t.outer", "enqueue t.outer > run t.outer"];
    const inner = "enqueue t.outer > run t.outer > enqueue t.inner";
    {
      using registered = register({ manager: false });
      await served(url, name, async (q) => {
        await (await q.t.outer(1)).result(WAIT);
      });
      deepStrictEqual(pathsOf(registered.spans), [...graph, inner, `${inner} > run t.inner`]);
    }
    using registered = register();
    await using unhooked = getQueue<typeof tasks>(url, { name });
    await served(url, name, async (q) => {
      calls = unhooked;
      await (await q.t.outer(1)).result(WAIT);
    });
    const run = "enqueue t.outer > run t.outer > run t.inner";
    deepStrictEqual(pathsOf(registered.spans), [...graph, run]);
  },
);

testOnAll("a time that is not the call's own tells nothing of the wait", async (url, name) => {
  using registered = register();
  await using unhooked = getQueue<typeof tasks>(url, { name });
  await served(url, name, async () => {
    for (const called of ["1 another", "1", "x", ""]) {
      const inner = await withContext({ "worq.called": called }, () => unhooked.t.inner(1));
      await inner.result(WAIT);
    }
  });
  const waited = registered.spans.map(({ attributes }) => attributes["worq.waited_ms"]);
  deepStrictEqual(waited, [undefined, undefined, undefined, undefined]);
});

testOnAll("what is not sampled stays so", async (url, name) => {
  using registered = register({ sampler: new AlwaysOffSampler() });
  await served(url, name, async (q) => {
    const { traceparent, ...rest } = await (await q.t.context()).result(WAIT);
    ok(traceparent!.endsWith("-00"));
    deepStrictEqual(rest, {});
  });
  deepStrictEqual(registered.spans, []);
});

testOnAll("a pool that was started in a span does not lend it to tasks", async (url, name) => {
  using registered = register();
  await using untraced = getQueue<typeof tasks>(url, { name });
  await request(() =>
    served(url, name, async () => {
      await (await context.with(ROOT_CONTEXT, () => untraced.t.inner(1))).result(WAIT);
    })
  );
  deepStrictEqual(pathsOf(registered.spans), ["request", "run t.inner"]);
});

testOnAll(
  "a call links to those whose results it takes, to each once and not to thousands",
  async (url, name) => {
    using registered = register();
    const { spans } = registered;
    await served(url, name, async (q) => {
      const wide = async (handles: Promise<Deferred<number>>[]) => {
        const before = spans.length;
        const sum = await q.t.sum({ of: handles });
        await sum.result(WAIT);
        return spanOf(spans.slice(before), "enqueue t.sum").links;
      };
      const one = q.t.inner(1);
      const two = q.t.inner(2);
      strictEqual((await wide([one, two, one])).length, 2);
      strictEqual((await wide(Array.from({ length: 200 }, (_, i) => q.t.inner(i)))).length, 128);
    });
  },
);

Deno.test("calls are kept for links, five thousand of them and no endless number", () => {
  const calls = new Calls();
  const span = (n: number) => ({ traceId: "t", spanId: `${n}`, traceFlags: 1 });
  const linksTo = (n: number) => {
    const ref: TaskRef = { id: `${n}`, taskName: "f", address: "memory://x#q" };
    return calls.linksFrom([{ [kRef]: ref }]).map(({ context }) => context.spanId);
  };
  for (let n = 0; n < 10_000; n++) calls.add("q", `${n}`, span(n));
  deepStrictEqual([linksTo(0), linksTo(9_999)], [["0"], ["9999"]]);
  calls.add("q", "10000", span(10_000));
  deepStrictEqual([linksTo(0), linksTo(5_000), linksTo(10_000)], [[], ["5000"], ["10000"]]);
  calls.delete("q", "5000");
  deepStrictEqual(linksTo(5_000), []);
  // An argument that holds itself, and one too large to be looked through.
  const round: Record<string, unknown> = {};
  round.self = round;
  deepStrictEqual(calls.linksFrom([round, new Array(1_000_000).fill({})]), []);
});

interface OtlpSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
}

/** The spans in a message of OTLP as JSON. */
async function otlpSpansOf(message: IncomingMessage): Promise<OtlpSpan[]> {
  let text = "";
  for await (const part of message) text += part;
  const { resourceSpans = [] } = JSON.parse(text) as {
    resourceSpans?: { scopeSpans: { spans: OtlpSpan[] }[] }[];
  };
  return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
}

const deno = findDeno();
testOn(deno, "Deno's own exporter sends what callers and workers did", async (program) => {
  const spans: OtlpSpan[] = [];
  const server = createServer(async (message, answer) => {
    spans.push(...await otlpSpansOf(message));
    answer.setHeader("content-type", "application/json").end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const script = fileURLToPath(new URL("./support/traced_program.ts", import.meta.url));
  const child = spawn(program, ["run", "-A", script], {
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    },
  });
  const [code] = await once(child, "exit");
  await new Promise((closed) => server.close(closed));
  strictEqual(code, 0);
  // The runtime makes spans of its own.
  const ours = spans.filter(({ name }) => /^(request|enqueue|run)\b/.test(name)).map((span) => ({
    name: span.name,
    trace: span.traceId,
    id: span.spanId,
    parent: span.parentSpanId || undefined,
  } as EndedSpan));
  const paths = ["after", "inner"].map((task) => `request > enqueue traced.${task}`)
    .flatMap((path) => [path, `${path} > ${path.replace(/.*enqueue/, "run")}`]);
  deepStrictEqual(pathsOf(ours), ["request", ...paths]);
  strictEqual(tracesIn(ours).size, 1);
});
