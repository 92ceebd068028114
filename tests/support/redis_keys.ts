/** What must hold for the keys of a queue in Redis after every step: no more than is needed, for long. */
import { ok, strictEqual } from "node:assert/strict";
import type { RedisClient } from "../../src/queues/redis_client.ts";
import { prefixOf } from "../../src/queues/redis_lua.ts";

const PLACES = ["pending", "ready", "leases", "due", "late", "dead", "idle", "meta"];
/** What there is only while tasks with a key are in the queue. */
const KEYED = ["keys", "busy", "keyed", "turns", "rests"];

/** What ends by itself. */
const TIMED = ["starts", "window"];

/** Checks the keys of a queue in which nothing is unsettled. */
export async function checkKeys(client: RedisClient, queue: string): Promise<void> {
  const prefix = prefixOf(queue);
  const keys = await client.send("KEYS", [`${prefix}*`]) as string[];
  for (const key of keys.map((key) => key.slice(prefix.length))) {
    const [kind, id] = key.split(":", 2) as [string, string?];
    if (kind === "idle") await checkEnd(client, prefix + key);
    if (KEYED.includes(kind)) ok(keys.includes(`${prefix}keys`), `${key} is left of keyed tasks`);
    else if (id === undefined) ok(PLACES.includes(kind), `${key} is left`);
    else if (kind === "line") ok(keys.includes(`${prefix}keyed`), `${key} is left of keyed tasks`);
    else if (TIMED.includes(kind)) {
      await checkEnd(client, prefix + key);
    } else if (kind === "dead" || kind === "kept") {
      ok(await client.send("ZSCORE", [`${prefix}dead`, id]), `${key} is left of a dead task`);
    } else if (kind !== "pool") await checkTask(client, prefix, kind, id);
  }
}

/** Pools that were killed cannot take their names off it. */
async function checkEnd(client: RedisClient, key: string): Promise<void> {
  ok(Number(await client.send("PTTL", [key])) > 0, `${key} has no end`);
}

async function checkTask(
  client: RedisClient,
  prefix: string,
  kind: string,
  id: string,
): Promise<void> {
  const fields = ["outcome", "refs", "linked"];
  const [outcome, refs, linked] = await client.send("HMGET", [`${prefix}t:${id}`, ...fields]) as (
    | string
    | null
  )[];
  const ttl = Number(await client.send("PTTL", [`${prefix}${kind}:${id}`]));
  if (kind === "t" && outcome !== null) {
    strictEqual(linked, null, `${id} has given back what it needed`);
    strictEqual(
      ttl > 0,
      Number(refs ?? 0) === 0,
      `${id} ends when nobody needs it: ${ttl} ${refs}`,
    );
  } else {
    strictEqual(outcome, null, `${kind}:${id} is left of a task that is over`);
    const there = await client.send("EXISTS", [`${prefix}m:${id}`]);
    strictEqual(there, 1, `${kind}:${id} is left of a task that is gone`);
    strictEqual(ttl, -1, `${kind}:${id} stays as long as the task may run`);
  }
}
