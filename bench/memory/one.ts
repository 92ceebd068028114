/** The process that measures one queue in memory: the same loops and clocks for every one. */
import process from "node:process";
import { check, clocked } from "../loops.ts";
import { type Figures, type Payload, payloads } from "../protocol.ts";
import { serve } from "../serve.ts";

/** What the run can ask for. */
export type Operation = "noops";

/** Has a queue run the task, and resolves with the result. */
export type Call = (data: Payload) => Promise<number>;

/** Makes a queue for one task, which runs so many times at once. */
export type MakeQueue = (task: Call, concurrency: number) => Call;

const CONCURRENCY = 50;

/** The task: it does nothing, in a promise, as tasks are. */
const noop: Call = ({ i }) => Promise.resolve(i);

/** Answers questions about such a queue. */
export async function contest(make: MakeQueue): Promise<void> {
  const call = make(noop, CONCURRENCY);
  await serve<Operation>(({ n }) => noops(call, n));
}

/** `n` tasks, all called before the first is over. */
async function noops(call: Call, n: number): Promise<Figures> {
  const data = payloads(n);
  const before = process.cpuUsage();
  const { ms } = await clocked(async () => {
    const results = await Promise.all(data.map(call));
    results.forEach((result, i) => check(result, i));
  });
  const { user, system } = process.cpuUsage(before);
  return { rate: n / ms * 1_000, cpu: (user + system) / n };
}
