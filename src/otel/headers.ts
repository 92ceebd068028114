/** What leads from a task to the span of its call: headers in the task's context. */
import { type Context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { checkContext, type TaskContext } from "../context.ts";

/** Key of the time of the call, in milliseconds since 1970. */
const CALLED = "worq.called";
/** What a full context keeps at least: without it there is no one trace. */
const FIRST = "traceparent";

/** A context with headers in it, and the names of those that it has no room for. */
export interface Addressed {
  readonly context: TaskContext;
  readonly dropped: readonly string[];
}

/** `carried` with the headers of `active` in place of those that it had. */
export function addressed(carried: TaskContext, active: Context, called?: number): Addressed {
  const headers: Record<string, string> = {};
  propagation.inject(active, headers);
  if (called !== undefined) headers[CALLED] = `${called}`;
  const old = new Set([...propagation.fields(), CALLED]);
  const own = Object.entries(carried).filter(([key]) => !old.has(key));
  const names = Object.keys(headers);
  for (const kept of [names, names.filter((name) => name === FIRST), []]) {
    const context = Object.fromEntries([...own, ...kept.map((name) => [name, headers[name]!])]);
    if (!fits(context)) continue;
    return { context, dropped: names.filter((name) => !kept.includes(name)) };
  }
  // What the user gave cannot travel as it is: the call says so.
  return { context: carried, dropped: names };
}

function fits(context: TaskContext): boolean {
  try {
    checkContext("trace", context);
    return true;
  } catch {
    return false;
  }
}

/** The span and the baggage that the headers in a context tell of; added to `around`. */
export function senderIn(carried: TaskContext, around: Context = ROOT_CONTEXT): Context {
  return propagation.extract(around, carried);
}

/** Milliseconds since the call; undefined when its time did not travel. */
export function sinceCall({ [CALLED]: called }: TaskContext): number | undefined {
  const passed = Date.now() - Number(called);
  // The clocks of two machines differ.
  return Number.isFinite(passed) ? Math.max(0, passed) : undefined;
}
