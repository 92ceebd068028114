/** What is left in the servers when all tasks are over. */
import { tell } from "../../tests/support/redis_fleet.ts";
import type { RedisServer } from "../../tests/support/redis_server.ts";

const LOOK = `
local rows = {}
for n, key in ipairs(redis.call('KEYS', '*')) do rows[n] = { key, redis.call('PTTL', key) } end
return rows`;
const PAUSE = 200;

/** Waits until there are no keys but those that stay; returns which others there are in the end. */
export async function keysLeft(
  servers: readonly RedisServer[],
  patience: number,
  stays: (key: string, ttl: number) => boolean,
): Promise<string[]> {
  const giveUp = Date.now() + patience;
  while (true) {
    const left: string[] = [];
    for (const { url } of servers) {
      const rows = await tell(url, "EVAL", LOOK, "0") as [string, number][];
      left.push(...rows.filter((row) => !stays(...row)).map(([key]) => key));
    }
    if (left.length === 0 || Date.now() > giveUp) return left;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
