/** Checks of servers that stand in for each other: replicas, clusters and sentinels. */
import { SLOTS } from "../queues/redis_slots.ts";
import type { RedisTarget } from "../queues/redis_url.ts";
import type { Check, Problem } from "./diagnosis.ts";
import type { ClusterFacts, Watcher } from "./fleet_facts.ts";
import { numberIn, type ServerFacts } from "./server_facts.ts";

/** Seconds that a replica, which speaks every second, may be silent, when no setting says so. */
const LAG = "10";

/** What has copies of a server, or is one. */
export const replicas: Check<ServerFacts & { readonly target: RedisTarget }> = {
  name: "replicas",
  problems: (facts) =>
    facts.info.get("role") === "slave" ? copyProblems(facts) : originalProblems(facts),
  fine({ info }) {
    if (info.get("role") === "slave") return "it follows its primary";
    const count = numberIn(info, "connected_slaves") ?? 0;
    return count === 0 ? undefined : `${count}`;
  },
};

function copyProblems({ info, target }: ServerFacts & { target: RedisTarget }): Problem[] {
  if (target.kind === "server" || info.get("master_link_status") === "up") return [];
  return [{
    level: "warning",
    text: `it lost its primary ${info.get("master_host")}:${info.get("master_port")}`,
    why: "it falls behind, and would have little when it takes over",
    remedy: "look into the logs of both servers; masterauth must be the primary's password",
  }];
}

function originalProblems(
  { info, config, target }: ServerFacts & { target: RedisTarget },
): Problem[] {
  const problems: Problem[] = [];
  const all = [...info].filter(([name]) => /^slave\d+$/.test(name)).map(([, text]) => text);
  const most = Number(config.get("min-replicas-max-lag") ?? LAG);
  const late = all.filter((text) =>
    !text.includes("state=online") || Number(/lag=(\d+)/.exec(text)?.[1]) > most
  );
  const wanted = Number(config.get("min-replicas-to-write") ?? 0);
  if (late.length > 0) {
    const names = late.map((text) => /ip=([^,]*),port=(\d+)/.exec(text)?.slice(1).join(":"));
    problems.push({
      level: "warning",
      text: `replica ${names.join(", ")} is behind`,
      why: "when it takes over, it lacks tasks; durable calls wait for it in vain (NotDurable)",
      remedy: "look into its log, and at its network",
    });
  }
  const good = numberIn(info, "min_slaves_good_slaves");
  if (wanted > 0 && good !== undefined && good < wanted) {
    problems.push({
      level: "error",
      text: `${good} replicas are there, and min-replicas-to-write is ${wanted}`,
      why: "the server refuses every write until they are (NOREPLICAS): no call, no result",
      remedy: `start replicas, or CONFIG SET min-replicas-to-write ${good}`,
    });
  }
  const isFleet = target.kind !== "server";
  if (isFleet && info.size > 0 && all.length === 0) {
    problems.push({
      level: "warning",
      text: "it has no replica",
      why: "when it dies its queues stand still until it is back; durable calls are NotDurable",
      remedy: "start one: redis-server --replicaof HOST PORT, in a cluster CLUSTER REPLICATE",
    });
  } else if (isFleet && config.has("min-replicas-to-write") && wanted === 0) {
    problems.push({
      level: "note",
      text: "min-replicas-to-write is 0",
      why: "a primary that was cut off takes calls which a failover will forget",
      remedy:
        "CONFIG SET min-replicas-to-write 1, CONFIG SET min-replicas-max-lag 10, and both in " +
        "redis.conf",
    });
  }
  return problems;
}

/** What happens to a cluster of which a part is gone. */
export const coverage: Check<ServerFacts & { readonly target: RedisTarget }> = {
  name: "coverage",
  problems({ config, target }) {
    const isFull = config.get("cluster-require-full-coverage") === "yes";
    if (target.kind !== "cluster" || !isFull) return [];
    return [{
      level: "note",
      text: "cluster-require-full-coverage is yes",
      why:
        "while one primary is gone without a successor, the queues of all others stand still, too",
      remedy: "CONFIG SET cluster-require-full-coverage no, and the same in redis.conf",
    }];
  },
  fine: ({ target }) => target.kind === "cluster" ? "queues of living primaries go on" : undefined,
};

/** Whether a cluster is whole. */
export const cluster: Check<ClusterFacts> = {
  name: "cluster",
  problems({ covered, state, gone }) {
    const problems: Problem[] = [];
    if (covered < SLOTS) {
      problems.push({
        level: "error",
        text: `${SLOTS - covered} of ${SLOTS} slots belong to no server`,
        why: "queues with these slots cannot be reached, with full coverage no queue at all",
        remedy: "redis-cli --cluster fix HOST:PORT",
      });
    }
    if (state !== undefined && state !== "ok") {
      problems.push({
        level: "error",
        text: `its state is ${state}`,
        why: "it refuses commands (CLUSTERDOWN): no call, no result",
        remedy: "start the servers that are gone, or CLUSTER FAILOVER TAKEOVER on their replicas",
      });
    }
    if (gone.length > 0) {
      problems.push({
        level: "warning",
        text: `${gone.join(", ")} counts as gone`,
        why: "nobody stands in for those that are left",
        remedy: "start it again, or CLUSTER FORGET it on all others",
      });
    }
    return problems;
  },
  fine: () => `all ${SLOTS} slots are there`,
};

/** What the sentinels know. */
export interface SentinelFacts {
  readonly where: string;
  readonly watchers: readonly Watcher[];
}

/** Whether the sentinels can choose another primary. */
export const sentinels: Check<SentinelFacts> = {
  name: "sentinels",
  problems({ watchers }) {
    const problems: Problem[] = [];
    const there = watchers.filter(({ names }) => names !== undefined);
    const lost = watchers.filter(({ names }) => names === undefined);
    const known = Math.max(0, ...there.map(({ knows }) => countOf(knows, "num-other-sentinels")));
    const total = Math.max(watchers.length, known + 1);
    for (const { where, failure } of lost) {
      problems.push({
        level: 2 * there.length > total ? "warning" : "error",
        text: `${where}: ${failure}`,
        why:
          "without more than half of the sentinels, no other primary is chosen when this one dies",
        remedy: "start it, or take it from the URL",
      });
    }
    const answers = new Set(there.map(({ names }) => names));
    if (answers.size > 1) {
      problems.push({
        level: "error",
        text: `they name different primaries: ${[...answers].join(", ")}`,
        why: "clients of one queue may write to different servers",
        remedy: "a failover goes on, or some are cut off: SENTINEL RESET on those that are wrong",
      });
    }
    if (total < 3) {
      problems.push({
        level: "warning",
        text: total === 1 ? "there is one sentinel" : `there are ${total} sentinels`,
        why: "when one dies with the primary, no other primary is chosen",
        remedy: "run three or more, on different machines, and name all in the URL",
      });
    } else if (total > watchers.length) {
      problems.push({
        level: "note",
        text: `the URL names ${watchers.length} of ${total} sentinels`,
        why: "the others are never asked",
        remedy: "name all of them in the URL",
      });
    }
    const down = there.find(({ knows }) => /[so]_down/.test(knows.get("flags") ?? ""));
    if (down !== undefined) {
      problems.push({
        level: "error",
        text: `${down.where} counts the primary as gone (${down.knows.get("flags")})`,
        why: "it may be replaced in a moment, or cannot be",
        remedy: "SENTINEL CKQUORUM tells whether the sentinels can choose another one",
      });
    }
    const quorum = Math.max(0, ...there.map(({ knows }) => countOf(knows, "quorum")));
    if (quorum > there.length) {
      problems.push({
        level: "error",
        text: `${there.length} sentinels answer, and the quorum is ${quorum}`,
        why: "no other primary is chosen when this one dies",
        remedy: "start more sentinels, or SENTINEL SET … quorum",
      });
    }
    return problems;
  },
  fine: ({ watchers }) => `${watchers.length} name the primary ${watchers[0]?.names}`,
};

function countOf(knows: ReadonlyMap<string, string>, name: string): number {
  return Number(knows.get(name) ?? 0);
}
