/**
 * The bare pipeline: the least that a reliable queue does on Redis, as two scripts. It keeps a
 * record of each task, a lease while a worker has it, a result that can be read later, and the
 * count of a fan-in; it has no retries, no times, no limits, and nobody looks after lost leases.
 *
 * | key of a queue | type | holds |
 * |---|---|---|
 * | `task:<id>` | string | the message |
 * | `ready` | list | ids of the tasks that wait for a worker |
 * | `leases` | zset | ids of the claimed tasks by end of lease |
 * | `result:<id>` | string, TTL | the result |
 * | `open:<id>` | string | how many results a fan-in waits for |
 * | `inputs:<id>` | hash | the results that are in, by number |
 * | `idle` | string | there while the worker waits to be woken |
 *
 * The id of a fan-in begins with `+`; those of its children are that id, a dot and a number.
 */

/** Stands between the id and the result, and between two results, of what is published. */
export const BETWEEN = "\x1e";

/** Channel with the results of a queue, many in a message. */
export const resultsOf = (queue: string): string => `${queue}:results`;

/** Channel that wakes the worker of a queue. */
export const wakeOf = (queue: string): string => `${queue}:wake`;

/** Stores tasks. ARGV: queue, then for each task: id, message. */
export const ENQUEUE = `
local call, P = redis.call, ARGV[1] .. ':'
for at = 2, #ARGV, 2 do
  call('SET', P .. 'task:' .. ARGV[at], ARGV[at + 1])
  call('LPUSH', P .. 'ready', ARGV[at])
end
if call('DEL', P .. 'idle') == 1 then call('PUBLISH', P .. 'wake', '') end
`;

/**
 * Ends tasks and claims the next ones, in one call. ARGV: queue, end of the leases, number of tasks
 * to claim, seconds to keep results, then for each task that is over: id, result.
 * Returns for each claimed task: id, message, and the results that a fan-in takes.
 */
export const EXCHANGE = `
local call, P = redis.call, ARGV[1] .. ':'
local results = {}
for at = 5, #ARGV, 2 do
  local id, result = ARGV[at], ARGV[at + 1]
  if call('ZREM', P .. 'leases', id) == 1 then
    call('DEL', P .. 'task:' .. id)
    call('SET', P .. 'result:' .. id, result, 'EX', ARGV[4])
    local parent, number = string.match(id, '^(%+.+)%.(%d+)$')
    if not parent then
      results[#results + 1] = id
      results[#results + 1] = result
    else
      call('HSET', P .. 'inputs:' .. parent, number, result)
      if call('DECR', P .. 'open:' .. parent) == 0 then call('LPUSH', P .. 'ready', parent) end
    end
  end
end
if #results > 0 then
  call('PUBLISH', P .. 'results', table.concat(results, '${BETWEEN}'))
end
local claims = {}
local ids = call('RPOP', P .. 'ready', ARGV[3])
if not ids then
  call('SET', P .. 'idle', 1)
  return claims
end
for n, id in ipairs(ids) do
  call('ZADD', P .. 'leases', ARGV[2], id)
  claims[n] = { id, call('GET', P .. 'task:' .. id) }
  if string.sub(id, 1, 1) == '+' then
    claims[n][3] = call('HVALS', P .. 'inputs:' .. id)
    call('DEL', P .. 'inputs:' .. id, P .. 'open:' .. id)
  end
end
return claims
`;
