/** The keys of a queue in Redis. */
import type { RedisClient } from "../../src/queues/redis_client.ts";
import { prefixOf } from "../../src/queues/redis_lua.ts";

/** All keys of a queue, as they stand. */
export async function keysOf(client: RedisClient, queue: string): Promise<string[]> {
  const prefix = prefixOf(queue).replace(/[*?[\]\\^-]/g, "\\$&");
  return await client.send("KEYS", [`${prefix}*`]) as string[];
}

/** Leaves nothing of a queue. */
export async function removeKeys(client: RedisClient, queue: string): Promise<void> {
  const keys = await keysOf(client, queue);
  if (keys.length > 0) await client.send("UNLINK", keys);
}
