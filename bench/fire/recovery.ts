/** How long it took until another pool began what a killed one had. */
import type { Kill } from "./hosts.ts";
import type { Run } from "./ledger.ts";

/** When no call got through. */
export interface Outage {
  readonly from: number;
  readonly to: number;
}

/** A task that was running when its host was killed. */
export interface Recovery {
  /** Milliseconds from the kill to its next beginning. */
  readonly time: number;
  /** Whether servers were there all the time. */
  readonly undisturbed: boolean;
}

/** Every task that ran in a host when that was killed, and was begun again. */
export function recoveriesOf(
  runs: readonly Run[],
  kills: readonly Kill[],
  outages: readonly Outage[],
): Recovery[] {
  const byTask = Map.groupBy(runs, ({ id }) => id);
  return kills.flatMap(({ at, host }) => {
    const held = runs.filter((run) => run.host === host && run.ended === undefined);
    return held.flatMap(({ id, began }) => {
      // One that somebody else had begun before was not this host's any more.
      const next = byTask.get(id)!.find((other) => other.host !== host && other.began > began);
      if (next === undefined || next.began < at) return [];
      const undisturbed = !outages.some(({ from, to }) => from < next.began && to > at);
      return [{ time: next.began - at, undisturbed }];
    });
  });
}
