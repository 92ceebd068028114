/** {@linkcode examine}: looks at a server, or a fleet of them, and at the queues there. */
import { listQueues } from "../connect.ts";
import { QueueUnavailable } from "../errors.ts";
import { type RedisClientOptions, unavailable } from "../queues/redis_client.ts";
import { prefixOf } from "../queues/redis_lua.ts";
import { parseRedisUrl, type RedisTarget, textOf, withoutSecrets } from "../queues/redis_url.ts";
import { asked, privacy, rights, version } from "./access.ts";
import { diagnose, type Diagnosis } from "./diagnosis.ts";
import { cluster, coverage, replicas, sentinels } from "./fleet.ts";
import { findFleet, type Fleet, hasTag, type Member, tagOn, visiting } from "./fleet_facts.ts";
import { buffers, clients, patience, timeout } from "./limits.ts";
import { readQueue } from "./queue_facts.ts";
import { QUEUE_CHECKS } from "./queues.ts";
import { readRights } from "./rights.ts";
import { readServer } from "./server_facts.ts";
import { eviction, memory, persistence } from "./storage.ts";
import { clock, latency, scripts } from "./times.ts";

/** How to look. */
export interface ExamineOptions {
  /** The only queue to look at; all that the server has when omitted. */
  readonly queue?: string;
  /** The clock of this machine. @default {Date.now} */
  readonly now?: () => number;
  /** Milliseconds that connecting may take. @default {5_000} */
  readonly connectTimeout?: number;
}

const CONNECT_TIMEOUT = 5_000;
/** Milliseconds that a look at a queue is tried for. */
const RETRY_FOR = 2_000;

const SERVER_CHECKS = [
  eviction,
  persistence,
  memory,
  latency,
  scripts,
  clock,
  clients,
  timeout,
  buffers,
  patience,
];

/** What is wrong at `url`, and what is right. Throws `QueueUnavailable` when nobody answers there. */
export async function examine(url: string, options: ExamineOptions = {}): Promise<Diagnosis[]> {
  const { connectTimeout = CONNECT_TIMEOUT } = options;
  const target = parseRedisUrl(url);
  const { members, cluster: whole, watchers } = await find(url, target, { connectTimeout });
  const servers = await Promise.all(
    members.map((member) => examineServer(url, target, member, options)),
  );
  return [
    ...diagnose([privacy], { where: textOf(target.hosts[0]!), target }),
    ...(whole === undefined ? [] : diagnose([cluster], whole)),
    ...(watchers === undefined
      ? []
      : diagnose([sentinels], { where: `primary ${target.primary}`, watchers })),
    ...servers.flat(),
    ...await examineQueues(url, options, servers.flat()),
  ];
}

async function find(
  url: string,
  target: RedisTarget,
  options: RedisClientOptions,
): Promise<Fleet> {
  try {
    return await findFleet(target, options);
  } catch (error) {
    throw unavailable(url, error, "connect");
  }
}

async function examineServer(
  url: string,
  target: RedisTarget,
  member: Member,
  { queue, now = Date.now }: ExamineOptions,
): Promise<Diagnosis[]> {
  const where = textOf(member.at);
  try {
    return await visiting(member.at, async (link) => {
      const facts = { ...await readServer(where, link, now), target };
      const found = [
        ...diagnose([version], facts),
        ...diagnose(SERVER_CHECKS, facts),
        ...diagnose([replicas, coverage], facts),
        ...diagnose([asked], facts),
      ];
      // A replica lets nobody try.
      if (facts.info.get("role") === "slave") return found;
      const [tag, pattern] = queue === undefined
        ? [tagOn(member), "worq:*"]
        : [hasTag(member, queue) ? queue : undefined, `${prefixOf(queue)}*`];
      if (tag === undefined) return found; // the queue is on another server
      const user = target.username ?? "default";
      const may = { where, user, rights: await readRights(link, target, tag, pattern) };
      return [...found, ...diagnose([rights], may)];
    });
  } catch (error) {
    if (target.kind !== "cluster") throw unavailable(url, error, "connect");
    return [unreachable(url, member, error)];
  }
}

/** One server of a cluster that does not answer; the others may go on. */
function unreachable(url: string, { at, role }: Member, error: unknown): Diagnosis {
  return {
    check: "reachable",
    level: role === "primary" ? "error" : "warning",
    where: textOf(at),
    text: `this ${role} cannot be reached: ${withoutSecrets((error as Error).message, url)}`,
    why: role === "primary"
      ? "queues with its slots stand still"
      : "nobody stands in for its primary when that dies",
    remedy: "start it, and see that it is reachable under the address that the cluster gives",
  };
}

async function examineQueues(
  url: string,
  { queue, connectTimeout = CONNECT_TIMEOUT }: ExamineOptions,
  servers: readonly Diagnosis[],
): Promise<Diagnosis[]> {
  const options = { connectTimeout, retryFor: RETRY_FOR };
  const isExplained = servers.some(({ level }) => level === "error");
  const unseen = (where: string, error: unknown): Diagnosis[] => {
    if (!(error instanceof QueueUnavailable)) throw error;
    // A user who is for some queues may not look at others, nor know which there are.
    const isAllowed = queue === undefined && error.message.includes("NOPERM");
    return [{
      check: "queues",
      level: isExplained || isAllowed ? "note" : "error",
      where,
      text: error.message,
      why: "this was not looked at, and pools or callers may fail there, too",
      remedy: isExplained
        ? "see to the other errors first"
        : "name a queue that the user may use with --queue, or see docs/redis.md",
    }];
  };
  try {
    const names = queue === undefined ? await listQueues(url, options) : [queue];
    const all = await Promise.all(names.map((name) =>
      readQueue(url, name, options).then(
        (facts) => diagnose(QUEUE_CHECKS, facts),
        (error) => unseen(`queue ${name}`, error),
      )
    ));
    return all.flat();
  } catch (error) {
    return unseen("queues", error);
  }
}
