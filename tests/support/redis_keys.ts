/** What must hold for the keys of a queue in Redis after every step: no more than is needed, for long. */
import { ok, strictEqual } from "node:assert/strict";
import type { RedisClient } from "../../src/queues/redis_client.ts";
import { prefixOf } from "../../src/queues/redis_lua.ts";

const PLACES = ["pending", "ready", "leases", "due", "late", "dead", "schedules", "meta"];
/** What there is only while tasks with a key are in the queue. */
const KEYED = ["keys", "busy", "keyed", "turns", "rests"];

/** What ends by itself. Pools that were killed cannot take their names off `idle`. */
const TIMED = ["starts", "window", "idle", "pool"];

/** All that is looked at, in one round trip: the tests that check after each step do little else. */
const LOOK = `
local rows = {}
for n, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
  local name = string.sub(key, #ARGV[1] + 1)
  local id = string.match(name, '^[^:]*:(.*)$')
  local fields = id and redis.call('HMGET', ARGV[1] .. 't:' .. id, 'outcome', 'refs', 'linked') or {}
  rows[n] = { name, redis.call('PTTL', key), fields[1] and 1 or 0, tonumber(fields[2]) or 0,
    fields[3] and 1 or 0, id and redis.call('EXISTS', ARGV[1] .. 'm:' .. id) or 0 }
end
return rows`;

/** A key, as it stands, with what the record of its task says. */
type Row = [name: string, ttl: number, over: number, refs: number, linked: number, there: number];

/** Checks the keys of a queue in which nothing is unsettled, and gives their names. */
export async function checkKeys(client: RedisClient, queue: string): Promise<string[]> {
  const prefix = prefixOf(queue);
  const rows = await client.send("EVAL", [LOOK, "0", prefix]) as Row[];
  const names = new Set(rows.map(([name]) => name));
  for (const row of rows) checkKey(row, names);
  return rows.map(([name]) => prefix + name);
}

function checkKey(row: Row, names: ReadonlySet<string>): void {
  const [name, ttl] = row;
  const [kind, id] = name.split(":", 2) as [string, string?];
  if (TIMED.includes(kind)) ok(ttl > 0, `${name} has no end`);
  else if (KEYED.includes(kind)) ok(names.has("keys"), `${name} is left of keyed tasks`);
  else if (kind === "line") ok(names.has("keyed"), `${name} is left of keyed tasks`);
  else if (id === undefined) ok(PLACES.includes(kind), `${name} is left`);
  else if (kind === "dead" || kind === "kept") ok(names.has("dead"), `${name} is left of the dead`);
  else checkTask(kind, id, row);
}

function checkTask(kind: string, id: string, [, ttl, over, refs, linked, there]: Row): void {
  if (kind === "t" && over === 1) {
    strictEqual(linked, 0, `${id} has given back what it needed`);
    strictEqual(ttl > 0, refs === 0, `${id} ends when nobody needs it: ${ttl} ${refs}`);
  } else {
    strictEqual(over, 0, `${kind}:${id} is left of a task that is over`);
    strictEqual(there, 1, `${kind}:${id} is left of a task that is gone`);
    strictEqual(ttl, -1, `${kind}:${id} stays as long as the task may run`);
  }
}
