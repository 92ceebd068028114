/** The scripts for those who look: what a task waits for, and what pools tell of themselves. */
import { UNIT } from "../message.ts";
import { MAX_LINES } from "../notes.ts";
import { MAX_EDGES, MAX_OPEN } from "../task_queue.ts";
import { INSPECT, NAME_OF, POOL_TTL, type Script, script } from "./redis_scripts.ts";

/**
 * What a task waits for. ARGV: now or '', id, limits as JSON.
 * Returns nothing, or { what INSPECT returns, now, deadline or '', texts of open needs, tasks ahead or
 * '', 1 when paused or else 0, leased, busy, time until which the rate of the queue is used up or '',
 * the same for its key }.
 */
export const SITUATION: Script = script(
  "situation",
  `
local function inspect()
${INSPECT.body}
end
local record = inspect()
if not record[1] then return {} end
local id, limits = ARGV[2], cjson.decode(ARGV[3])
local key = record[13] ~= '' and record[13]
local open = {}
for _, need in ipairs(record[1] == 'p' and record[15] or {}) do
  local other, origin = parse(need)
  local gone = string.sub(need, -1) == '${UNIT}'
  if not gone and has_origin(other, origin) and is_known(other) and not outcome_of(other) then
    open[#open + 1] = need
  end
  if #open == ${MAX_OPEN} then break end
end
local line = key and P .. 'line:' .. key or READY
local deadline = record[1] == 'l' and call('ZSCORE', LEASES, id)
local ahead = record[1] == 'q' and call('ZRANK', line, id)
local per_key = limits.perKey or {}
local function until_of(rate, key)
  local time = rests_until(rate, key)
  return time and text(time) or ''
end
return { record, text(now), deadline or '', open, ahead or '', call('EXISTS', PAUSED),
  call('ZCARD', LEASES), key and call('HGET', BUSY, key) or '0', until_of(limits.rate, ''),
  key and until_of(per_key.rate, key) or '' }
`,
);

/**
 * Ids of tasks in a place. ARGV: now or '', place, first number, count.
 * Returns the ids.
 */
export const LIST: Script = script(
  "list",
  `
local place, from, count = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local keys = { pending = PENDING, scheduled = DUE, ready = READY, running = LEASES, dead = DEAD }
local command = place == 'dead' and 'ZREVRANGE' or 'ZRANGE'
local ids = call(command, keys[place], from, from + count - 1)
if place == 'ready' and #ids < count then
  local before = math.max(0, from - call('ZCARD', READY))
  for _, id in ipairs(call('ZRANGE', KEYED, before, before + count - #ids - 1)) do
    ids[#ids + 1] = id
  end
end
return ids
`,
);

/**
 * Tasks with their neighbours. ARGV: now or '', ids, STEPS at most.
 * Returns for each: { status, message or '', number of needs, number of feeds, needs, feeds, name of
 * one that is over or '' }, or nothing.
 */
export const SIGHTS: Script = script(
  "sights",
  `
${NAME_OF}
local sights = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local result = redis.pcall('GET', P .. 'r:' .. id)
  local outcome = type(result) == 'string' and outcome_in(result)
  local status = outcome and string.sub(outcome, 1, 1)
    or call('ZSCORE', LEASES, id) and 'l'
    or call('ZSCORE', PENDING, id) and 'p'
    or (call('ZSCORE', READY, id) or call('ZSCORE', KEYED, id)) and 'q'
  local sight = {}
  if status then
    local needs, feeds = P .. 'needs:' .. id, P .. 'feeds:' .. id
    local open = not outcome
    sight = { status, message_of(id) or '', open and call('LLEN', needs) or 0,
      open and call('LLEN', feeds) or 0,
      open and call('LRANGE', needs, 0, ${MAX_EDGES - 1}) or {},
      open and call('LRANGE', feeds, 0, ${MAX_EDGES - 1}) or {},
      outcome and name_of(result) or '' }
  end
  sights[#sights + 1] = sight
end
return sights
`,
);

/**
 * Keeps what tasks say. ARGV: now or '', then for each task: id, fence, milliseconds to keep it, last
 * part as JSON or '', number of lines, lines as JSON.
 */
export const NOTE: Script = script(
  "note",
  `
local at = 2
while ARGV[at] do
  local id, fence, keep, part, count = unpack(ARGV, at, at + 4)
  at = at + 5
  local is_stale = call('ZSCORE', LEASES, id) and parts_of(call('HGET', RUNS, id)) ~= fence
  if not is_stale then
    local said, log = P .. 'said:' .. id, P .. 'log:' .. id
    if part ~= '' then call('HSET', said, 'part', part) end
    for i = at, at + tonumber(count) - 1 do call('RPUSH', log, ARGV[i]) end
    local more = call('LLEN', log) - ${MAX_LINES}
    if more > 0 then
      call('LTRIM', log, more, -1)
      call('HINCRBY', said, 'first', more)
    end
    call('PEXPIRE', said, keep)
    call('PEXPIRE', log, keep)
  end
  at = at + tonumber(count)
end
return 0
`,
);

/**
 * What a task said. ARGV: now or '', id, number of the first line to give.
 * Returns { last part as JSON or '', number of the first line, lines as JSON }.
 */
export const NOTES: Script = script(
  "notes",
  `
local said, log, from = P .. 'said:' .. ARGV[2], P .. 'log:' .. ARGV[2], tonumber(ARGV[3])
local v = call('HMGET', said, 'part', 'first')
local first = tonumber(v[2]) or 0
local start = math.max(first, from)
return { v[1] or '', text(start), call('LRANGE', log, start - first, -1) }
`,
);

/**
 * Keeps what a pool tells. ARGV: now or '', pool, milliseconds to keep it, its card or '' when it is
 * gone.
 */
export const ANNOUNCE: Script = script(
  "announce",
  `
local CARDS, pool, card = P .. 'cards', ARGV[2], ARGV[4]
if card == '' then return call('HDEL', CARDS, pool) end
local is_new = call('HSET', CARDS, pool, text(now + tonumber(ARGV[3])) .. '${UNIT}' .. card) == 1
-- Other pools may tell less often.
call('PEXPIRE', CARDS, math.max(tonumber(ARGV[3]), ${POOL_TTL}))
if not is_new then return 0 end
-- Those that died without a word.
local cards = call('HGETALL', CARDS)
for i = 1, #cards, 2 do
  if tonumber(string.match(cards[i + 1], '^%d+')) <= now then call('HDEL', CARDS, cards[i]) end
end
return 1
`,
);

/** What pools tell. ARGV: now or ''. Returns the cards of those that are there. */
export const CARDS: Script = script(
  "cards",
  `
local cards, all = {}, call('HGETALL', P .. 'cards')
for i = 2, #all, 2 do
  local time, card = string.match(all[i], '^(%d+)${UNIT}(.*)$')
  if tonumber(time) > now then cards[#cards + 1] = card end
end
return cards
`,
);
