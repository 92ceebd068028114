/** {@linkcode burn}: load, faults and kills on one site, and the verdict when all is over. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectOptions } from "@worq/worq";
import { prefixOf } from "../../src/queues/redis_lua.ts";
import { readHistory } from "./history.ts";
import type { HostKind } from "./host.ts";
import { type Hosts, type HostsOptions, ProcessHosts } from "./hosts.ts";
import { keysLeft } from "./keys.ts";
import { readLedger } from "./ledger.ts";
import { Load } from "./load.ts";
import { Random } from "./random.ts";
import type { Disturbance } from "./recovery.ts";
import { type Fault, logsOf, QUEUE, type Site } from "./sites.ts";
import { type Appointment, timetable } from "./timetable.ts";
import { judge, type Verdict } from "./verdict.ts";

/** How it burns. */
export interface BurnOptions {
  readonly seed: number;
  /** Milliseconds of load and faults. */
  readonly length: number;
  readonly hosts: readonly HostKind[];
  /** Milliseconds between two graphs of tasks, on average. */
  readonly pause: number;
  /** Milliseconds of the longest tasks. */
  readonly longest: number;
  /** Share of them. */
  readonly longShare: number;
  /** Milliseconds between two kills of a host, on average. */
  readonly killEvery: number;
  /** Likewise, for hosts that stand still, and the longest time that they do. */
  readonly freezeEvery: number;
  readonly freezeTime: number;
  /** Milliseconds that results are kept. */
  readonly resultTimeout: number;
  /** Milliseconds after the last fault in which everything must be over. */
  readonly patience: number;
  /**
   * Milliseconds after that in which what no task needs any more must have an end. Pools look every
   * 5 s.
   */
  readonly tidying: number;
  /** Milliseconds after that in which every key must be gone; not waited for when omitted. */
  readonly untilGone?: number;
  readonly recoveryLimit: number;
  /** How callers reach the queue. */
  readonly connect?: ConnectOptions;
  /** Hears what happens. */
  readonly tell?: (text: string) => void;
}

/** How often which fault happened. */
export type FaultCounts = Readonly<Record<string, number>>;

/** What a fire has brought. */
export interface Burnt extends Verdict {
  readonly faults: FaultCounts;
}

/** Sets a site on fire. */
export async function burn(
  site: Site,
  options: BurnOptions,
  start: (options: HostsOptions) => Promise<Hosts> | Hosts = ProcessHosts.start,
): Promise<Burnt> {
  const { seed, length, patience, tidying, recoveryLimit, tell = () => {} } = options;
  const random = new Random(seed);
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "worq-fire-"));
  stack.defer(() => rm(folder, { recursive: true }));
  const ledger = join(folder, "ledger");
  const { url } = site;
  const { hosts: kinds, pause, longest, longShare, resultTimeout } = options;
  const hosts = stack.use(await start({ kinds, url, queue: QUEUE, ledger }));
  const load = stack.use(
    new Load({
      url,
      queue: QUEUE,
      random: random.fork(),
      pause,
      longest,
      longShare,
      resultTimeout,
      connect: { durable: site.durable, ...options.connect },
    }),
  );
  await load.open();
  tell("all are connected");
  const happened = await withLoad(load, length, () =>
    // A server that is away does not keep hosts from being killed.
    Promise.all([site.faults, faultsOf(hosts, options)].map((faults) => {
      const means = Object.entries(faults).map(([kind, { mean }]) => [kind, mean] as const);
      const times = timetable(random.fork(), length, Object.fromEntries(means));
      return carryOut(times, faults, random.fork(), tell);
    })));
  await hosts.recover();
  tell("the faults are over");
  const isCalm = await load.settle(patience);
  const keepers = site.keepers();
  const own = `${prefixOf(QUEUE)}meta`;
  // As long as pools run, which see to it; in vain where something hangs.
  const endless = await keysLeft(
    keepers,
    isCalm ? tidying : 0,
    (key, ttl) => key === own || ttl >= 0,
  );
  await hosts[Symbol.asyncDispose]();
  const { untilGone } = options;
  const left = untilGone === undefined
    ? endless
    : await keysLeft(keepers, untilGone, (key) => key === own);
  const verdict = judge({
    calls: load.calls,
    runs: readLedger(ledger),
    history: await readHistory(logsOf(keepers), QUEUE),
    kills: hosts.kills,
    disturbances: happened.flatMap(({ disturbances }) => disturbances),
    left,
    crashes: hosts.crashes,
    forgetful: site.durable,
    recoveryLimit,
  });
  return { ...verdict, faults: Object.assign({}, ...happened.map(({ counts }) => counts)) };
}

/** What happens to hosts. */
function faultsOf(hosts: Hosts, options: BurnOptions): Record<string, Fault> {
  const { killEvery, freezeEvery, freezeTime } = options;
  return {
    "pool killed": { mean: killEvery, act: (random) => Promise.resolve(hosts.kill(random)) },
    "pool frozen": {
      mean: freezeEvery,
      act: (random) =>
        Promise.resolve(hosts.freeze(random, random.between(freezeTime / 2, freezeTime))),
    },
  };
}

/** Runs `faults` while there is load, for so long at least. */
async function withLoad<T>(load: Load, length: number, faults: () => Promise<T>): Promise<T> {
  const enough = new AbortController();
  const running = load.run(enough.signal);
  try {
    const [result] = await Promise.all([faults(), sleep(length)]);
    return result;
  } finally {
    enough.abort();
    await running;
  }
}

/** Has each fault happen at its time, or when the one before it is over. */
async function carryOut(
  appointments: readonly Appointment<string>[],
  faults: Readonly<Record<string, Fault>>,
  random: Random,
  tell: (text: string) => void,
): Promise<{ counts: FaultCounts; disturbances: Disturbance[] }> {
  const start = Date.now();
  const counts: Record<string, number> = {};
  const disturbances: Disturbance[] = [];
  for (const { at, kind } of appointments) {
    await sleep(start + at - Date.now());
    const { act, disturbs } = faults[kind]!;
    const from = Date.now();
    await act(random);
    const to = Date.now();
    tell(`${((from - start) / 1_000).toFixed(1)} s: ${kind} (${to - from} ms)`);
    counts[kind] = (counts[kind] ?? 0) + 1;
    if (disturbs) disturbances.push({ from, to });
  }
  return { counts, disturbances };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
