/** Results as Markdown. */
import { cellOf, failuresOf, headOf, tableOf, textOf } from "../markdown.ts";
import { byRound, type Column, ratiosOf } from "../outcomes.ts";
import { type Contestant, CONTESTANTS, isPeer, OURS, VERSIONS } from "./contestants.ts";
import type { Result } from "./measure.ts";
import type { Kind } from "./one.ts";
import type { Runtime } from "./runtimes.ts";

const COLUMNS: readonly Column[] = [
  { key: "boot", header: "boot, ms ↓" },
  { key: "rate", header: "no-ops/s ↑" },
  { key: "cpu", header: "CPU µs/no-op ↓" },
  { key: "p50", header: "round trip p50, µs ↓" },
  { key: "p99", header: "p99, µs ↓" },
  { key: "share", header: "share of two cores ↑" },
  { key: "memory", header: "MB/idle worker ↓" },
];
const NOTE = "Pools of 2 workers; memory with 8. CPU: of the process that has the pool, with its " +
  "threads. Memory: growth of VmRSS for threads, sum of Pss (or VmRSS where that cannot be read) " +
  "for processes.";
const TITLES = { deno: "Deno", bun: "Bun" };
const KINDS: readonly Kind[] = ["threads", "processes"];

/** The whole report. */
export function reportOf(
  results: readonly Result[],
  runtimes: readonly Runtime[],
  rounds: number,
): string {
  const versions = runtimes.map(({ name, version }) => `${TITLES[name]} ${version}`);
  const parts = [
    headOf(`Worker pools: ${OURS} beside others`, [...versions, ...VERSIONS], rounds),
    NOTE,
    ...runtimes.map((runtime) =>
      sectionOf(runtime, results.filter((result) => result.runtime === runtime))
    ),
    failuresOf(failedIn(results)),
  ];
  return parts.filter((part) => part !== "").join("\n\n") + "\n";
}

/** One result, for who watches. */
export function lineOf({ contestant, runtime, round, outcome }: Result): string {
  return `round ${round} ${runtime.name} ${contestant.name}: ${textOf(outcome, COLUMNS)}`;
}

/** Each kind of failure once, with the number of rounds that had it. */
function failedIn(results: readonly Result[]): string[] {
  const rounds = new Map<string, number>();
  for (const { contestant, runtime, outcome } of results) {
    if (!(outcome instanceof Error)) continue;
    const line = `${runtime.name} ${contestant.name}: ${textOf(outcome, COLUMNS).split("\n")[0]}`;
    rounds.set(line, (rounds.get(line) ?? 0) + 1);
  }
  return [...rounds].map(([line, count]) => `${line} (rounds: ${count})`);
}

function sectionOf({ name }: Runtime, results: readonly Result[]): string {
  const contestants = contestantsIn(results);
  const rows = contestants.map((contestant) => [
    contestant.name,
    ...COLUMNS.map(({ key }) => cellOf([...figures(results, contestant, key).values()])),
  ]);
  const table = tableOf(["pool", ...COLUMNS.map(({ header }) => header)], rows);
  const notes = [...KINDS.map((kind) => ratioOf(results, kind)), taskOf(results)];
  return `## ${TITLES[name]}\n\n${table}\n\n${notes.filter((note) => note !== "").join("\n")}`;
}

/** No-ops a second: ours beside the best peer of each round. */
function ratioOf(results: readonly Result[], kind: Kind): string {
  const contestants = contestantsIn(results).filter((one) => one.kind === kind);
  const ours = contestants.find(({ library }) => library === OURS);
  const best = new Map<number, [rate: number, name: string]>();
  for (const peer of contestants.filter(isPeer)) {
    for (const [round, rate] of figures(results, peer, "rate")) {
      if (rate > (best.get(round)?.[0] ?? 0)) best.set(round, [rate, peer.name]);
    }
  }
  if (ours === undefined || best.size === 0) return "";
  const rates = new Map([...best].map(([round, [rate]]) => [round, rate]));
  const names = [...new Set([...best.values()].map(([, name]) => name))];
  const cell = cellOf(ratiosOf(figures(results, ours, "rate"), rates), "x");
  return `- No-ops/s, ${ours.name} / best peer on ${kind} (${names.join(", ")}): ${cell}`;
}

/** How long the task that computes takes, without a pool. */
function taskOf(results: readonly Result[]): string {
  const times = contestantsIn(results).map((one) => [...figures(results, one, "task").values()]);
  return `- A task that computes takes a bare thread, in all measurements: ${
    cellOf(times.flat(), " ms")
  }`;
}

function figures(
  results: readonly Result[],
  contestant: Contestant,
  key: string,
): Map<number, number> {
  return byRound(results.filter((result) => result.contestant === contestant), key);
}

/** In the order of the list, whoever went first in a round. */
function contestantsIn(results: readonly Result[]): Contestant[] {
  const found = new Set(results.map(({ contestant }) => contestant));
  return CONTESTANTS.filter((one) => found.has(one));
}
