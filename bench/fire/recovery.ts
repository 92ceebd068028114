/** How long it took until another pool got what a killed one had. */
import type { Claimed, History } from "./history.ts";
import type { Kill } from "./hosts.ts";
import type { Run } from "./ledger.ts";

/** When calls did not get through, or late. */
export interface Disturbance {
  readonly from: number;
  readonly to: number;
}

/** A task that was running when its host was killed. */
export interface Recovery {
  /** Milliseconds from the kill until it was given to another host. */
  readonly time: number;
  /** Whether nothing kept pools from asking for it. */
  readonly undisturbed: boolean;
}

/** Leases end 15 s after the last sign of life at most; what happens long before does not matter. */
const MATTERS_AFTER = 14_000;

/** Every task that ran in a host when that was killed, and was given to another one. */
export function recoveriesOf(
  runs: readonly Run[],
  claims: History["claims"],
  kills: readonly Kill[],
  disturbances: readonly Disturbance[],
): Recovery[] {
  return kills.flatMap(({ at, host }) => {
    const unfinished = runs.filter((run) => run.host === host && run.ended === undefined);
    return unfinished.flatMap((run) => {
      const next = nextClaim(run, claims.get(run.id) ?? []);
      // One that was given away before was not this host's any more.
      if (next === undefined || next.at < at) return [];
      const undisturbed = !disturbances.some(({ from, to }) =>
        from < next.at && to > at + MATTERS_AFTER
      );
      return [{ time: next.at - at, undisturbed }];
    });
  });
}

/** The claim after the one that a run is of. A cluster has them in several files, in no order. */
function nextClaim({ began }: Run, claims: readonly Claimed[]): Claimed | undefined {
  const later = claims.filter(({ at }) => at > began);
  return later.sort((a, b) => a.at - b.at)[0];
}
