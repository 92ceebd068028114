/** The report on a fire, as Markdown. */
import { cpus } from "node:os";
import process from "node:process";
import { failuresOf, format, tableOf } from "../markdown.ts";
import { quantile } from "../statistics.ts";
import type { Burnt } from "./burn.ts";
import { type Crime, CRIMES } from "./verdict.ts";

/** What burnt, and what came of it. */
export interface Part {
  readonly title: string;
  /** Milliseconds of load and faults. */
  readonly length: number;
  readonly burnt: readonly Burnt[];
}

/** How it was made. */
export interface Occasion {
  readonly command: string;
  readonly seed: number;
  readonly versions: readonly string[];
}

/** How many problems are listed one by one. */
const MOST_CASES = 10;

/** The whole report. */
export function reportOf(parts: readonly Part[], occasion: Occasion): string {
  const { command, seed, versions } = occasion;
  const [cpu] = cpus();
  const sections = [
    "# Reliability",
    ABOUT,
    "## The long fire",
    [
      `- Date: ${new Date().toISOString().slice(0, 10)}`,
      `- Machine: ${cpu?.model ?? "unknown"}, ${cpus().length} cores`,
      `- Versions: ${versions.join(", ")}`,
      `- Command: \`${command}\`. The seed ${seed} gives the same graphs and the same times of faults; ` +
      "what they meet on their way differs from run to run.",
    ].join("\n"),
    tableOf(
      ["", ...parts.map(({ title }) => title)],
      FIGURES.map(([name, figure]) => [
        name,
        ...parts.map(figure),
      ]),
    ),
    HOW_TO_READ,
    "How often what happened:",
    faultTable(parts),
    BURNING,
    OTHERWISE,
    failuresOf(casesOf(parts)),
  ];
  return sections.filter((section) => section !== "").join("\n\n") + "\n";
}

/** Whether nothing was found that must not be. */
export function isClean(parts: readonly Part[]): boolean {
  return casesOf(parts).length === 0;
}

const FIGURES: readonly (readonly [name: string, figure: (part: Part) => string])[] = [
  ["minutes of load and faults", ({ length, burnt }) => format(length * burnt.length / 60_000)],
  ["tasks enqueued", sumOf(({ enqueued }) => enqueued)],
  ["calls refused", ({ burnt }) => refusedText(burnt)],
  ["runs", sumOf(({ runs }) => runs)],
  ["accepted outcomes", sumOf(({ accepted }) => accepted)],
  ["**lost**", countOf("lost")],
  ["**doubly accepted**", countOf("accepted twice")],
  ["**waiters left hanging**", countOf("hanging")],
  ["**waiters told what is not so**", countOf("wrong")],
  ["**keys left over**", countOf("left over")],
  ["told, then forgotten by a server", sumOf(({ retold }) => retold)],
  ["hosts killed", sumOf(({ kills }) => kills)],
  ["tasks that ran in them", sumOf(({ recoveries }) => recoveries.length)],
  ["recovery, p50", ({ burnt }) => seconds(quantile(recoveryTimes(burnt), 0.5))],
  ["recovery, max", ({ burnt }) => seconds(quantile(recoveryTimes(burnt), 1))],
  [
    "recovery undisturbed, max",
    ({ burnt }) => seconds(quantile(recoveryTimes(burnt, true), 1)),
  ],
  ["longest fault of servers or network", ({ burnt }) => {
    const times = burnt.flatMap(({ disturbances }) =>
      disturbances.map(({ from, to }) => to - from)
    );
    return seconds(Math.max(...times));
  }],
  ["from outcome to waiter, p50", ({ burnt }) => answerText(burnt, 0.5)],
  ["from outcome to waiter, max", ({ burnt }) => answerText(burnt, 1)],
];

function sumOf(figure: (burnt: Burnt) => number): (part: Part) => string {
  return ({ burnt }) => burnt.reduce((sum, one) => sum + figure(one), 0).toLocaleString("en");
}

function countOf(crime: Crime): (part: Part) => string {
  return sumOf(({ crimes }) => crimes[crime].length);
}

function refusedText(burnt: readonly Burnt[]): string {
  const counts = new Map<string, number>();
  for (const { refused } of burnt) {
    for (const [name, count] of refused) counts.set(name, (counts.get(name) ?? 0) + count);
  }
  return [...counts].map(([name, count]) => `${count.toLocaleString("en")} ${name}`).join(", ") ||
    "0";
}

function recoveryTimes(burnt: readonly Burnt[], undisturbed = false): number[] {
  return burnt.flatMap(({ recoveries }) =>
    recoveries.filter((one) => one.undisturbed || !undisturbed).map(({ time }) => time)
  );
}

function answerText(burnt: readonly Burnt[], share: number): string {
  const time = quantile(burnt.flatMap(({ answers }) => answers), share);
  return Number.isFinite(time) ? `${format(time)} ms` : "–";
}

function seconds(ms: number): string {
  return Number.isFinite(ms) ? `${(ms / 1_000).toFixed(1)} s` : "–";
}

function faultTable(parts: readonly Part[]): string {
  const kinds = [
    ...new Set(parts.flatMap(({ burnt }) => burnt.flatMap(({ faults }) => Object.keys(faults)))),
  ];
  const rows = kinds.map((kind) => [
    kind,
    ...parts.map(({ burnt }) => {
      const count = burnt.reduce((sum, { faults }) => sum + (faults[kind] ?? 0), 0);
      return count === 0 ? "–" : `${count}`;
    }),
  ]);
  return tableOf(["", ...parts.map(({ title }) => title)], rows);
}

function casesOf(parts: readonly Part[]): string[] {
  return parts.flatMap(({ title, burnt }) =>
    burnt.flatMap(({ crimes }) =>
      CRIMES.flatMap((crime) =>
        crimes[crime].slice(0, MOST_CASES).map((text) => `${title}, ${crime}: ${text}`)
      )
    )
  );
}

/** What this process runs on. */
export const RUNTIME: string = process.versions.deno === undefined
  ? `Bun ${process.versions.bun}`
  : `Deno ${process.versions.deno}`;

const ABOUT =
  `What worq promises: a call that resolved is a task that gets an outcome; a task has one \
outcome, however often it runs; and whoever waits is told. This page has the figures of a long run \
in which everything is made to fail, made by \`deno task fire\`, and says how else the promise is \
proven.`;

const HOW_TO_READ =
  `The verdict comes from three witnesses that know nothing of each other: what the \
callers were told, a ledger to which the tasks themselves append a line when they begin and one when \
they end, and the file to which Redis appends every command that it carries out. worq's own counts are \
not asked.

- **Enqueued**: calls that resolved. The others were refused with an error, as they should be: \
\`QueueUnavailable\` while the memory of the server was full, \`NotDurable\` while no replica could \
confirm. What was stored in spite of that also gets an outcome, so there may be more of them.
- **Runs**: attempts that began, retries and those of lost hosts included.
- **Lost**: enqueued, without an outcome in the file of Redis, or expired. Every task may be given \
away fifty times, so none has to expire since its hosts died.
- **Doubly accepted**: a task for which Redis has stored a second outcome, or that of an attempt after \
it had given the task to another one. Outcomes carry the fence of their attempt for that.
- **Left hanging**: not told within a minute after the last fault.
- **Told what is not so**: not what Redis has stored, not what the graph must give, or from an attempt \
that did not end.
- **Left over**: keys, besides \`meta\`, a minute and a half after everyone was told.
- **Recovery**: from the SIGKILL until what ran in the host was given to another one. A lease is \
15 s, and 16 s are allowed when, from a second before the end of the lease on, servers and network let \
pools ask for it: undisturbed.
- **From outcome to waiter**: some begin to wait only 300 ms after their call, and a message that was \
dropped costs up to 5 s, when the waiter asks again.`;

const BURNING =
  `Tasks come as random graphs: up to 12 tasks that take each other's results, now and \
then 101; with failures, retries, \`onError: "pass"\`, delays, priorities and keys; most take \
milliseconds, some 6 s. Four hosts run them: two inline pools, a pool of threads, a pool of processes. \
Each is started again when it is killed; frozen ones (SIGSTOP) are away for up to 20 s, and then \
report what they had.

- **One server**, with \`appendonly yes\` and \`appendfsync always\`, so that it loses nothing that it \
acknowledged. Between it and all clients is a proxy that cuts, delays and halves replies, and drops \
published messages alone.
- **Sentinel**: a primary with a replica and three sentinels, anew for each failover, so that the \
replica has the whole history in its file. Calls are durable. A primary that is killed takes outcomes \
with it that it had told and not yet copied: such a task runs again, and counts as forgotten, not as \
doubly accepted. What the replica itself accepted is counted as above.
- **Cluster**: three masters; the slot of the queue goes from one to another while tasks run. The \
files of all three are read.

\`tests/fire_test.ts\` runs a short fire on one server with each test run, and then the same with \
worq's scripts made wrong, in one line each: outcomes that are not stored, a fence that is not looked \
at, leases that nobody looks after or that outlive their task, dependents that are not released, \
waiters that are not told, keys that stay. The verdict must find each of them, and nothing where \
nothing is wrong.`;

const OTHERWISE = `## How else it is proven

A fire shows what happens often. What happens once in a million times is looked for in other ways:

- **The state table.** [src/states.ts](../src/states.ts) says for each event where it takes a task \
from each place. A test for each pair is made from it, and runs on every backend: \
[state_cases.ts](../src/testing/state_cases.ts), part of the suite that a backend of yours can run, \
too.
- **An oracle.** [model_test.ts](../tests/model_test.ts) runs 10,000 random sequences of operations on \
the queue in memory and on the one in Redis; after each step their answers, their records and the \
invariants must agree. A failure prints the seed and the shortest sequence.
- **Every order.** [interleavings_test.ts](../tests/interleavings_test.ts) has two or three clients \
make their calls in every order, with a client that dies or an answer that gets lost at each call, \
and walks that stop half-way. It, too, must notice mistakes that are planted.
- **The crash matrix.** [crash_test.ts](../tests/crash_test.ts) has nine things happen to a worker at \
three moments, in threads and in processes, on every backend.
- **Single faults**, each with what exactly must come of it: \
[faults_test.ts](../tests/faults_test.ts) for one server, [fleet_test.ts](../tests/fleet_test.ts) for \
Sentinel, [cluster_test.ts](../tests/cluster_test.ts) for clusters.`;
