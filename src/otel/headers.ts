/** What leads from a task to the span of its call: headers in the task's context. */
import { type Context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";
import { checkContext, type TaskContext } from "../context.ts";

/** Key of the time of the call, in milliseconds since 1970, and of the id that it was for. */
const CALLED = "worq.called";
/** What a full context keeps at least: without it there is no one trace. */
const FIRST = "traceparent";

/** A context with headers in it, and the names of those that it has no room for. */
export interface Addressed {
  readonly context: TaskContext;
  readonly dropped: readonly string[];
}

/**
 * `carried` with the headers of `active` in place of those that it had; for the call of a task, with
 * its id, also with the time.
 */
export function addressed(carried: TaskContext, active: Context, id?: string): Addressed {
  const headers: Record<string, string> = {};
  propagation.inject(active, headers);
  if (id !== undefined) headers[CALLED] = `${Date.now()} ${id}`;
  const old = [...propagation.fields(), CALLED];
  const own = Object.fromEntries(Object.entries(carried).filter(([key]) => !old.includes(key)));
  const names = Object.keys(headers);
  const { [FIRST]: first } = headers;
  for (const kept of [headers, first === undefined ? {} : { [FIRST]: first }, {}]) {
    const context = { ...own, ...kept };
    if (fits(context)) {
      return {
        context,
        dropped: names.filter((name) => !Object.hasOwn(kept, name)),
      };
    }
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

/** Milliseconds since the call of the task with that id; undefined when its time did not travel. */
export function sinceCall({ [CALLED]: called = "" }: TaskContext, id: string): number | undefined {
  const end = called.indexOf(" ");
  const passed = Date.now() - Number(called.slice(0, end));
  // Inherited from another task, where a worker on the way makes no spans.
  if (end < 0 || called.slice(end + 1) !== id || !Number.isFinite(passed)) return undefined;
  // The clocks of two machines differ.
  return Math.max(0, passed);
}
