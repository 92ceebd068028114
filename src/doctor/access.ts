/** Checks of the way to a server: what it is, what the user may do, what others may hear. */
import { OLDEST } from "../queues/redis_connection.ts";
import type { RedisTarget } from "../queues/redis_url.ts";
import type { Check, Problem } from "./diagnosis.ts";
import type { Rights } from "./rights.ts";
import type { ServerFacts } from "./server_facts.ts";

/** What a server is, and whether it is one that the URL means. */
export const version: Check<ServerFacts & { readonly target: RedisTarget }> = {
  name: "version",
  problems({ info, target }) {
    const problems: Problem[] = [];
    if (isTooOld(info.get("redis_version"))) {
      problems.push({
        level: "error",
        text: `it is ${productOf(info)}`,
        why: `worq's scripts need Redis ${OLDEST.join(".")} or later, or Valkey`,
        remedy: "install a newer one: it reads the files of the older one",
      });
    }
    if (target.kind === "server" && info.get("redis_mode") === "cluster") {
      problems.push({
        level: "error",
        text: "it is part of a cluster",
        why: "queues whose slots are on its other servers cannot be reached",
        remedy: "write redis+cluster:// for redis:// in the URL",
      });
    }
    if (target.kind === "server" && info.get("role") === "slave") {
      problems.push({
        level: "error",
        text: `it is a replica of ${info.get("master_host")}:${info.get("master_port")}`,
        why: "a replica takes no writes: no call, no result",
        remedy: "name its primary in the URL, or the sentinels with redis+sentinel://",
      });
    }
    return problems;
  },
  fine: ({ info }) => info.has("redis_version") ? productOf(info) : undefined,
};

function isTooOld(text: string | undefined): boolean {
  if (text === undefined) return false;
  const [major = 0, minor = 0] = text.split(".").map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}

function productOf(info: ServerFacts["info"]): string {
  const valkey = info.get("valkey_version");
  return valkey === undefined ? `Redis ${info.get("redis_version")}` : `Valkey ${valkey}`;
}

/** What this user may do. */
export const rights: Check<{ readonly user: string; readonly rights: Rights }> = {
  name: "rights",
  problems({ user, rights: { needed, useful, keys, channels } }) {
    const problems: Problem[] = [];
    const give = (what: string) => `ACL SETUSER ${user} ${what}, and ACL SAVE or redis.conf`;
    const more = (commands: readonly string[]) =>
      give(commands.map((command) => `+${command.toLowerCase().replace(" ", "|")}`).join(" "));
    if (keys !== undefined) {
      problems.push({
        level: "error",
        text: `user "${user}" may not touch the keys ${keys}`,
        why: "tasks and results are stored there",
        remedy: `${give(`~${keys}`)}; if the user is for one queue, name it with --queue`,
      });
    }
    if (channels !== undefined) {
      problems.push({
        level: "error",
        text: `user "${user}" may not listen to the channels ${channels}`,
        why: "results and new tasks are told there",
        remedy: give(`&${channels}`),
      });
    }
    if (needed.length > 0) {
      problems.push({
        level: "error",
        text: `user "${user}" may not run ${needed.join(", ")}`,
        why: "worq runs them: calls are refused (NOPERM)",
        remedy: more(needed),
      });
    }
    for (const [purpose, commands] of Object.entries(useful)) {
      if (commands.length === 0) continue;
      problems.push({
        level: "note",
        text: `user "${user}" may not run ${commands.join(", ")}`,
        why: purpose,
        remedy: more(commands),
      });
    }
    return problems;
  },
  fine: ({ user }) => `user "${user}" has all that worq runs`,
};

/** What the server does not tell this user. */
export const asked: Check<ServerFacts> = {
  name: "asked",
  problems({ refused }) {
    if (refused.length === 0) return [];
    return [{
      level: "note",
      text: `the server refuses ${refused.join(", ")}`,
      why: "what only these tell was not looked at",
      remedy: "run worq doctor as a user with +info +time +config|get +slowlog|get",
    }];
  },
  fine: () => undefined,
};

const HERE = /^(localhost|127\.[\d.]+|::1)$/;

/** What others on the network may read. */
export const privacy: Check<{ readonly target: RedisTarget }> = {
  name: "privacy",
  problems({ target: { tls, password, hosts } }) {
    if (tls || hosts.every(({ host }) => HERE.test(host))) return [];
    const who = password === undefined ? "no password, and no TLS" : "a password, but no TLS";
    return [{
      level: "note",
      text: `the URL has ${who}`,
      why: password === undefined
        ? "who reaches the server may read tasks, and have pools run others"
        : "who hears the network reads the password, arguments and results",
      remedy: "unless that network is yours alone: rediss:// in the URL, requirepass or a user",
    }];
  },
  fine: ({ target }) => target.tls ? "TLS" : "it is this machine",
};
