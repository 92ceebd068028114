/** {@linkcode findFleet}: which servers are behind a URL, and how they stand to each other. */
import { within } from "../queues/pauses.ts";
import {
  isRefusal,
  openLink,
  type RedisClientOptions,
  type RedisLink,
  type RedisServerAt,
  serversOf,
} from "../queues/redis_client.ts";
import { slotOf, SLOTS } from "../queues/redis_slots.ts";
import { type RedisTarget, textOf } from "../queues/redis_url.ts";
import { parseInfo } from "./server_facts.ts";

/** A server that keeps tasks, or a copy of them. */
export interface Member {
  readonly at: RedisServerAt;
  readonly role: "primary" | "replica";
  /** Slots of the cluster that it has, as first and last ones. */
  readonly slots: readonly (readonly [first: number, last: number])[];
}

/** What a cluster tells of itself. */
export interface ClusterFacts {
  readonly where: string;
  /** Slots that some server has. */
  readonly covered: number;
  /** Its state; undefined where the user may not ask. */
  readonly state: string | undefined;
  /** Servers that count as gone, or do not answer. */
  readonly gone: readonly string[];
}

/** What one sentinel says. */
export interface Watcher {
  readonly where: string;
  /** The primary that it names; undefined when it does not answer. */
  readonly names: string | undefined;
  /** Why there is no answer. */
  readonly failure: string | undefined;
  /** What it knows of the primary; empty where the user may not ask. */
  readonly knows: ReadonlyMap<string, string>;
}

/** The servers behind a URL. */
export interface Fleet {
  readonly members: readonly Member[];
  readonly cluster?: ClusterFacts;
  readonly watchers?: readonly Watcher[];
}

/** Milliseconds that a sentinel may take to answer. */
const ASK_TIME = 2_000;

/** Tags that are tried: a member with few slots has none of some. */
const MOST_TAGS = 4 * SLOTS;

/** Finds them. Throws when none can be found. */
export async function findFleet(target: RedisTarget, options: RedisClientOptions): Promise<Fleet> {
  const servers = serversOf(target, options);
  if (target.kind === "cluster") return await findCluster(servers);
  if (target.kind === "sentinel") return await findPrimary(target.primary, servers, options);
  return { members: servers.map((at) => ({ at, role: "primary", slots: [] })) };
}

/** Runs `visit` on a connection of its own. */
export async function visiting<T>(
  at: RedisServerAt,
  visit: (link: RedisLink) => Promise<T>,
): Promise<T> {
  const link = await openLink(at, () => {});
  try {
    return await visit(link);
  } finally {
    await link.close();
  }
}

async function findCluster(seeds: readonly RedisServerAt[]): Promise<Fleet> {
  let failure: unknown;
  for (const seed of seeds) {
    try {
      return await visiting(seed, (link) => askCluster(seed, link));
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

type SlotRange = [number, number, ...(readonly [host: string | null, port: number])[]];

async function askCluster(from: RedisServerAt, link: RedisLink): Promise<Fleet> {
  const ranges = await link.send("CLUSTER", ["SLOTS"]) as SlotRange[];
  const members = new Map<string, Member & { slots: [number, number][] }>();
  let covered = 0;
  for (const [first, last, ...nodes] of ranges) {
    covered += last - first + 1;
    for (const [i, [host, port]] of nodes.entries()) {
      const at = { ...from, host: host || from.host, port };
      const name = textOf(at);
      const role = i === 0 ? "primary" : "replica";
      const member = members.get(name) ?? { at, role, slots: [] };
      members.set(name, member);
      if (i === 0) member.slots.push([first, last]);
    }
  }
  if (members.size === 0) members.set(textOf(from), { at: from, role: "primary", slots: [] });
  const nodes = await askIfAllowed(link, "NODES");
  const info = parseInfo(await askIfAllowed(link, "INFO"));
  const lines = nodes.split("\n").map((line) => line.split(" "));
  const gone = lines.filter(([, , flags = ""]) => flags.includes("fail"))
    .map(([, address = ""]) => address.replace(/@.*/, ""));
  const cluster: ClusterFacts = {
    where: `cluster of ${textOf(from)}`,
    covered,
    state: info.get("cluster_state"),
    gone,
  };
  return { members: [...members.values()], cluster };
}

async function askIfAllowed(link: RedisLink, what: string): Promise<string> {
  return await link.send("CLUSTER", [what]).then(String, (error) => {
    if (isRefusal(error)) return "";
    throw error;
  });
}

async function findPrimary(
  name: string,
  servers: readonly RedisServerAt[],
  { sentinel }: RedisClientOptions,
): Promise<Fleet> {
  const logins = servers.map((at) => ({
    ...at,
    username: sentinel?.username,
    password: sentinel?.password,
    database: 0,
    connectTimeout: ASK_TIME,
  }));
  const failures: unknown[] = [];
  const watchers = await Promise.all(logins.map(async (at): Promise<Watcher> => {
    const where = `sentinel ${textOf(at)}`;
    try {
      const asking = visiting(at, (link) => askSentinel(name, where, link));
      return await within(ASK_TIME, `${where} does not answer`, asking);
    } catch (error) {
      failures.push(error);
      return { where, names: undefined, failure: (error as Error).message, knows: new Map() };
    }
  }));
  const named = watchers.find(({ names }) => names !== undefined)?.names;
  if (named === undefined) {
    throw failures[0] ?? new Error(`no sentinel knows a primary "${name}"`);
  }
  const colon = named.lastIndexOf(":");
  const at = { ...servers[0]!, host: named.slice(0, colon), port: Number(named.slice(colon + 1)) };
  return { members: [{ at, role: "primary", slots: [] }], watchers };
}

async function askSentinel(name: string, where: string, link: RedisLink): Promise<Watcher> {
  const answer = await link.send("SENTINEL", ["GET-MASTER-ADDR-BY-NAME", name]);
  if (answer === null) {
    return { where, names: undefined, failure: `it knows no primary "${name}"`, knows: new Map() };
  }
  const knows = await link.send("SENTINEL", ["MASTER", name]).catch((error) => {
    if (isRefusal(error)) return {};
    throw error;
  });
  return {
    where,
    names: (answer as [host: string, port: string]).join(":"),
    failure: undefined,
    knows: new Map(Object.entries(knows as Record<string, string>)),
  };
}

/** Whether keys of this tag are on a member. */
export function hasTag({ slots }: Member, tag: string): boolean {
  const slot = slotOf(`{${tag}}`);
  return slots.length === 0 || slots.some(([first, last]) => first <= slot && slot <= last);
}

/** A tag of no queue, with its keys on a member; undefined when none was found. */
export function tagOn(member: Member): string | undefined {
  for (let n = 0; n < MOST_TAGS; n++) {
    const tag = n === 0 ? "worq" : `worq-${n}`;
    if (hasTag(member, tag)) return tag;
  }
}
