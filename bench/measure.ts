/** One measurement, and the rounds of them. */
import { setTimeout as sleep } from "node:timers/promises";
import { Child } from "./child.ts";
import { costOf, type Costs } from "./costs.ts";
import { attempt, inTurn, type Outcome } from "./outcomes.ts";
import type { Figures } from "./protocol.ts";
import { type Side, SIDES } from "./sides.ts";
import type { Case, Workload } from "./workloads.ts";

/** What one measurement gave. */
export interface Result extends Outcome {
  readonly workload: Workload;
  readonly case: Case;
  readonly side: Side;
}

const QUEUE = "bench";
/** Milliseconds that one step of a measurement may take. */
const LIMIT = 180_000;
/** Until what was asked for before has come to rest. */
const REST = 200;

/** Where and how to measure. */
export interface Setting {
  readonly url: string;
  readonly costs: Costs;
  readonly rounds: number;
  readonly signal: AbortSignal;
}

/** Measures everything in each round, the sides in turns, and gives what comes as it comes. */
export async function* measureAll(
  workloads: readonly Workload[],
  setting: Setting,
): AsyncGenerator<Result> {
  for (let round = 1; round <= setting.rounds; round++) {
    for (const workload of workloads) {
      for (const one of workload.cases) {
        for (const side of inTurn(SIDES, round)) {
          const outcome = await attempt(setting.signal, () => measure(side, one, setting));
          yield { workload, case: one, side, round, outcome };
        }
      }
    }
  }
}

async function measure(side: Side, one: Case, { url, costs }: Setting): Promise<Figures> {
  const { ask, warmUp, concurrency } = one;
  await costs.clear();
  await using worker = concurrency === undefined
    ? undefined
    : await Child.start(side.worker, [url, QUEUE, `${concurrency}`]);
  await using producer = await Child.start(side.producer, [url, QUEUE]);
  const pids = worker === undefined ? [producer.pid] : [producer.pid, worker.pid];
  if (worker !== undefined) await producer.ask({ op: "prepare", n: 1 }, LIMIT);
  await producer.ask(warmUp, LIMIT);
  await sleep(REST);
  const before = await costs.read(pids);
  const figures = await producer.ask(ask, LIMIT);
  await sleep(REST);
  const cost = costOf(before, await costs.read(pids), ask.n);
  return { rate: ask.n / figures.ms! * 1_000, ...cost, ...figures };
}
