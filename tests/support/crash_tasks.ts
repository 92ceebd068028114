/**
 * Tasks of the crash matrix, and the play that is given for each cell of it.
 *
 * Whoever does something appends a line to a ledger, which survives any crash.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { type Broker, currentTask, type Deferred, getBroker, task } from "@worq/worq";
import { eventually } from "./eventually.ts";
import { type Fault, misbehave } from "./worker_tasks.ts";

/** When it happens: while a task runs, right after one, or when the worker has nothing to do. */
export const MOMENTS = ["running", "just finished", "idle"] as const;
export type Moment = typeof MOMENTS[number];

/** What a victim is to suffer. */
export interface Spec {
  readonly fault: Fault;
  readonly moment: Moment;
  /** How many of its runs go wrong. */
  readonly faults: number;
  /** Milliseconds to work before. */
  readonly work: number;
  readonly ledger: string;
}

/** What came out of it: results, or errors as text. */
export interface Verdict {
  readonly victim: Ending;
  /** One that must not run twice; when running. */
  readonly doomed?: string;
  /** Two tasks that take what the victim gives; the second takes failures, too. */
  readonly dependents: readonly string[];
  /** Workers of tasks that came later. */
  readonly after: readonly string[];
  /** How often a worker was lost with a task, by the ids of all but the victims. */
  readonly losses: Readonly<Record<string, number>>;
}

/** The outcome of a task, seen twice. */
interface Ending {
  readonly id: string;
  readonly outcome: string;
  readonly again: string;
}

const worker: string = crypto.randomUUID().slice(0, 8);
const SOON = 50;
/** Milliseconds between signs of life, so that another pool has the task soon. */
const BEAT = 200;

const tasks = {
  async victim(spec: Spec): Promise<string> {
    const { fault, moment, faults, work, ledger } = spec;
    const { id } = currentTask();
    appendFileSync(ledger, `ran ${id} ${worker}\n`);
    if (linesOf(ledger, `ran ${id} `).length > faults) return "fine";
    await sleep(work);
    const go = () => {
      appendFileSync(ledger, `fault ${fault} ${worker}\n`);
      misbehave(fault);
    };
    if (moment === "running") {
      go();
      // One that is asked to end finishes what it has.
      if (fault === "SIGTERM") await sleep(SOON);
      else await new Promise(() => {});
    } else if (moment === "just finished") setImmediate(go);
    else setTimeout(go, SOON);
    return "fine";
  },
  record(what: unknown, ledger: string): string {
    appendFileSync(ledger, `ran ${currentTask().id} ${worker}\n`);
    return what instanceof Error ? `took ${what.name}` : `took ${what} by ${worker}`;
  },
};

export type CrashTasks = typeof tasks;

/** What workers call. */
export function init(url: string): Broker {
  return getBroker(url).expose(tasks);
}

/** Calls a victim and what depends on it, waits for all of them, and for some more. */
export async function play(broker: Broker, spec: Omit<Spec, "faults">): Promise<Verdict> {
  const { ledger, moment } = spec;
  const q = broker.queue<CrashTasks>();
  const options = { redeliveries: 1, heartbeatInterval: BEAT };
  const victim = await task(q.victim, options)({ ...spec, faults: 1 });
  const record = task(q.record, options);
  const dependents = [
    await record(victim, ledger),
    await task(q.record, { ...options, onError: "pass" })(victim, ledger),
  ];
  const outcome = await endOf(victim);
  const released = await Promise.all(dependents.map(endOf));
  await eventually(() => linesOf(ledger, "fault "), (faults) => faults.length > 0);
  // The ledger tells before it happens, and of an idle worker nothing else does.
  if (moment === "idle") await sleep(200);
  const doomed = moment === "running"
    ? await endOf(
      await task(q.victim, { ...options, redeliveries: 0 })({ ...spec, faults: Infinity }),
    )
    : undefined;
  const later = await Promise.all([1, 2, 3].map((n) => record(n, ledger)));
  const after = await Promise.all(later.map(endOf));
  const losses: Record<string, number> = {};
  for (const { id } of [...dependents, ...later]) {
    losses[id] = (await broker.taskQueue.inspect(id))!.losses;
  }
  return {
    victim: { id: victim.id, outcome, again: await endOf(victim) },
    ...(doomed === undefined ? {} : { doomed }),
    dependents: released,
    after,
    losses,
  };
}

/** The lines of a ledger that begin like that. */
export function linesOf(ledger: string, start: string): string[] {
  if (!existsSync(ledger)) return [];
  return readFileSync(ledger, "utf8").split("\n").filter((line) => line.startsWith(start));
}

async function endOf(deferred: Deferred<string>): Promise<string> {
  return await deferred.result({ timeout: 30_000 }).catch(String);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
