/** Context: a few strings that travel with a task, and on to the tasks that it calls. */
import { AsyncLocalStorage } from "node:async_hooks";

/** Strings by name that travel with a task, such as the id of a trace or of a user. */
export interface TaskContext {
  /** A value, as whoever called the task set it. */
  readonly [key: string]: string;
}

/** The context of a task that has none. */
export const NO_CONTEXT: TaskContext = Object.freeze({});

// It is in the message of each task, which scripts read and workers get.
const MAX_CONTEXT = 8_192;
/** Quotes, colon and comma of an entry as JSON, and a brace. */
const MARKS = 7;
/** Bytes that JSON may make of a unit of text: `\u001f`. */
const LONGEST_UNIT = 6;

const carried = new AsyncLocalStorage<TaskContext>();
// As long as nobody uses contexts, they cost a look at this.
let used = false;

/**
 * Runs `body` and gives what it gives; the tasks that are called in it, also after an `await`,
 * travel with `context`. A task sees it as `currentTask().context`, and the tasks that it calls
 * inherit it. What a context around this one says holds on; `undefined` takes a name away.
 *
 * Throws a `TypeError` for a value that is not a string, and a `RangeError` when the whole context
 * is over 8,192 bytes as JSON.
 *
 * @example
 * ```ts
 * import { currentTask, getBroker, InlineWorkerPool, withContext } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * const tasks = { trace: () => currentTask().context.traceId };
 * await using broker = getBroker("memory://with-context").expose(tasks);
 * await using _pool = new InlineWorkerPool(broker).start();
 *
 * const q = broker.queue<typeof tasks>();
 * const trace = await withContext({ traceId: "4bf92f35" }, () => q.trace());
 * strictEqual(await trace.result({ timeout: 5_000 }), "4bf92f35");
 * ```
 */
export function withContext<T>(
  context: { readonly [key: string]: string | undefined },
  body: () => T,
): T {
  const act = "set context";
  checkRecord(act, context);
  const entries = Object.entries({ ...carriedContext(), ...context });
  const whole = Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  checkContext(act, whole);
  used = true;
  return carried.run(Object.freeze(whole) as TaskContext, body);
}

/** The context of a call that is made here. */
export function carriedContext(): TaskContext {
  return used ? carried.getStore() ?? NO_CONTEXT : NO_CONTEXT;
}

/** Runs `body` with this context and no other: a pool may have been started inside one. */
export function carry<T>(context: TaskContext, body: () => T): T {
  if (context !== NO_CONTEXT) used = true;
  return used ? carried.run(context, body) : body();
}

/** Whether this context has to be carried: it is none as long as nobody ever had one. */
export function isCarried(context: TaskContext): boolean {
  return used || context !== NO_CONTEXT;
}

/** Throws for a context that cannot travel. */
export function checkContext(act: string, context: unknown): asserts context is TaskContext {
  checkRecord(act, context);
  let units = 0;
  for (const [key, value] of Object.entries(context)) {
    if (typeof value !== "string") {
      throw new TypeError(
        `Cannot ${act}: context.${key} must be a string, received ${typeof value}`,
      );
    }
    // Lua reads the options of a message, and would not read any with half a pair among them.
    if (!value.isWellFormed() || !key.isWellFormed()) {
      throw new TypeError(
        `Cannot ${act}: context.${key.toWellFormed()} has half a pair of surrogates`,
      );
    }
    units += key.length + value.length + MARKS;
  }
  if (units * LONGEST_UNIT <= MAX_CONTEXT) return; // most are small, and this is done for each task
  const text = JSON.stringify(context);
  const bytes = text.length * 3 <= MAX_CONTEXT ? 0 : new TextEncoder().encode(text).length;
  if (bytes > MAX_CONTEXT) {
    throw new RangeError(
      `Cannot ${act}: the context has ${bytes} bytes, over the limit of ${MAX_CONTEXT}; it travels ` +
        "with every task, so pass large data as an argument",
    );
  }
}

function checkRecord(act: string, context: unknown): asserts context is Record<string, unknown> {
  if (typeof context === "object" && context !== null && !Array.isArray(context)) return;
  throw new TypeError(
    `Cannot ${act}: context must be strings by name, received ${
      Array.isArray(context) ? "a list" : String(context)
    }`,
  );
}
