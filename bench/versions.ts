/** What was measured on what. */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { findRedisServer } from "../tests/support/redis_server.ts";
import config from "../deno.json" with { type: "json" };
import peers from "./peers/deno.json" with { type: "json" };
import { type RuntimeName, RUNTIMES, versionOf } from "./runtimes.ts";
import { OURS } from "./sides.ts";

const TITLES: Readonly<Record<RuntimeName, string>> = { deno: "Deno", bun: "Bun" };
/** What peers are built on, rather than measured. */
const PARTS = ["ioredis"];

/** The machine, in a line. */
export function machine(): string {
  const [cpu] = cpus();
  return `${cpu?.model ?? "unknown"}, ${cpus().length} cores`;
}

/** Runtimes, server and libraries with their versions. */
export function versions(): string[] {
  return [
    ...RUNTIMES.map((name) => `${TITLES[name]} ${versionOf(name)}`),
    `Redis ${redisVersion()}`,
    `${OURS} ${config.version}`,
    ...Object.entries(peers.imports)
      .filter(([name]) => !PARTS.includes(name))
      .map(([, one]) => one.replace("npm:", "").replace("@", " ")),
  ];
}

/** Of the server program of this machine. */
function redisVersion(): string {
  const program = findRedisServer();
  if (program === undefined) return "unknown";
  return /v=(\S+)/.exec(spawnSync(program, ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? "?";
}
