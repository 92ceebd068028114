/** The module that workers import in the tests of traces. */
import { type Broker, getBroker, type Queue, TaskSpace } from "@worq/worq";
import { tracing } from "@worq/worq/otel";
import { appendFileSync } from "node:fs";
import { register } from "./spans.ts";

const functions = {
  /** Calls `inner`, and waits for it. */
  async outer(n: number): Promise<number> {
    const inner = await queue!.traced.inner(n);
    return await inner.result({ timeout: 10_000 });
  },
  inner: (n: number) => 2 * n,
  after: (n: number) => n + 1,
};

export const tasks: TaskSpace<"traced", typeof functions> = new TaskSpace("traced", functions);

let queue: Queue<typeof tasks> | undefined;

/** What workers call, with the name of their queue, and a file for the spans that they make. */
export function init(url: string, name: string, file?: string): Broker {
  if (file !== undefined) {
    register({ onEnd: (span) => appendFileSync(file, `${JSON.stringify(span)}\n`) });
  }
  const broker = getBroker(url, name, { hooks: [tracing()] }).expose(tasks);
  queue = broker.queue<typeof tasks>();
  return broker;
}
