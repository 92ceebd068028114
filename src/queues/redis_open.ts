/** {@linkcode openRedis}: the client for a URL, whatever is behind it. */
import { openRedisClient, type RedisFactory } from "./redis_client.ts";
import { openRedisCluster } from "./redis_cluster.ts";
import { openRedisSentinel } from "./redis_sentinel.ts";
import { parseRedisUrl } from "./redis_url.ts";

const OPENERS = {
  server: openRedisClient,
  cluster: openRedisCluster,
  sentinel: openRedisSentinel,
};

/** Opens the client that worq comes with. */
export const openRedis: RedisFactory = (url, options) =>
  OPENERS[parseRedisUrl(url).kind](url, options);
