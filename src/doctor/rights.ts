/** {@linkcode readRights}: what a user may do, found out by harmless tries. */
import { isRefusal, type RedisLink } from "../queues/redis_client.ts";
import { FSCK_SCRIPTS } from "../queues/redis_fsck_scripts.ts";
import type { Script } from "../queues/redis_scripts.ts";
import { SITUATION } from "../queues/redis_view_scripts.ts";
import { prefixOf } from "../queues/redis_lua.ts";
import { commandsOf, missingRights, scriptCommands } from "../queues/redis_rights.ts";
import type { RedisTarget } from "../queues/redis_url.ts";

/** What a user may not do. */
export interface Rights {
  /** Commands that pools and callers need. */
  readonly needed: readonly string[];
  /** Commands that are for something, by what for. */
  readonly useful: Readonly<Record<string, readonly string[]>>;
  /** The keys, if it may not touch them. */
  readonly keys: string | undefined;
  /** The channels, if it may not listen to them. */
  readonly channels: string | undefined;
}

type Try = readonly [name: string, ...args: string[]];

const CHANNELS = "worq:client:*";
const NO_SCRIPT = "0".repeat(40);
const REFUSED = /NOPERM|unknown command/;
const KEYS_REFUSED = /NOPERM.* keys?\b/;

/**
 * Tries what worq does, with a key of `tag` that must be on this server, for a user who should have
 * `pattern`; nothing is changed.
 */
export async function readRights(
  link: RedisLink,
  { kind }: RedisTarget,
  tag: string,
  pattern: string,
): Promise<Rights> {
  const key = `${prefixOf(tag)}check`;
  const refusalOf = (command: string, ...args: string[]) =>
    link.send(command, args).then(() => "", (error) => {
      if (!isRefusal(error)) throw error;
      return error.message;
    });
  const missing = async (tries: readonly Try[]) => {
    const names: string[] = [];
    for (const [name, ...args] of tries) {
      const [command, ...sub] = name.split(" ");
      const refusal = await refusalOf(command!, ...sub, ...args);
      if (REFUSED.test(refusal) && !KEYS_REFUSED.test(refusal)) names.push(name);
    }
    return names;
  };
  const inScripts = async (commands: readonly string[]) =>
    await missingRights(link, commands, key).catch((error) => {
      if (!isRefusal(error)) throw error;
      return []; // it may not run scripts at all, or not with this key: that is told already
    });
  const needed = [
    ...await missing([
      ["SCRIPT LOAD", "return 1"],
      ["EVALSHA", NO_SCRIPT, "0"],
      ["EVAL", "return 1", "0"],
      ["ZCARD", key],
      ["LLEN", key],
      ["EXISTS", key],
      ...(kind === "cluster" ? [["ASKING"] as const] : []), // with CLUSTER SLOTS it was found
    ]),
    ...await inScripts(scriptCommands()),
  ];
  const lackedBy = async (scripts: readonly Script[]) =>
    (await inScripts(commandsOf(scripts))).filter((command) => !needed.includes(command));
  const useful = {
    "a full server refuses results as well as calls, since its version is not known": await missing(
      [["INFO", "server"]],
    ),
    "listQueues, worq status and worq doctor cannot find the queues": await missing([
      ["SCAN", "0", "COUNT", "1"],
    ]),
    "a server that is silent is noticed late": await missing([["PING"]]),
    "durable calls are refused": await missing([["WAIT", "0", "1"]]),
    "worq fsck is refused": await lackedBy(FSCK_SCRIPTS),
    "worq why is refused": await lackedBy([SITUATION]),
    ...(kind === "sentinel"
      ? { "a primary that became a replica is noticed late": await missing([["ROLE"]]) }
      : {}),
  };
  const touch = await refusalOf("ZCARD", key);
  const heard = await link.subscribe(CHANNELS.replace("*", "check"), () => {})
    .then(() => "", (error: Error) => error.message);
  if (REFUSED.test(heard) && !/channel/.test(heard)) needed.push("SUBSCRIBE");
  const isDeaf = /NOPERM.*channel/.test(heard);
  return {
    // Without the channels, PUBLISH is refused for them.
    needed: [...new Set(needed)].filter((command) => !isDeaf || command !== "PUBLISH"),
    useful,
    keys: KEYS_REFUSED.test(touch) ? pattern : undefined,
    channels: isDeaf ? CHANNELS : undefined,
  };
}
