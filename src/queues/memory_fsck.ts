/** {@linkcode fsckMemory}: what is wrong with a queue in memory. */
import { STAND_IN } from "../couriers.ts";
import { type Finding, Findings, type FsckOptions, type Invariant, MOST_ROUNDS } from "../fsck.ts";
import { UNIT } from "../message.ts";
import { type Place, placeOf } from "../states.ts";
import { BAND, type Outcome } from "../task_queue.ts";
import type { Entry } from "./memory_entry.ts";
import type { Parts, Store } from "./memory_store.ts";

/** Text for a task that cannot run any more. */
const LOST = "task expired: its message was lost, so that it could not run";

/** Looks at a whole queue; nothing else happens to it meanwhile. */
export function fsckMemory(
  store: Store,
  { repair, limit }: Required<FsckOptions>,
): Finding[] {
  const findings = new Findings();
  for (let round = 1;; round++) {
    const found = new Look(store.parts(), repair).all();
    if (!findings.add(found) || round === MOST_ROUNDS) return findings.all().slice(0, limit);
  }
}

type Places = Exclude<Place, "none" | "over">;

class Look {
  readonly #parts: Parts;
  readonly #repair: boolean;
  readonly #findings: Finding[] = [];
  readonly #waiting: ReadonlySet<Entry>;

  constructor(parts: Parts, repair: boolean) {
    this.#parts = parts;
    this.#repair = repair;
    this.#waiting = new Set(parts.ready);
  }

  all(): Finding[] {
    const { tasks } = this.#parts;
    for (const entry of [...tasks.values()]) {
      if (entry.outcome === undefined) this.#checkAlive(entry);
      else this.#checkOver(entry, entry.outcome);
    }
    this.#checkStrangers();
    this.#checkRefs();
    this.#checkLines();
    for (const { id, leaves, message } of this.#parts.dead.values()) {
      if (message !== "" && leaves < Infinity) continue;
      this.#find("dead", id, "it is dead, and cannot run again or never goes", "drops it", () => {
        this.#parts.dead.delete(id);
      });
    }
    for (const { name, at } of this.#parts.schedules.values()) {
      if (Number.isFinite(at)) continue;
      this.#find("schedule", name, "it does not say when it ticks", "removes it", () => {
        this.#parts.schedules.delete(name);
      });
    }
    if (this.#repair) this.#parts.wake();
    return this.#findings;
  }

  #find(
    invariant: Invariant,
    id: string,
    problem: string,
    remedy: string | undefined,
    set?: () => void,
  ): void {
    const repaired = this.#repair && set !== undefined;
    this.#findings.push({ invariant, id, problem, remedy, repaired });
    if (repaired) set();
  }

  #placesOf(entry: Entry): Places[] {
    const { pending, leases } = this.#parts;
    const places: Places[] = [];
    if (pending.has(entry)) places.push("pending");
    if (this.#waiting.has(entry)) places.push("ready");
    if (leases.has(entry)) places.push("leases");
    return places;
  }

  #takeOut(entry: Entry, place: Places): void {
    const { pending, leases, ready } = this.#parts;
    if (place === "pending") pending.delete(entry);
    else if (place === "leases") {
      if (leases.delete(entry)) ready.left(entry);
    } else ready.remove((other) => other === entry);
  }

  #checkOver(entry: Entry, { status }: Outcome): void {
    const { id, refs, kept } = entry;
    const { due, late } = this.#parts;
    const places = this.#placesOf(entry);
    if (places.length > 0) {
      this.#find("place", id, `it is over, and in ${places.join(" and ")}`, "takes it out", () => {
        places.forEach((place) => this.#takeOut(entry, place));
      });
    }
    if (due.get(entry) !== undefined || late.get(entry) !== undefined) {
      this.#find("time", id, "it is over, and waits for a time", "takes the time away", () => {
        due.delete(entry);
        late.delete(entry);
      });
    }
    if (entry.message !== undefined) {
      this.#find("message", id, "it is over, and its message is still there", "removes it", () => {
        entry.message = undefined;
      });
    }
    if (entry.fence > 0) {
      this.#find(
        "fence",
        id,
        "it is over, and has a fence",
        "takes it away",
        () => entry.fence = 0,
      );
    }
    if (entry.status !== status || entry.feeds || entry.held || entry.waiters) {
      this.#find("settled", id, "it is over, and not all is done for that", undefined);
    }
    if (refs > 0 && kept !== undefined) {
      this.#find("result", id, "its result ends, and a task takes it", "keeps it", () => {
        entry.kept = undefined;
      });
    } else if (refs <= 0 && kept === undefined) {
      const problem = "its result has no end, and no task takes it";
      this.#find("result", id, problem, "gives it one", () => this.#parts.keep(entry));
    }
  }

  #checkAlive(entry: Entry): void {
    const { id, status, score, fence, message } = entry;
    const { due, late, sequence } = this.#parts;
    if (message === undefined) {
      const problem = "its message is gone, so that it cannot run";
      this.#find("message", id, problem, "ends it as expired", () => this.#parts.end(entry, LOST));
      return;
    }
    const places = this.#placesOf(entry);
    if (places.length !== 1 || places[0] !== placeOf(status)) {
      const where = places.length === 0 ? "no place" : places.join(" and ");
      this.#find(
        "place",
        id,
        `it is ${status}, and in ${where}`,
        "puts it where it belongs",
        () => {
          places.forEach((place) => this.#takeOut(entry, place));
          entry.status = "pending";
          this.#parts.pending.add(entry);
          // Its count is looked at in the next round.
          if (this.#expected(entry) === 0) this.#release(entry);
        },
      );
      return;
    }
    const [place] = places;
    for (const [what, n] of [["place", number(score)], ["fence", fence]] as const) {
      if (n <= sequence) continue;
      const problem = `the ${what} ${n} was not given yet`;
      this.#find("sequence", id, problem, "goes on from there", () => this.#parts.raise(n));
    }
    if (place === "leases" && fence <= 0) {
      const problem = "a pool has it, and cannot report it without a fence";
      this.#find("fence", id, problem, "gives it again", () => {
        this.#takeOut(entry, "leases");
        this.#parts.makeReady(entry);
      });
    } else if (place !== "leases" && fence > 0) {
      const problem = "no pool has it, and it has a fence";
      this.#find("fence", id, problem, "takes it away", () => entry.fence = 0);
    }
    if (place !== "pending" && due.get(entry) !== undefined) {
      const problem = "it waits for a time, and is not pending";
      this.#find("time", id, problem, "takes the time away", () => due.delete(entry));
    }
    if (place === "leases" && late.get(entry) !== undefined) {
      const problem = "a pool has it, and it may still come too late";
      this.#find("time", id, problem, "takes the time away", () => late.delete(entry));
    }
    if (place === "pending") this.#checkOpen(entry);
  }

  #checkOpen(entry: Entry): void {
    const { id, open } = entry;
    for (const need of this.#waitsFor(entry)) {
      if (need.feeds?.includes(entry)) continue;
      const problem = `task ${id} waits for it, and it does not know`;
      this.#find("feeds", need.id, problem, "tells it", () => (need.feeds ??= []).push(entry));
    }
    const expected = this.#expected(entry);
    // One that waits for nothing is not pending.
    if (open === expected && expected > 0) return;
    const problem = `it counts ${open}, and waits for ${expected}`;
    this.#find("open", id, problem, "sets its count", () => {
      entry.open = expected;
      if (expected === 0) this.#release(entry);
    });
  }

  #waitsFor({ held = [] }: Entry): Entry[] {
    return held.filter(({ outcome }) => outcome === undefined);
  }

  #expected(entry: Entry): number {
    const isRemote = entry.message?.split(UNIT)[1] === STAND_IN;
    const isDue = this.#parts.due.get(entry) !== undefined;
    return this.#waitsFor(entry).length + (isRemote ? 1 : 0) + (isDue ? 1 : 0);
  }

  #release(entry: Entry): void {
    entry.open = 0;
    this.#parts.pending.delete(entry);
    this.#parts.makeReady(entry);
  }

  /** What is in a place, and no task of the queue. */
  #checkStrangers(): void {
    const { tasks, pending, leases, due, late } = this.#parts;
    const isStranger = (entry: Entry) => tasks.get(entry.id) !== entry;
    for (const entry of [...pending, ...this.#waiting, ...leases].filter(isStranger)) {
      const places = this.#placesOf(entry);
      const problem = `a task that is gone is in ${places.join(" and ")}`;
      this.#find("place", entry.id, problem, "takes it out", () => {
        places.forEach((place) => this.#takeOut(entry, place));
      });
    }
    for (const entry of [...due, ...late].filter(isStranger)) {
      const problem = "a task that is gone waits for a time";
      this.#find("time", entry.id, problem, "takes the time away", () => {
        due.delete(entry);
        late.delete(entry);
      });
    }
  }

  #checkRefs(): void {
    const takers = new Map<Entry, number>();
    const { tasks, dead } = this.#parts;
    for (const { held } of [...tasks.values(), ...dead.values()]) {
      for (const need of held ?? []) takers.set(need, (takers.get(need) ?? 0) + 1);
    }
    for (const entry of new Set([...tasks.values(), ...takers.keys()])) {
      const expected = takers.get(entry) ?? 0;
      if (entry.refs === expected) continue;
      const problem =
        `it counts ${entry.refs} tasks that take its result, and there are ${expected}`;
      this.#find("refs", entry.id, problem, "sets its count", () => {
        entry.refs = expected;
        if (expected > 0) entry.kept = undefined;
        else if (entry.outcome !== undefined) this.#parts.keep(entry);
      });
    }
  }

  #checkLines(): void {
    const { leases, ready } = this.#parts;
    const running = new Map<string, number>();
    for (const key of ready.busy.keys()) running.set(key, 0);
    for (const { key } of leases) {
      if (key !== undefined) running.set(key, (running.get(key) ?? 0) + 1);
    }
    for (const [key, count] of running) {
      const busy = ready.busy.get(key) ?? 0;
      if (busy === count) continue;
      const problem = `it counts ${busy} tasks that run, and has ${count}`;
      this.#find("busy", key, problem, "sets its count", () => {
        if (count > 0) ready.busy.set(key, count);
        else ready.busy.delete(key);
      });
    }
    for (const key of ready.stuck()) {
      const problem = "it has tasks and no turn";
      this.#find("turn", key, problem, "gives it one", () => ready.activate(key));
    }
  }
}

/** Places in the line were given in this order, whatever the priority. */
function number(place: number): number {
  return ((place % BAND) + BAND) % BAND;
}
