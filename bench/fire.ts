/**
 * A long fire: load, and everything that may fail fails: see `docs/reliability.md`.
 *
 * Exit codes: 0 nothing was found, 1 something was, 2 wrong usage.
 */
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import { tell as ask } from "../tests/support/redis_fleet.ts";
import { countFrom, runCommand } from "./command.ts";
import { burn, type BurnOptions, type Burnt } from "./fire/burn.ts";
import { isClean, type Part, reportOf, RUNTIME } from "./fire/report.ts";
import { movingCluster, singleServer, type Site, watchedPair } from "./fire/sites.ts";
import { CRIMES } from "./fire/verdict.ts";

const MINUTES = 10;
const USAGE = `Usage
  deno task fire [--minutes=${MINUTES}] [--seed=N] [--out=FILE]

One server burns for so many minutes. Then a failover of Sentinel for every fifth minute, and a fifth
of the time for a cluster.
`;

interface Options {
  readonly minutes: number;
  readonly seed: number;
  readonly out: string | undefined;
}

/** What burns, how often and for how long. */
interface Plan {
  readonly title: string;
  readonly open: () => Promise<Site>;
  readonly rounds: number;
  readonly length: number;
}

const MINUTE = 60_000;
/** A failover is over in less. */
const FAILOVER = 40_000;

const LONG: Omit<BurnOptions, "seed" | "length"> = {
  hosts: ["inline", "inline", "thread", "process"],
  load: { pause: 120, longest: 6_000, longShare: 0.02, resultTimeout: 60_000 },
  killEvery: 6_000,
  freezeEvery: 30_000,
  freezeTime: 20_000,
  patience: 60_000,
  tidying: 10_000,
  untilGone: 90_000,
  recoveryLimit: 16_000,
};

function parse(args: string[]): Options | undefined {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: `${MINUTES}` },
      seed: { type: "string", default: `${1 + Math.floor(Math.random() * 1_000_000)}` },
      out: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return undefined;
  const { minutes, seed, out } = values;
  return { minutes: countFrom("minutes", minutes), seed: countFrom("seed", seed), out };
}

function plansFor(minutes: number): Plan[] {
  return [
    { title: "one server", open: singleServer, rounds: 1, length: minutes * MINUTE },
    {
      title: "Sentinel",
      open: watchedPair,
      rounds: Math.ceil(minutes / 5),
      length: FAILOVER,
    },
    {
      title: "cluster",
      open: movingCluster,
      rounds: 1,
      length: Math.max(FAILOVER, minutes / 5 * MINUTE),
    },
  ];
}

async function run({ minutes, seed, out }: Options, signal: AbortSignal): Promise<number> {
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
  });
  const parts: Part[] = [];
  let server = "";
  for (const { title, open, rounds, length } of plansFor(minutes)) {
    const burnt: Burnt[] = [];
    for (let round = 0; round < rounds; round++) {
      await using site = await open();
      server = `${await ask(site.keepers()[0]!.url, "INFO", "server")}`;
      const tell = (text: string) => console.error(`${title}: ${text}`);
      const burning = burn(site, { ...LONG, seed: seed + round, length, tell });
      const one = await Promise.race([burning, stopped]);
      for (const crime of CRIMES) tell(`${crime}: ${one.crimes[crime].length}`);
      burnt.push(one);
    }
    parts.push({ title, length, burnt });
  }
  const version = /^redis_version:(\S+)/m.exec(server)?.[1];
  const command = `deno task fire --minutes=${minutes} --seed=${seed}` +
    (out === undefined ? "" : ` --out=${out}`);
  const versions = [RUNTIME, `Redis ${version}`];
  const report = reportOf(parts, { command, seed, versions });
  console.log(report);
  if (out !== undefined) await writeFile(out, report);
  return isClean(parts) ? 0 : 1;
}

await runCommand({ usage: USAGE, parse, run });
// After an early end, what was under way would go on.
process.exit();
