/** The module that workers import in the tests of schemas, context and hooks. */
import process from "node:process";
import {
  type Broker,
  currentTask,
  getBroker,
  type Hook,
  type Queue,
  type TaskContext,
  TaskSpace,
  withContext,
} from "@worq/worq";
import { z } from "zod";

const functions = {
  /** Gets what its schema made of the arguments. */
  pay: (account: string, cents: number) => `${account}: ${cents}`,
  context: (): Seen => ({ pid: process.pid, context: currentTask().context }),
  /** Calls `context`, in a context with one more step. */
  async outer(): Promise<Seen> {
    const inner = await withContext({ step: "2" }, () => queue!.hooked.context());
    return await inner.result({ timeout: 10_000 });
  },
  plain: (value: unknown) => value,
};

/** A schema that changes what it is given. */
export const payArgs = z.tuple([z.string().trim().min(1), z.number().int().positive()]);

export const tasks: TaskSpace<"hooked", typeof functions> = new TaskSpace("hooked", functions, {
  pay: { args: payArgs },
});

let queue: Queue<typeof tasks> | undefined;

/** Counts in the context how often a call was made, and says in results which task ran. */
const hook: Hook = {
  enqueue(call, next) {
    call.context = { ...call.context, calls: `${Number(call.context.calls ?? 0) + 1}` };
    return next();
  },
  async run(task, next) {
    const { value } = await next();
    return { value: task.name === "hooked.plain" ? [task.context.by, task.args, value] : value };
  },
};

/** What workers call, with the name of their queue. */
export function init(url: string, name: string): Broker {
  const broker = getBroker(url, name, { hooks: [hook] }).expose(tasks);
  queue = broker.queue<typeof tasks>();
  return broker;
}

/** What `context` gives. */
export interface Seen {
  readonly pid: number;
  readonly context: TaskContext;
}
