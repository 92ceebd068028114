/** {@linkcode fsckRedis}: what is wrong with a queue in Redis, found and set right while it works. */
import { type Finding, Findings, type FsckOptions, type Invariant, MOST_ROUNDS } from "../fsck.ts";
import { UNIT } from "../message.ts";
import { COUNT, LOOK, WORK } from "./redis_fsck_scripts.ts";
import { STEPS } from "./redis_lua.ts";
import type { Script } from "./redis_scripts.ts";

/** Runs a script on the queue. */
export type Run = (script: Script, args: readonly string[]) => Promise<unknown>;

/** Counts that are compared in one look at the queue; for more of them there are more looks. */
const COUNTS = 100_000;
/** Counts that are looked into, of those that seem wrong. */
const SUSPECTS = 1_000;
/** The number of the first section, and no cursor. */
const BEGIN: Step = ["1", "", []];

type Step = readonly [section: string, cursor: string, left: readonly string[]];
type LookAnswer = [
  section: number,
  cursor: string,
  left: string[],
  findings: string[],
  counts: string[],
  holders: string[],
  given: string,
];

/** Looks at a whole queue, and again after each repair. */
export async function fsckRedis(
  run: Run,
  settle: () => Promise<void>,
  { repair, limit }: Required<FsckOptions>,
): Promise<Finding[]> {
  const findings = new Findings();
  for (let round = 1;; round++) {
    const found = await new Look(run, repair, limit).all();
    if (!findings.add(found) || round === MOST_ROUNDS) return findings.all().slice(0, limit);
    await settle();
  }
}

/** One look at the queue. */
class Look {
  readonly #run: Run;
  readonly #repair: boolean;
  readonly #limit: number;
  readonly #findings: Finding[] = [];

  constructor(run: Run, repair: boolean, limit: number) {
    this.#run = run;
    this.#repair = repair;
    this.#limit = limit;
  }

  async all(): Promise<Finding[]> {
    const tally = new Tally();
    await this.#walk(this.#repair, (_, counts, holders) => tally.take(counts, holders), true);
    while (!this.#isFull) {
      const suspects = tally.suspects();
      if (suspects.length > 0) await this.#lookInto(suspects);
      if (!tally.next()) break;
      await this.#walk(false, (_, counts, holders) => tally.take(counts, holders), false);
    }
    return this.#findings;
  }

  get #isFull(): boolean {
    return this.#findings.length >= this.#limit;
  }

  /** Goes through the queue, some of it at a time. */
  async #walk(
    repair: boolean,
    take: (given: string, counts: readonly string[], holders: readonly string[]) => void,
    tell: boolean,
  ): Promise<void> {
    let step = BEGIN;
    for (let left = true; left;) {
      const [section, cursor, items] = step;
      const rest = items.slice(WORK);
      const hold = rest.length > 0 ? "1" : "";
      const args = [repair ? "1" : "", section, cursor, hold, ...items.slice(0, WORK)];
      const answer = await this.#run(LOOK, args) as LookAnswer;
      const [next, nextCursor, nextItems, findings, counts, holders, given] = answer;
      if (tell) this.#tell(findings);
      take(given, counts, holders);
      step = [`${next}`, nextCursor, [...nextItems, ...rest]];
      left = next <= SECTIONS && !(tell && this.#isFull);
    }
  }

  /** Finds those that a suspect counts, and compares. */
  async #lookInto(suspects: readonly Suspect[]): Promise<void> {
    const found = new Map(suspects.map((suspect) => [suspect, new Set<string>()]));
    const byName = new Map(
      suspects.map((suspect) => [suspect.kind + UNIT + suspect.name, suspect]),
    );
    let began: string | undefined;
    await this.#walk(false, (given, _, holders) => {
      began ??= given;
      for (let at = 0; at < holders.length; at += 4) {
        const [kind, name, by] = holders.slice(at, at + 3) as [string, string, string];
        const suspect = byName.get(kind + UNIT + name);
        if (suspect !== undefined) found.get(suspect)!.add(by.replace(/^kept:/, "needs:"));
      }
    }, false);
    for (const [{ kind, name }, holders] of found) {
      await this.#compare(kind, name, began!, [...holders]);
      if (this.#isFull) return;
    }
  }

  async #compare(kind: string, name: string, began: string, holders: string[]): Promise<void> {
    let before: readonly (string | number)[] = ["", "", ""];
    const repair = this.#repair ? "1" : "";
    for (let at = 0; at === 0 || at < holders.length; at += STEPS) {
      const some = holders.slice(at, at + STEPS);
      const last = at + STEPS >= holders.length ? "1" : "";
      const args = [repair, kind, name, began, ...before.map(String), last, ...some];
      const answer = await this.#run(COUNT, args) as [string, string, number, string[]];
      this.#tell(answer[3]);
      before = answer.slice(0, 3) as [string, string, number];
    }
  }

  #tell(parts: readonly string[]): void {
    for (let at = 0; at < parts.length; at += 4) {
      const [invariant, id, problem, remedy] = parts.slice(at, at + 4) as [
        ...[Invariant, string, string, string],
      ];
      const repaired = this.#repair && remedy !== "";
      const finding = { invariant, id, problem, remedy: remedy || undefined, repaired };
      if (!this.#isFull) this.#findings.push(finding);
    }
  }
}

/** Sections of a queue that are looked at. */
const SECTIONS = 15;

/** A count that seems wrong. */
interface Suspect {
  readonly kind: string;
  readonly name: string;
}

/** Counts, beside how many were found of what they count. */
class Tally {
  /** By kind and name: what it counts, and how many were found. */
  #counts = new Map<string, [count: number, found: number]>();
  /** So many parts are looked at one after the other, each with its share of the counts. */
  #parts = 1;
  #part = 0;

  take(counts: readonly string[], holders: readonly string[]): void {
    for (let at = 0; at < counts.length; at += 3) {
      const entry = this.#entry(counts[at]!, counts[at + 1]!);
      if (entry !== undefined) entry[0] = Number(counts[at + 2]);
    }
    for (let at = 0; at < holders.length; at += 4) {
      const seen = holders[at + 3] === "seen";
      const entry = seen ? undefined : this.#entry(holders[at]!, holders[at + 1]!);
      if (entry !== undefined) entry[1]++;
    }
  }

  suspects(): Suspect[] {
    const suspects: Suspect[] = [];
    for (const [key, [count, found]] of this.#counts) {
      if (count === found) continue;
      const end = key.indexOf(UNIT);
      suspects.push({ kind: key.slice(0, end), name: key.slice(end + 1) });
      if (suspects.length === SUSPECTS) break;
    }
    return suspects;
  }

  /** Goes on with the next part, if there is one. */
  next(): boolean {
    this.#counts = new Map();
    return ++this.#part < this.#parts;
  }

  #entry(kind: string, name: string): [number, number] | undefined {
    const key = kind + UNIT + name;
    if (this.#parts > 1 && partOf(key, this.#parts) !== this.#part) return undefined;
    let entry = this.#counts.get(key);
    if (entry === undefined) {
      this.#counts.set(key, entry = [0, 0]);
      if (this.#counts.size > COUNTS) this.#split();
    }
    return entry;
  }

  #split(): void {
    // The parts before are done: only those that come may be divided.
    if (this.#part > 0) return;
    this.#parts *= 2;
    for (const key of this.#counts.keys()) {
      if (partOf(key, this.#parts) !== this.#part) this.#counts.delete(key);
    }
  }
}

function partOf(text: string, parts: number): number {
  let hash = 0;
  for (let i = 0; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return hash % parts;
}
