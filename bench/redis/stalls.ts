/**
 * The longest that any call keeps Redis busy, by its SLOWLOG, while graphs of 10,000 edges are
 * stored, run and cleared.
 *
 * SLOWLOG counts the time that the kernel gives to other programs as well. So, where `taskset` is
 * there, the server has a core of its own, and the measured process the others.
 */
import { spawnSync } from "node:child_process";
import { createClient } from "@redis/client";
import { RedisServer } from "../../tests/support/redis_server.ts";
import { Child } from "../child.ts";
import type { Figures } from "../protocol.ts";
import { RUNNERS } from "../runtimes.ts";
import { OURS, sideOf } from "../sides.ts";
import type { Workload } from "../workload.ts";
import { type Job, JOBS } from "./stalls_jobs.ts";

/** Microseconds under which a call is not in the log. */
const SHORTEST = 100;
const LIMIT = 120_000;
const RUNTIME = "deno";

/** The longest calls of worq. */
export function stallWorkload(): Workload {
  return {
    name: "stalls",
    title: "how long a call keeps Redis busy; the first row is what comes from the machine",
    caseHeader: "work",
    columns: [
      { key: "calls", header: "calls" },
      { key: "longest", header: "longest call, ms ↓" },
      { key: "p999", header: "99.9 % within, ms ↓" },
      { key: "p99", header: "99 % within, ms ↓" },
    ],
    cases: JOBS.map((job) => ({
      label: job,
      entries: [{ side: sideOf(OURS, RUNTIME), measure: () => measure(job) }],
    })),
  };
}

async function measure(job: Job): Promise<Figures> {
  await using server = await RedisServer.start([
    ...["--slowlog-log-slower-than", `${SHORTEST}`],
    ...["--slowlog-max-len", "100000"],
  ]);
  await using worq = await Child.start(RUNNERS[RUNTIME], "redis/stalls_worq.ts", [server.url]);
  pin(server.pid, "0");
  pin(worq.pid, "1");
  const observer = createClient({ url: server.url });
  await observer.connect();
  try {
    await observer.configResetStat();
    await worq.ask({ op: job, n: 1 }, LIMIT);
    const calls = callsIn(await observer.info("commandstats"));
    const times = timesIn(await observer.sendCommand(["SLOWLOG", "GET", "-1"]));
    const within = (share: number) => times[Math.floor(calls * (1 - share))] ?? SHORTEST / 1_000;
    return { calls, longest: within(1), p999: within(0.999), p99: within(0.99) };
  } finally {
    observer.destroy();
  }
}

/** Scripts that were called. */
function callsIn(stats: string): number {
  return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)]
    .reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/** Milliseconds that scripts in the log took, the longest first. */
function timesIn(log: unknown): number[] {
  return (log as [number, number, microseconds: number, command: string[]][])
    .filter(([, , , [command]]) => /^EVAL/i.test(command ?? ""))
    .map(([, , microseconds]) => microseconds / 1_000)
    .sort((a, b) => b - a);
}

function pin(pid: number, core: string): void {
  spawnSync("taskset", ["-a", "-cp", core, `${pid}`]);
}
