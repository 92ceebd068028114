/** The rounds of a run. */
import type { Figures } from "./protocol.ts";
import type { Row } from "./outcomes.ts";
import type { Entry, Workload } from "./workload.ts";

/**
 * Measures everything in each round, and gives what comes as it comes: who is compared is measured
 * in a row, and another one goes first in the next round. Ends early, and throws, with `signal`.
 */
export async function* measureAll(
  workloads: readonly Workload[],
  rounds: number,
  signal: AbortSignal,
): AsyncGenerator<Row> {
  for (let round = 1; round <= rounds; round++) {
    for (const workload of workloads.filter(({ apart }) => !apart || round === 1)) {
      for (const { label, entries } of workload.cases) {
        for (const entry of inTurn(entries, round)) {
          signal.throwIfAborted();
          const outcome = await outcomeOf(entry);
          signal.throwIfAborted();
          yield { workload: workload.name, case: label, side: entry.side, round, ...outcome };
        }
      }
    }
  }
}

async function outcomeOf(
  { measure }: Entry,
): Promise<Pick<Row, "figures" | "samples" | "error">> {
  const samples: Figures[] = [];
  const read = () => samples.length === 0 ? {} : { samples };
  try {
    const figures = await measure((sample) => samples.push(sample));
    return { figures, ...read() };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error), ...read() };
  }
}

/** `list` in the order of a round: in each, another one goes first. */
function inTurn<T>(list: readonly T[], round: number): T[] {
  return list.map((_, i) => list[(i + round - 1) % list.length]!);
}
