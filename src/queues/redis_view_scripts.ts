/** The scripts for those who look: what a task waits for, and what pools tell of themselves. */
import { UNIT } from "../message.ts";
import { MAX_OPEN } from "../task_queue.ts";
import { INSPECT, POOL_TTL, type Script, script } from "./redis_scripts.ts";

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
return { record, text(now), deadline or '', open, ahead or '', call('HEXISTS', META, 'paused'),
  call('ZCARD', LEASES), key and call('HGET', BUSY, key) or '0', until_of(limits.rate, ''),
  key and until_of(per_key.rate, key) or '' }
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
