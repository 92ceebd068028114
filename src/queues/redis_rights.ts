/** {@linkcode checkRights}: whether a user may run what worq's scripts run. */
import { isRefusal, type RedisClient } from "./redis_client.ts";
import { type Script, SCRIPTS } from "./redis_scripts.ts";

/** Commands that scripts call, in upper case, sorted. */
export function commandsOf(scripts: readonly Script[]): string[] {
  const calls = scripts.flatMap(({ text }) => [
    ...text.matchAll(/\b(?:p?call|list)\('([A-Z]+)'/g),
  ]);
  return [...new Set(calls.map(([, command]) => command!))].sort();
}

/** Commands that each client's scripts call. */
export const scriptCommands = (): string[] => commandsOf(SCRIPTS);

const SCRATCH = "worq:{worq}:check";

// A script stops in the middle when a right is missing, and some errors of a foreign key are
// expected in it; so all rights are tried before the first one. Each command gets a key that holds a
// text, and that key in place of all other arguments: what may not run is refused for that first.
const CHECK = `
local key, missing = KEYS[1], {}
local function try(...)
  local reply = redis.pcall(...)
  return type(reply) == 'table' and reply.err or ''
end
local function is_refused(err)
  return string.find(err, 'NOPERM') or string.find(err, 'user executing the script')
end
local made = try('MSET', key, '')
if is_refused(made) then return { 'MSET' } end
if made ~= '' then return {} end
for _, command in ipairs(ARGV) do
  local err = command == 'PUBLISH' and try(command, 'worq:client:check', '') or try(command)
  local args = {}
  while string.find(err, 'rong number of arg') and #args < 8 do
    try('MSET', key, '')
    args[#args + 1] = key
    err = try(command, unpack(args))
  end
  if is_refused(err) then missing[#missing + 1] = command end
end
try('UNLINK', key)
return missing
`;

/** Those of `commands` that the user may not run in scripts; `key` is written to, and gone again. */
export async function missingRights(
  client: Pick<RedisClient, "send">,
  commands: readonly string[],
  key = SCRATCH,
): Promise<string[]> {
  return await client.send("EVAL", [CHECK, "1", key, ...commands], key) as string[];
}

/** Rejects when the user whom the client is logged in as may not run `commands` in scripts. */
export async function checkRights(
  client: RedisClient,
  user: string,
  commands: readonly string[] = scriptCommands(),
): Promise<void> {
  let missing: string[];
  try {
    missing = await missingRights(client, commands);
  } catch (error) {
    // A user with the keys of one queue may not touch this one: the scripts will tell.
    if (isRefusal(error) && /NOPERM.* keys?\b/.test(error.message)) return;
    throw error;
  }
  if (missing.length === 0) return;
  throw new Error(`NOPERM user "${user}" may not run ${missing.join(", ")} in scripts`);
}
