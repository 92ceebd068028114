/** {@linkcode onlyValid}: the mutants that are Lua, as a server says. */
import { openRedisClient } from "../../src/queues/redis_client.ts";
import { SCRIPTS } from "../../src/queues/redis_scripts.ts";
import { RedisServer } from "../support/redis_server.ts";
import { isIn, type Mutant, plant } from "./sources.ts";

/** Those of which a server takes the scripts, and the server's version. */
export async function onlyValid(
  mutants: readonly Mutant[],
): Promise<{ valid: Mutant[]; redis: string }> {
  await using server = await RedisServer.start();
  const client = await openRedisClient(server.url, { connectTimeout: 5_000 });
  try {
    const answers = await Promise.all(mutants.map((mutant) => {
      const script = SCRIPTS.find(({ text }) => isIn(text, mutant))!;
      const load = client.send("SCRIPT", ["LOAD", plant(mutant)(script.text)]);
      return load.then(() => [mutant], () => []);
    }));
    const info = String(await client.send("INFO", ["server"]));
    return { valid: answers.flat(), redis: /^redis_version:(\S+)/m.exec(info)?.[1] ?? "unknown" };
  } finally {
    await client.close();
  }
}
