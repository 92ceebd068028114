/**
 * The keys of a queue in Redis, and the Lua functions that the scripts share.
 *
 * All keys of the queue `q` start with `worq:{q}:`, one hash slot on a cluster. That prefix is
 * KEYS[1] of every script.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `m:<id>` | string | the message, from enqueue until the task is over |
 * | `t:<id>` | hash | what happened to the task; absent as long as nothing did |
 * | `needs:<id>` | list | ids (and origins) of the results it takes, until it is over |
 * | `feeds:<id>` | list | `score␟id` of the pending tasks that wait for it |
 * | `pending`, `ready` | zset | ids by place in the line (the sequence number of the enqueue) |
 * | `leases` | zset | ids of the claimed tasks by end of lease |
 * | `idle` | zset | channels of the pools to wake, by time |
 * | `upload:<name>` | list, TTL | needs on their way to a very wide task |
 * | `unsettled` | list | tasks whose edges are still to be walked: `id` when over, else `score␟id` |
 * | `meta` | hash | `sequence`, for places and fences, there for good from the first task on; `paused` |
 * | `pool:<id>` | hash, TTL | number, fence and claims of a pool's last exchange |
 *
 * Fields of `t:<id>`: `fence`, `owner`, `score`, `started` (latest claim), `losses`, `waiters`
 * (channels), `origin` (of a chosen id), `linked` (needs registered so far), `open` (results still
 * to come, plus one while linking), `refs` (dependents that need the outcome), `outcome` (first
 * letter of the status, then the text), `keep`, `ended`.
 *
 * No script walks more than {@linkcode STEPS} edges of the graph: what is left stays in
 * `unsettled`, and the next exchange goes on with it. So a fan-in of any size stalls nobody, and
 * nothing is forgotten when a client dies in the middle.
 */
import { DEFAULT_POLICY, UNIT } from "../message.ts";
import { GONE } from "../task_queue.ts";

/** Edges of the graph that one script walks at most. */
export const STEPS = 80;
/** Stands between the records of a published message. */
export const RECORD = "\x1e";
/** Outcomes longer than this are not published; the waiter asks for them. */
const MAX_PUSH = 65_536;

/** First part of every key of a queue. */
export const prefixOf = (queue: string): string => `worq:{${queue}}:`;
/** Channel on which a client process hears of everything. */
export const channelOf = (client: string): string => `worq:client:${client}`;

/** Functions that the scripts share. */
export const PRELUDE = `
local P = KEYS[1]
local QUEUE = string.match(P, '{(.*)}')
local PENDING, READY, LEASES, IDLE = P .. 'pending', P .. 'ready', P .. 'leases', P .. 'idle'
local UNSETTLED, META = P .. 'unsettled', P .. 'meta'
local call = redis.call

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- Redis writes every number that it gets from a script anew, and slowly: times and counts that occur
-- more than once are texts.
local function text(number) return string.format('%.0f', number) end
local NOW = text(now)

-- Fields of a hash, elements of a list; none when the key holds something else.
local function read(key, ...)
  local values = redis.pcall('HMGET', key, ...)
  return values.err and {} or values
end
local function list(command, ...)
  local values = redis.pcall(command, ...)
  return (not values or values.err) and {} or values
end
local function write(key, ...)
  return type(redis.pcall('HSET', key, ...)) == 'number'
end

-- A field that counts. A foreign value in it must not stop the others: it counts from zero.
local function add(key, field, n)
  local sum = redis.pcall('HINCRBY', key, field, n)
  if type(sum) == 'number' then return sum end
  write(key, field, n)
  return n
end

-- Options of a task from the head of its message, with their defaults.
local function policy(message)
  local head = {}
  local json = message and string.match(message, '^([^${UNIT}]+)${UNIT}')
  if json then
    local ok, value = pcall(cjson.decode, json)
    if ok and type(value) == 'table' then head = value end
  end
  return text(tonumber(head.resultTimeout) or ${DEFAULT_POLICY.resultTimeout}),
    head.onError == 'pass', tonumber(head.redeliveries) or ${DEFAULT_POLICY.redeliveries}
end

local function failure(status, id, message, why)
  local name = message and string.match(message, '${UNIT}([^${UNIT}]*)${UNIT}') or '?'
  return status .. cjson.encode({ task = name, queue = QUEUE, id = id, text = why })
end

-- A need: id of a task and, when a user chose that id, the origin that the task must have.
local function parse(need)
  if not string.find(need, '${UNIT}', 1, true) then return need, '' end
  return string.match(need, '^([^${UNIT}]+)${UNIT}(.*)$')
end
local function is_it(origin, theirs) return origin == '' or origin == theirs end

-- What a task gets for its needs number first to last.
local function inputs_of(id, first, last)
  local outcomes = list('LRANGE', P .. 'needs:' .. id, first, last)
  for i, need in ipairs(outcomes) do
    local other, origin = parse(need)
    local outcome, theirs = unpack(read(P .. 't:' .. other, 'outcome', 'origin'))
    local known = outcome and is_it(origin, theirs)
    outcomes[i] = known and outcome or failure('e', other, nil, '${GONE}')
  end
  return outcomes
end

-- What is published at the end of the script: one message for each client.
local mail, clients = {}, {}
local function post(client, news)
  local letter = mail[client]
  if not letter then
    letter = { QUEUE }
    mail[client] = letter
    clients[#clients + 1] = client
  end
  letter[#letter + 1] = news
end
local function tell(waiters, id, outcome)
  local news = id .. '${UNIT}' .. (#outcome > ${MAX_PUSH} and '?' or outcome)
  if not string.find(waiters, ' ', 1, true) then return post(waiters, news) end
  for client in string.gmatch(waiters, '%S+') do post(client, news) end
end
local function send()
  for _, client in ipairs(clients) do
    call('PUBLISH', 'worq:client:' .. client, table.concat(mail[client], '${RECORD}'))
  end
end

-- Wakes one pool that listens, when there is something to claim.
local function wake()
  if call('EXISTS', READY) == 0 then return end
  while true do
    local pool = call('ZPOPMIN', IDLE)[1]
    if not pool then return end
    local client = string.match(pool, '^[^${UNIT}]+')
    if call('PUBLISH', 'worq:client:' .. client, QUEUE) > 0 then return end
  end
end

-- The task is over. keep is a text; '0' tells only those who wait now.
local gone, over = {}, {}
local function finish(id, outcome, keep, waiters, refs, linked)
  local t = P .. 't:' .. id
  gone[#gone + 1] = P .. 'm:' .. id
  -- Its dependents may all be over before it is.
  if refs == '0' then gone[#gone + 1] = P .. 'feeds:' .. id end
  refs = tonumber(refs) or 0
  if refs > 0 or linked then over[#over + 1] = { id, outcome, linked, refs } end
  if refs > 0 or keep ~= '0' or linked then
    write(t, 'outcome', outcome, 'keep', keep, 'ended', NOW, 'fence', '0')
    -- What it needs must be given back first, which the record tells: no end before that.
    if refs == 0 and not linked then redis.pcall('PEXPIRE', t, keep) end
  else
    redis.pcall('UNLINK', t)
  end
  if waiters then tell(waiters, id, outcome) end
end
local function look_and_finish(id, outcome, keep)
  finish(id, outcome, keep, unpack(read(P .. 't:' .. id, 'waiters', 'refs', 'linked')))
end
local function forget()
  for i = 1, #gone, 1000 do call('UNLINK', unpack(gone, i, math.min(i + 999, #gone))) end
end

local function fail_for_need(id, outcome)
  call('ZREM', PENDING, id)
  look_and_finish(id, outcome, (policy(call('GET', P .. 'm:' .. id))))
end

-- One result fewer to wait for. Those with none left move together.
local opened, places = {}, {}
local function close(id, score)
  if add(P .. 't:' .. id, 'open', -1) > 0 then return end
  opened[#opened + 1] = id
  places[#places + 1] = score
  places[#places + 1] = id
end
local function make_ready()
  if #opened == 0 then return end
  call('ZREM', PENDING, unpack(opened))
  call('ZADD', READY, unpack(places))
  opened, places = {}, {}
end

-- The three walks below do at most n steps and return how many they did, and whether they are
-- through. Each keeps its own progress in Redis.

-- Registers a pending task with what it needs. The place in the line tells it from another task that
-- had the same id.
local function link(id, score, n)
  local t = P .. 't:' .. id
  if call('ZSCORE', PENDING, id) ~= score then return 1, true end
  local linked = tonumber(read(t, 'linked')[1]) or 0
  local needs = list('LRANGE', P .. 'needs:' .. id, linked, linked + n - 1)
  local pass, open, feed = nil, 0, score .. '${UNIT}' .. id
  for i, need in ipairs(needs) do
    local other, origin = parse(need)
    local o = P .. 't:' .. other
    local outcome, theirs = unpack(read(o, 'outcome', 'origin'))
    if is_it(origin, theirs) and (outcome or call('EXISTS', P .. 'm:' .. other) == 1) then
      if add(o, 'refs', 1) == 1 and outcome then redis.pcall('PERSIST', o) end
      if not outcome then
        open = open + 1
        call('RPUSH', P .. 'feeds:' .. other, feed)
      end
    else
      outcome = failure('e', other, nil, '${GONE}')
    end
    if outcome and string.byte(outcome) ~= 115 then
      if pass == nil then
        local _
        _, pass = policy(call('GET', P .. 'm:' .. id))
      end
      if not pass then
        write(t, 'linked', linked + i)
        fail_for_need(id, outcome)
        return i, true
      end
    end
  end
  write(t, 'linked', linked + #needs)
  if open > 0 then add(t, 'open', open) end
  if #needs == n then return n, false end
  close(id, score)
  return #needs + 1, true
end

-- Tells the tasks that wait for a finished one.
local function release(id, outcome, n)
  local feeds = list('LPOP', P .. 'feeds:' .. id, n)
  local bad = string.byte(outcome) ~= 115
  for _, feed in ipairs(feeds) do
    local score, other = string.match(feed, '^([^${UNIT}]+)${UNIT}(.*)$')
    -- The place in the line is unique: another task with this id has another one.
    if other and call('ZSCORE', PENDING, other) == score then
      local pass = true
      if bad then
        local _
        _, pass = policy(call('GET', P .. 'm:' .. other))
      end
      if pass then close(other, score) else fail_for_need(other, outcome) end
    end
  end
  return #feeds + 1, #feeds < n
end

-- Gives back the results that a finished task needed.
local function unlink(id, n)
  local t = P .. 't:' .. id
  local linked, refs, keep = unpack(read(t, 'linked', 'refs', 'keep'))
  linked = tonumber(linked) or 0
  local k = math.min(n, linked)
  local needs = k > 0 and list('LPOP', P .. 'needs:' .. id, k) or {}
  for _, need in ipairs(needs) do
    local other, origin = parse(need)
    local o = P .. 't:' .. other
    local held, theirs, ended, their_keep, their_linked =
      unpack(read(o, 'refs', 'origin', 'ended', 'keep', 'linked'))
    if held and is_it(origin, theirs) and add(o, 'refs', -1) <= 0 and ended then
      -- Whoever waited for it is over, if it could not be told before.
      call('UNLINK', P .. 'feeds:' .. other)
      -- One that is still giving back what it needed itself gets its end from that.
      if not their_linked then redis.pcall('PEXPIRE', o, tonumber(their_keep) or 0) end
    end
  end
  if k < linked then
    write(t, 'linked', linked - k)
    return k + 1, false
  end
  gone[#gone + 1] = P .. 'needs:' .. id
  redis.pcall('HDEL', t, 'linked', 'open')
  if (tonumber(refs) or 0) <= 0 then redis.pcall('PEXPIRE', t, tonumber(keep) or 0) end
  return k + 1, true
end

-- All that a finished task leaves to do.
local function settle_ended(id, outcome, linked, refs, n)
  local steps, through = 1, true
  if (tonumber(refs) or 0) > 0 then steps, through = release(id, outcome, n) end
  if not through or not linked then return steps, through end
  if steps >= n then return steps, false end
  local more
  more, through = unlink(id, n - steps)
  return steps + more, through
end

-- Goes on with what is unsettled, n steps at most: first what ended in this script, which need not
-- go through the list. True when something is left.
local function settle(n)
  local at = 1
  while over[at] do
    local id, outcome, linked, refs = unpack(over[at])
    local steps, through = 0, false
    if n > 0 then steps, through = settle_ended(id, outcome, linked, refs, n) end
    n = n - steps
    if not through then call('RPUSH', UNSETTLED, id) end
    at = at + 1
  end
  over = {}
  while n > 0 do
    make_ready()
    local entry = call('LINDEX', UNSETTLED, 0)
    if not entry then return false end
    local score, id = string.match(entry, '^([^${UNIT}]+)${UNIT}(.*)$')
    local steps, through
    if score then
      steps, through = link(id, score, n)
    else
      local outcome, linked, refs = unpack(read(P .. 't:' .. entry, 'outcome', 'linked', 'refs'))
      if outcome then
        steps, through = settle_ended(entry, outcome, linked, refs, n)
      else
        steps, through = 1, true
      end
    end
    n = n - steps
    if through then call('LREM', UNSETTLED, 1, entry) end
    for _, ended in ipairs(over) do call('RPUSH', UNSETTLED, ended[1]) end
    over = {}
  end
  make_ready()
  return call('EXISTS', UNSETTLED) == 1
end
`;
