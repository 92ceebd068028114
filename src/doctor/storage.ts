/** Checks of what a server keeps: whether it is full, and what outlives it. */
import type { Check, Problem } from "./diagnosis.ts";
import { numberIn, type ServerFacts } from "./server_facts.ts";

const [FILLED, FULL] = [0.8, 0.95];
/** Memory that is in pieces: so many times what is used, and at least so many bytes. */
const [PIECES, PIECES_BYTES] = [1.5, 50 * 1024 ** 2];

/** What the server removes when it is full. */
export const eviction: Check<ServerFacts> = {
  name: "eviction",
  problems(facts) {
    const policy = policyOf(facts);
    if (policy === undefined || policy === "noeviction") return [];
    return [{
      level: "error",
      text: `maxmemory-policy is ${policy}`,
      why: "a full server removes tasks, leases and results: tasks are lost, or run twice",
      remedy: "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf",
    }];
  },
  fine: policyOf,
};

function policyOf({ info, config }: ServerFacts): string | undefined {
  return info.get("maxmemory_policy") ?? config.get("maxmemory-policy");
}

/** What outlives the server. */
export const persistence: Check<ServerFacts> = {
  name: "persistence",
  problems: (facts) => [...failedSaves(facts), ...missingSaves(facts)],
  fine({ info, config }) {
    if (info.get("aof_enabled") !== "1") return undefined;
    return `appendonly yes${config.has("appendfsync") ? `, ${config.get("appendfsync")}` : ""}`;
  },
};

function failedSaves({ info, config }: ServerFacts): Problem[] {
  const problems: Problem[] = [];
  if (info.get("rdb_last_bgsave_status") === "err") {
    const stops = config.get("stop-writes-on-bgsave-error") === "yes" && config.get("save") !== "";
    problems.push({
      level: "error",
      text: "the last snapshot failed (rdb_last_bgsave_status:err)",
      why: stops
        ? "the server refuses every write until one succeeds (MISCONF): no call, no result"
        : "a restart loses all that came since the last one that succeeded",
      remedy: "look into the server's log (a full disk, a folder that is gone), then BGSAVE",
    });
  }
  if (info.get("aof_last_write_status") === "err") {
    problems.push({
      level: "error",
      text: "the last write to the append-only file failed (aof_last_write_status:err)",
      why: "the server refuses every write until one succeeds (MISCONF): no call, no result",
      remedy: "look into the server's log, and make room on its disk",
    });
  }
  if (info.get("aof_last_bgrewrite_status") === "err") {
    problems.push({
      level: "warning",
      text: "the append-only file could not be rewritten (aof_last_bgrewrite_status:err)",
      why: "it grows until the disk is full, and then the server refuses every write",
      remedy: "look into the server's log, then BGREWRITEAOF",
    });
  }
  return problems;
}

function missingSaves({ info, config }: ServerFacts): Problem[] {
  const remedy =
    "CONFIG SET appendonly yes, CONFIG SET appendfsync everysec, and both in redis.conf";
  const [aof, save] = [info.get("aof_enabled"), config.get("save")];
  if (aof === "0" && save === "") {
    return [{
      level: "warning",
      text: "nothing is written to disk (appendonly no, no save points)",
      why: "a restart of the server loses all tasks and results",
      remedy,
    }];
  }
  if (aof === "0" && save !== undefined) {
    return [{
      level: "note",
      text: `only snapshots are written to disk (appendonly no, save ${save})`,
      why: "a crash of the server loses all that came since the last one",
      remedy,
    }];
  }
  if (aof === "1" && config.get("appendfsync") === "no") {
    return [{
      level: "warning",
      text: "appendfsync is no",
      why:
        "a crash of the machine loses what its system had not written yet, half a minute or more",
      remedy: "CONFIG SET appendfsync everysec, and the same in redis.conf",
    }];
  }
  return [];
}

/** How full the server is. */
export const memory: Check<ServerFacts> = {
  name: "memory",
  problems: (facts) => [...fullness(facts), ...fragmentation(facts)],
  fine({ info }) {
    const [used, most] = [numberIn(info, "used_memory"), numberIn(info, "maxmemory")];
    return used === undefined || most === undefined ? undefined : partOf(used, most);
  },
};

function fullness({ info }: ServerFacts): Problem[] {
  const [used, most] = [numberIn(info, "used_memory"), numberIn(info, "maxmemory")];
  if (used === undefined || most === undefined) return [];
  if (most === 0) {
    return [{
      level: "note",
      text: "there is no maxmemory",
      why: "a server that fills its machine is killed by the system, in place of refusing calls",
      remedy:
        "CONFIG SET maxmemory, with three quarters of the machine's memory, and in redis.conf",
    }];
  }
  if (used < FILLED * most) return [];
  return [{
    level: used >= FULL * most ? "error" : "warning",
    text: `${partOf(used, most)} is used`,
    why: "a full server refuses calls (OOM); pools go on with what is there",
    remedy:
      "give it more (CONFIG SET maxmemory), start more pools, or keep results for less time " +
      "(resultTimeout, deadTimeout)",
  }];
}

function fragmentation({ info }: ServerFacts): Problem[] {
  const ratio = numberIn(info, "mem_fragmentation_ratio") ?? 0;
  const bytes = numberIn(info, "mem_fragmentation_bytes") ?? 0;
  if (ratio < PIECES || bytes < PIECES_BYTES) return [];
  return [{
    level: "warning",
    text: `the memory is in pieces: ${megabytes(bytes)} more than what is used (${ratio} times)`,
    why: "the machine may be full before maxmemory is reached",
    remedy: "MEMORY PURGE, or CONFIG SET activedefrag yes",
  }];
}

function partOf(used: number, most: number): string {
  return `${Math.floor(100 * used / most)} % of ${megabytes(most)}`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 ** 2)} MB`;
}
