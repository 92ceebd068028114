/**
 * Lua functions for the tasks that wait for a worker, and whose turn it is.
 *
 * Tasks without a key wait in `ready`. As long as none has a key, that is all there is; otherwise:
 *
 * | key | type | holds |
 * |---|---|---|
 * | `keys` | hash | number of the tasks that are not over, by key |
 * | `busy` | hash | number of the claimed tasks, by key |
 * | `keyed` | zset | ids of the waiting tasks that have a key, by place in the line |
 * | `line:<key>` | zset | those with this key |
 * | `turns` | zset | keys that may give a task, by the turn that is theirs; '' is for `ready` |
 * | `rests` | zset | keys whose rate is used up, by when they may go on |
 * | `starts:<key>` | list, TTL | times of the last starts, the latest first; '' is for the queue |
 *
 * The field `turn` of `meta` is the turn that was served last.
 */

/** Milliseconds that starts are kept after they limit nothing, for those with a clock of their own. */
const STARTS_TTL = 60_000;

/** They come after `read`, and before all that moves a task. */
export const LINES = `
local KEYS_ALIVE, BUSY, KEYED = P .. 'keys', P .. 'busy', P .. 'keyed'
local TURNS, RESTS = P .. 'turns', P .. 'rests'

local function count(key, field, n)
  if call('HINCRBY', key, field, n) <= 0 then call('HDEL', key, field) end
end

local function activate(key)
  if call('ZSCORE', RESTS, key) then return end
  call('ZADD', TURNS, 'NX', call('HGET', META, 'turn') or 0, key)
end

-- A line that gave its last task takes no turns; and where only tasks without a key wait, nobody
-- does.
local function tidy(key)
  if key and call('EXISTS', P .. 'line:' .. key) == 0 then
    call('ZREM', TURNS, key)
    call('ZREM', RESTS, key)
  end
  if call('EXISTS', KEYED) == 0 then
    call('UNLINK', TURNS, RESTS)
    call('HDEL', META, 'turn')
  elseif call('EXISTS', READY) == 0 then
    call('ZREM', TURNS, '')
  end
end

-- A task waits for a worker from now on.
local function enter(id, score, key)
  if not key then return call('ZADD', READY, score, id) end
  call('ZADD', KEYED, score, id)
  call('ZADD', P .. 'line:' .. key, score, id)
  activate(key)
end

-- A task does not wait for a worker any more; returns whether it did.
local function withdraw(id, key)
  if call('ZREM', READY, id) == 1 then
    if call('EXISTS', TURNS) == 1 then tidy() end
    return true
  end
  if not key or call('ZREM', KEYED, id) == 0 then return false end
  call('ZREM', P .. 'line:' .. key, id)
  tidy(key)
  return true
end

-- A task with this key runs no more.
local function make_room(key)
  count(BUSY, key, -1)
  if call('EXISTS', P .. 'line:' .. key) == 1 then activate(key) end
end

-- No pool has a task any more; gives its run.
local function leave(id, key)
  if call('ZREM', LEASES, id) == 0 then return nil end
  local run = call('HGET', RUNS, id)
  call('HDEL', RUNS, id)
  if key then make_room(key) end
  return run or ''
end

-- Starts within a time. A rate is { count, per }.
local function rests_until(rate, key)
  local first = rate and tonumber(call('LINDEX', P .. 'starts:' .. key, rate.count - 1))
  return first and first + rate.per > now and first + rate.per or nil
end
local function started(rate, key)
  if not rate then return end
  local starts = P .. 'starts:' .. key
  call('LPUSH', starts, NOW)
  call('LTRIM', starts, 0, rate.count - 1)
  call('PEXPIRE', starts, rate.per + ${STARTS_TTL})
end

local function end_rests()
  for _, key in ipairs(call('ZRANGEBYSCORE', RESTS, '-inf', NOW)) do
    call('ZREM', RESTS, key)
    activate(key)
  end
end

-- Takes tasks, at most so many, in turns. Gives ids and scores in a row, as ZPOPMIN does, the keys of
-- those that have one, and when the rate of the queue allows the next one.
local function take(want, limits)
  local rate, per_key = limits.rate, limits.perKey or {}
  if limits.concurrency then want = math.min(want, limits.concurrency - call('ZCARD', LEASES)) end
  if want <= 0 then return {}, {} end
  local shared = call('EXISTS', KEYED) == 1
  if not shared and not rate then return call('ZPOPMIN', READY, want), {} end
  local taken, keys, turn = {}, {}, nil
  if shared and call('EXISTS', READY) == 1 then activate('') end
  while #taken < 2 * want do
    local rest = rests_until(rate, '')
    if rest then return taken, keys, rest end
    local key, line = '', READY
    if shared then
      local first = call('ZPOPMIN', TURNS)
      if not first[1] then break end
      key, turn = first[1], first[2]
      call('HSET', META, 'turn', turn)
    end
    local free = true
    if key ~= '' then
      line = P .. 'line:' .. key
      local busy = tonumber(call('HGET', BUSY, key)) or 0
      local until_then = rests_until(per_key.rate, key)
      if per_key.concurrency and busy >= per_key.concurrency then
        free = false
      elseif until_then then
        call('ZADD', RESTS, until_then, key)
        free = false
      end
    end
    if free then
      local id, score = unpack(call('ZPOPMIN', line))
      if not id then break end
      taken[#taken + 1], taken[#taken + 2] = id, score
      started(rate, '')
      if key ~= '' then
        keys[id] = key
        call('ZREM', KEYED, id)
        count(BUSY, key, 1)
        started(per_key.rate, key)
      end
      if shared then
        if call('EXISTS', line) == 1 then call('ZADD', TURNS, turn + 1, key) end
        tidy()
        shared = call('EXISTS', KEYED) == 1
      end
    end
  end
  return taken, keys
end
`;
