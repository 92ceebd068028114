/**
 * The verdict, from three witnesses that know nothing of each other: what callers were told, what the
 * tasks wrote when they ran, and what Redis wrote of its own commands.
 */
import { failureOf, valueOf } from "../../src/outcome.ts";
import type { Outcome } from "../../src/task_queue.ts";
import type { History } from "./history.ts";
import type { Kill } from "./hosts.ts";
import type { Run } from "./ledger.ts";
import type { Call, Told } from "./load.ts";
import { type Disturbance, recoveriesOf, type Recovery } from "./recovery.ts";
import { QUEUE } from "./sites.ts";
import type { Output } from "./tasks.ts";

/** All that is known when the fire is out. */
export interface Evidence {
  readonly calls: readonly Call[];
  readonly runs: readonly Run[];
  readonly history: History;
  readonly kills: readonly Kill[];
  readonly disturbances: readonly Disturbance[];
  /** Names of the keys that should not be there any more. */
  readonly left: readonly string[];
  /** Ends of hosts that nobody wanted. */
  readonly crashes: readonly string[];
  /** Whether a server may forget outcomes that it has told: its replica had not got them yet. */
  readonly forgetful: boolean;
  /** The longest time that a lost host may cost, in milliseconds. */
  readonly recoveryLimit: number;
}

/** What must not be. */
export const CRIMES = [
  /** A stored task has no outcome, or it expired: nothing lets it, here. */
  "lost",
  /** Two outcomes of one task were stored, or that of an attempt which did not count any more. */
  "accepted twice",
  /** A caller was not told. */
  "hanging",
  /** A caller was told what is not so. */
  "wrong",
  /** A key stays for good. */
  "left over",
  /** What a lost host had was given away too late. */
  "late",
  /** A host ended by itself. */
  "crashed",
] as const;
export type Crime = typeof CRIMES[number];

/** What has come out. */
export interface Verdict {
  readonly crimes: Readonly<Record<Crime, readonly string[]>>;
  /** Calls that were stored. */
  readonly enqueued: number;
  /** Calls that were not, by the names of their errors. */
  readonly refused: ReadonlyMap<string, number>;
  readonly runs: number;
  /** Tasks that have an outcome. */
  readonly accepted: number;
  readonly kills: number;
  readonly disturbances: readonly Disturbance[];
  readonly recoveries: readonly Recovery[];
  /** Milliseconds from when an outcome was stored until its waiter was told. */
  readonly answers: readonly number[];
  /** Tasks whose outcome was told, forgotten by a server, and made again. */
  readonly retold: number;
}

/** The verdict on what is known. */
export function judge(evidence: Evidence): Verdict {
  const { calls, runs, history, kills, disturbances, left, crashes } = evidence;
  const crimes = Object.fromEntries(CRIMES.map((crime) => [crime, [] as string[]])) as Record<
    Crime,
    string[]
  >;
  const charge = (crime: Crime, text: string) => void crimes[crime].push(text);
  judgeOutcomes(evidence, charge);
  const { answers, retold } = judgeCalls(evidence, charge);
  const recoveries = recoveriesOf(runs, history.claims, kills, disturbances);
  for (const { time, undisturbed } of recoveries) {
    if (!undisturbed || time <= evidence.recoveryLimit) continue;
    charge("late", `${time} ms until another host got it`);
  }
  left.forEach((key) => charge("left over", key));
  crashes.forEach((text) => charge("crashed", text));
  return {
    crimes,
    enqueued: calls.filter(({ id }) => id !== undefined).length,
    refused: countsOf(calls.flatMap(({ refusal }) => refusal ?? [])),
    runs: runs.length,
    accepted: history.outcomes.size,
    kills: kills.length,
    disturbances,
    recoveries,
    answers,
    retold,
  };
}

type Charge = (crime: Crime, text: string) => void;

/** What Redis has of all tasks, beside what was run. */
function judgeOutcomes({ history: { outcomes, claims }, runs }: Evidence, charge: Charge): void {
  const ended = runs.filter((run) => run.ended !== undefined);
  const finished = new Set(ended.map(({ id, fence }) => `${id} ${fence}`));
  for (const [id, accepted] of outcomes) {
    if (accepted.length > 1) charge("accepted twice", `${id}: ${accepted.length} outcomes`);
    for (const { outcome, at } of accepted) {
      const fence = fenceOf(id, outcome);
      if (fence === undefined) continue;
      const later = claims.get(id)?.find((claim) => claim.fence > fence && claim.at <= at);
      if (later !== undefined) {
        charge("accepted twice", `${id}: an outcome with fence ${fence} after ${later.fence}`);
      }
      if (!finished.has(`${id} ${fence}`)) charge("wrong", `${id}: no run gave its outcome`);
    }
  }
}

/** What callers were told, beside what Redis has and what must come out. */
function judgeCalls(
  { calls, history: { outcomes }, forgetful }: Evidence,
  charge: Charge,
): Pick<Verdict, "answers" | "retold"> {
  const answers: number[] = [];
  let retold = 0;
  for (const { id, refusal, told, sum } of calls) {
    if (refusal !== undefined) continue;
    if (id === undefined) {
      charge("hanging", "a call that never came back");
      continue;
    }
    const stored = outcomes.get(id)?.[0];
    if (stored === undefined) charge("lost", `${id}: no outcome`);
    if (told === undefined) {
      charge("hanging", `${id}: nobody told its waiter`);
      continue;
    }
    if (told.error?.name === "TaskExpired") charge("lost", `${id}: ${told.error.message}`);
    else if (!fits(sum, told)) {
      charge("wrong", `${id}: expected ${sum ?? "a failure"}, told ${toldText(told)}`);
    }
    if (stored === undefined) continue;
    answers.push(told.at - stored.at);
    const text = storedText(id, stored.outcome);
    if (toldText(told) === text) continue;
    if (forgetful) retold++;
    else charge("wrong", `${id}: told ${toldText(told)}, stored ${text}`);
  }
  return { answers, retold };
}

function fits(sum: number | undefined, { output, error }: Told): boolean {
  return sum === undefined ? error?.name === "TaskFailure" : sum === output?.sum;
}

/** The attempt that an outcome is of; undefined when the task did not run for it. */
function fenceOf(id: string, outcome: Outcome): number | undefined {
  if (outcome.status === "success") return (valueOf(outcome) as Output).fence;
  const text = storedText(id, outcome);
  if (text.includes("an argument failed")) return undefined;
  const found = /with fence (\d+)/.exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

function storedText(id: string, outcome: Outcome): string {
  if (outcome.status === "success") return textOf(valueOf(outcome) as Output);
  return textOf(failureOf(outcome, { task: "work", queue: QUEUE, id }));
}

function toldText({ output, error }: Told): string {
  return textOf(output ?? error!);
}

function textOf(end: Output | Error): string {
  return end instanceof Error ? `${end}` : JSON.stringify(end);
}

function countsOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
