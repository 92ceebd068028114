/** {@linkcode burn}: load, faults and kills on one site, and the verdict when all is over. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConnectOptions } from "@worq/worq";
import { prefixOf } from "../../src/queues/redis_lua.ts";
import { type Faults, happen, type Happened } from "./faults.ts";
import type { GraphShape } from "./graphs.ts";
import { readHistory } from "./history.ts";
import type { HostKind } from "./host.ts";
import { type Hosts, type HostsOptions, ProcessHosts } from "./hosts.ts";
import { keysLeft } from "./keys.ts";
import { readLedger } from "./ledger.ts";
import { Load, type LoadOptions } from "./load.ts";
import { Random } from "./random.ts";
import { logsOf, QUEUE, type Site } from "./sites.ts";
import { judge, type Verdict } from "./verdict.ts";

/** How it burns. */
export interface BurnOptions {
  readonly seed: number;
  /** Milliseconds of load and faults. */
  readonly length: number;
  readonly hosts: readonly HostKind[];
  readonly load: Pick<LoadOptions, "pause" | keyof GraphShape>;
  /** Milliseconds between two kills of a host, on average. */
  readonly killEvery: number;
  /** Likewise, for hosts that stand still, and the longest time that they do. */
  readonly freezeEvery: number;
  readonly freezeTime: number;
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

/** What a fire has brought. */
export interface Burnt extends Verdict {
  /** How often which fault happened. */
  readonly faults: Happened["counts"];
}

/** Sets a site on fire. */
export async function burn(
  site: Site,
  options: BurnOptions,
  start: (options: HostsOptions) => Promise<Hosts> | Hosts = ProcessHosts.start,
): Promise<Burnt> {
  const { seed, patience, recoveryLimit, tell = () => {} } = options;
  const random = new Random(seed);
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "worq-fire-"));
  stack.defer(() => rm(folder, { recursive: true }));
  const at = { url: site.url, queue: QUEUE, ledger: join(folder, "ledger") };
  const hosts = stack.use(await start({ ...at, kinds: options.hosts }));
  const connect = { durable: site.durable, ...options.connect };
  const load = stack.use(new Load({ ...at, ...options.load, random: random.fork(), connect }));
  await load.open();
  tell("all are connected");
  const [ofServers, ofHosts] = await load.during(() =>
    // A server that is away does not keep hosts from being killed.
    Promise.all([
      happen(site.faults, options.length, random.fork(), tell),
      happen(hostFaults(hosts, options), options.length, random.fork(), tell),
    ])
  );
  await hosts.recover();
  tell("the faults are over");
  const hangs = !await load.settle(patience);
  const left = await keysOf(site, hosts, options, hangs);
  const verdict = judge({
    calls: load.calls,
    runs: readLedger(at.ledger),
    history: await readHistory(logsOf(site.keepers()), QUEUE),
    kills: hosts.kills,
    disturbances: ofServers.disturbances,
    left,
    crashes: hosts.crashes,
    forgetful: site.durable,
    recoveryLimit,
  });
  return { ...verdict, faults: { ...ofServers.counts, ...ofHosts.counts } };
}

/** What happens to hosts. */
function hostFaults(hosts: Hosts, { killEvery, freezeEvery, freezeTime }: BurnOptions): Faults {
  return {
    "pool killed": { mean: killEvery, act: (random) => hosts.kill(random) },
    "pool frozen": {
      mean: freezeEvery,
      act: (random) => hosts.freeze(random, random.between(freezeTime / 2, freezeTime)),
    },
  };
}

/** The keys that are left; ends the hosts. */
async function keysOf(
  site: Site,
  hosts: Hosts,
  { tidying, untilGone }: BurnOptions,
  hangs: boolean,
): Promise<string[]> {
  const servers = site.keepers();
  const own = `${prefixOf(QUEUE)}meta`;
  // As long as pools run, which see to it; in vain where something hangs.
  const patience = hangs ? 0 : tidying;
  const endless = await keysLeft(servers, patience, (key, ttl) => key === own || ttl >= 0);
  await hosts[Symbol.asyncDispose]();
  if (untilGone === undefined) return endless;
  return await keysLeft(servers, untilGone, (key) => key === own);
}
