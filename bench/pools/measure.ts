/** One measurement, and the rounds of them. */
import { Child } from "../child.ts";
import { attempt, inTurn, type Outcome } from "../outcomes.ts";
import type { Ask, Figures } from "../protocol.ts";
import type { Contestant } from "./contestants.ts";
import type { Operation } from "./one.ts";
import type { Runtime } from "./runtimes.ts";

/** What one measurement gave. */
export interface Result extends Outcome {
  readonly contestant: Contestant;
  readonly runtime: Runtime;
}

/** What to measure, and how often. */
export interface Setting {
  readonly contestants: readonly Contestant[];
  readonly runtimes: readonly Runtime[];
  readonly rounds: number;
  /** Times the usual number of tasks. */
  readonly scale: number;
  readonly signal: AbortSignal;
}

/** A question; its answer counts when it is not there to warm up. */
interface Step {
  readonly ask: Ask<Operation>;
  readonly warmUp?: boolean;
}

const WORKERS = 2;
const IDLE_WORKERS = 8;
/** Milliseconds that a question may take, and what each worker or task adds. */
const LIMIT = 10_000;
const LIMIT_EACH: Record<Operation, number> = {
  boot: 1_000,
  noops: 1,
  roundTrips: 5,
  burns: 10,
  memory: 1_000,
};

/**
 * Measures everyone in each round, in turns, and gives what comes as it comes: for each contestant
 * on each runtime, the speed of two workers, then the memory of eight.
 */
export async function* measureAll(setting: Setting): AsyncGenerator<Result> {
  const { contestants, runtimes, rounds, scale, signal } = setting;
  const measurements = [speed(scale), MEMORY];
  for (let round = 1; round <= rounds; round++) {
    for (const contestant of inTurn(contestants, round)) {
      for (const runtime of inTurn(runtimes, round)) {
        for (const steps of measurements) {
          const outcome = await attempt(signal, () => measure(contestant, runtime, steps));
          yield { contestant, runtime, round, outcome };
        }
      }
    }
  }
}

/** The answers of a process of its own. */
async function measure(
  { script, kind }: Contestant,
  { runner }: Runtime,
  steps: readonly Step[],
): Promise<Figures> {
  await using child = await Child.start(script, [kind], runner);
  let figures: Figures = {};
  for (const { ask, warmUp = false } of steps) {
    const answer = await child.ask(ask, LIMIT + ask.n * LIMIT_EACH[ask.op]);
    if (!warmUp) figures = { ...figures, ...answer };
  }
  return figures;
}

function speed(scale: number): Step[] {
  const of = (n: number) => Math.max(10, Math.round(n * scale));
  return [
    { ask: { op: "boot", n: WORKERS } },
    { ask: { op: "noops", n: of(2_000) }, warmUp: true },
    { ask: { op: "noops", n: of(20_000) } },
    { ask: { op: "roundTrips", n: of(2_000) } },
    { ask: { op: "burns", n: 200 }, warmUp: true },
    { ask: { op: "burns", n: of(2_000) } },
  ];
}

const MEMORY: readonly Step[] = [{ ask: { op: "memory", n: IDLE_WORKERS } }];
