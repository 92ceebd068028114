/** Clients that load worq's scripts with another text, to see what that changes. */
import { openRedisClient, type RedisFactory } from "../../src/queues/redis_client.ts";
import { STEPS } from "../../src/queues/redis_lua.ts";
import { FSCK_SCRIPTS } from "../../src/queues/redis_fsck_scripts.ts";
import { SCRIPTS } from "../../src/queues/redis_scripts.ts";

const ALL = [...SCRIPTS, ...FSCK_SCRIPTS];

/** Opens clients that load each script as `rewrite` gives it. */
export function rewriting(rewrite: (text: string, name: string) => string): RedisFactory {
  return async (...opening) => {
    const client = await openRedisClient(...opening);
    return {
      ...client,
      send: (command, args) => {
        const [load, text = ""] = args;
        const script = ALL.find((script) => text.endsWith(script.text));
        const ours = command === "SCRIPT" && load === "LOAD" && script !== undefined;
        return client.send(command, ours ? ["LOAD", rewrite(text, script.name)] : args);
      },
    };
  };
}

/**
 * The script with so few steps that small graphs are walked in many. Not the one that clears: its
 * caller counts its steps.
 */
export function withSteps(steps: number): (text: string, name: string) => string {
  const all = new RegExp(`\\b${STEPS}\\b`, "g");
  return (text, name) => name === "clear" ? text : text.replace(all, `${steps}`);
}
