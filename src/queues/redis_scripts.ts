/**
 * The keys of a queue in Redis and the scripts that change them.
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
 * | `meta` | hash | `sequence`, for places and fences |
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
import { CLEARED, GONE, SILENT } from "../task_queue.ts";

/** Edges of the graph that one script walks at most. */
export const STEPS = 80;
/** Stands between the records of a published message. */
export const RECORD = "\x1e";
/** Outcomes longer than this are not published; the waiter asks for them. */
export const MAX_PUSH = 65_536;
/** Leases whose end one exchange sees to. */
const EXPIRED = 50;
/** Milliseconds after which a silent pool is forgotten. */
const POOL_TTL = 60_000;
/** Milliseconds that uploaded needs wait for their task. */
const UPLOAD_TTL = 60_000;

/** First part of every key of a queue. */
export const prefixOf = (queue: string): string => `worq:{${queue}}:`;
/** Channel on which a client process hears of everything. */
export const channelOf = (client: string): string => `worq:client:${client}`;

const PRELUDE = `
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

/** A script with what it takes and gives back. */
export interface Script {
  readonly name: string;
  readonly text: string;
  /** Whether it makes room, in the end, so that a full server should run it. */
  readonly frees: boolean;
}

/** What lets a full server run a script, from Redis 7 on. */
export const ALLOW_OOM = "#!lua flags=allow-oom\n";

const script = (name: string, body: string, frees = false): Script => ({
  name,
  text: PRELUDE + body,
  frees,
});

/**
 * Stores tasks in order.
 *
 * ARGV: now or '', '1' when sent again, id of a task that must be known first or '', number of
 * tasks, then for each: id, message, origin or '', number of needs, that many needs. For a number
 * of -n the name of an upload follows, which holds the n needs.
 * Returns 'early' and does nothing when the task to come first is not known. Otherwise the answers,
 * one letter each: e(nqueued), p(ending), d(uplicate), l(ost its upload); then '+' when something
 * is left to settle.
 */
export const ENQUEUE: Script = script(
  "enqueue",
  `
local again, after = ARGV[2] == '1', ARGV[3]
local function known(id) return call('EXISTS', P .. 'm:' .. id, P .. 't:' .. id) > 0 end
if after ~= '' and not known(after) then return 'early' end

local function taken(id, origin)
  if (origin == '' and not again) or not known(id) then return nil end
  if origin ~= '' and read(P .. 't:' .. id, 'origin')[1] ~= origin then return 'd' end
  return call('ZSCORE', PENDING, id) and 'p' or 'e'
end
local answers, messages, line, links = {}, {}, {}, {}
local sequence = call('HINCRBY', META, 'sequence', ARGV[4]) - ARGV[4]
local at = 5
for n = 1, tonumber(ARGV[4]) do
  local id, message, origin, needs = unpack(ARGV, at, at + 3)
  needs = tonumber(needs)
  local first, last = at + 4, at + 3 + math.max(needs, 0)
  local upload = needs < 0 and P .. 'upload:' .. ARGV[first]
  at = last + (upload and 2 or 1)
  answers[n] = taken(id, origin) or (upload and call('LLEN', upload) ~= -needs and 'l')
  if not answers[n] then
    messages[#messages + 1] = P .. 'm:' .. id
    messages[#messages + 1] = message
    if origin ~= '' then
      call('UNLINK', P .. 't:' .. id)
      call('HSET', P .. 't:' .. id, 'origin', origin)
    end
    if needs == 0 then
      answers[n] = 'e'
      line[#line + 1] = sequence + n
      line[#line + 1] = id
    else
      for i = first, last, 1000 do
        call('RPUSH', P .. 'needs:' .. id, unpack(ARGV, i, math.min(i + 999, last)))
      end
      if upload then
        call('PERSIST', upload)
        call('RENAME', upload, P .. 'needs:' .. id)
      end
      call('HSET', P .. 't:' .. id, 'open', 1, 'linked', 0)
      call('ZADD', PENDING, sequence + n, id)
      links[#links + 1] = { n, id, needs > 0 and ${STEPS} or 1 }
    end
  end
end
for i = 1, #messages, 1000 do
  call('MSET', unpack(messages, i, math.min(i + 999, #messages)))
end
for i = 1, #line, 1000 do call('ZADD', READY, unpack(line, i, math.min(i + 999, #line))) end
for _, task in ipairs(links) do
  local n, id, steps = unpack(task)
  local score = call('ZSCORE', PENDING, id)
  local _, through = link(id, score, steps)
  make_ready()
  if not through then call('RPUSH', UNSETTLED, score .. '${UNIT}' .. id) end
  answers[n] = call('ZSCORE', PENDING, id) and 'p' or 'e'
end
if #links > 0 and settle(0) then answers[#answers + 1] = '+' end
wake()
forget()
send()
return table.concat(answers)
`,
);

/**
 * Takes needs ahead of their task. ARGV: now or '', name of the upload, number of needs that must
 * be there, needs. Returns how many are there then.
 */
export const UPLOAD: Script = script(
  "upload",
  `
local key = P .. 'upload:' .. ARGV[2]
local there = call('LLEN', key)
if there == tonumber(ARGV[3]) then
  for i = 4, #ARGV, 1000 do
    there = call('RPUSH', key, unpack(ARGV, i, math.min(i + 999, #ARGV)))
  end
  call('PEXPIRE', key, ${UPLOAD_TTL})
end
return there
`,
);

/** Goes on with what is unsettled. ARGV: now or ''. Returns 1 when something is left, else 0. */
export const SETTLE: Script = script(
  "settle",
  `
local more = settle(${STEPS})
wake()
forget()
send()
return more and 1 or 0
`,
  true,
);

/**
 * Takes what a pool has to report and gives it tasks.
 *
 * ARGV: now or '', pool, its client, number, want, lease, '1' when leaving, '1' when sent again,
 * number of reports, for each id, fence, kind (s, f, r, l), text, keep; number of renewals, for each
 * id, fence, lease.
 * Returns { more (0 or 1), superseded ids, fence, claims }; the claims in a row, each: id, message or
 * nil, number of outcomes, outcomes of the first needs.
 */
export const EXCHANGE: Script = script(
  "exchange",
  `
local pool, number = P .. 'pool:' .. ARGV[2], ARGV[4]
local sleeper = ARGV[3] .. '${UNIT}' .. ARGV[2]
local want, lease = tonumber(ARGV[5]), tonumber(ARGV[6])
local leaving, again = ARGV[7] == '1', ARGV[8] == '1'
local at = 9
-- First of all a write that a full server refuses: then it refuses the whole exchange, and the pool
-- keeps its reports. (Redis looks at its memory only before the first write of a script.)
call('HSET', pool, 'seen', NOW)

-- A lost worker costs one delivery, and then the task itself.
local function lose(id, reason)
  local t, message = P .. 't:' .. id, call('GET', P .. 'm:' .. id)
  local keep, _, redeliveries = policy(message)
  if add(t, 'losses', 1) > redeliveries then
    look_and_finish(id, failure('e', id, message, 'task expired: ' .. reason), keep)
    return
  end
  write(t, 'fence', '0')
  call('ZADD', READY, tonumber(read(t, 'score')[1]) or 0, id)
end

local done = {}
for _ = 1, tonumber(ARGV[at]) do
  local id, fence, kind, body, keep = unpack(ARGV, at + 1, at + 5)
  at = at + 5
  local current, score, waiters, refs, linked =
    unpack(read(P .. 't:' .. id, 'fence', 'score', 'waiters', 'refs', 'linked'))
  if current == fence then
    done[#done + 1] = id
    if kind == 'l' then
      lose(id, body)
    elseif kind == 'r' then
      write(P .. 't:' .. id, 'fence', '0')
      call('ZADD', READY, tonumber(score) or 0, id)
    else
      finish(id, kind .. body, keep, waiters, refs, linked)
    end
  end
end
for i = 1, #done, 1000 do call('ZREM', LEASES, unpack(done, i, math.min(i + 999, #done))) end
at = at + 1

local superseded = {}
for _ = 1, tonumber(ARGV[at]) do
  local id, fence, time = unpack(ARGV, at + 1, at + 3)
  at = at + 3
  if read(P .. 't:' .. id, 'fence')[1] == fence then
    call('ZADD', LEASES, now + tonumber(time), id)
  else
    superseded[#superseded + 1] = id
  end
end

-- Not when sent again: the server was away, and this pool has yet to show its other tasks alive.
local expired = again and {} or
  call('ZRANGEBYSCORE', LEASES, '-inf', NOW, 'LIMIT', 0, ${EXPIRED})
for _, id in ipairs(expired) do
  call('ZREM', LEASES, id)
  lose(id, '${SILENT}')
end

local more = settle(${STEPS}) or #expired == ${EXPIRED}

-- The claims of an exchange whose answer was lost are given again.
local ids = {}
local last, fence, given = unpack(read(pool, 'number', 'fence', 'claims'))
if last == number then
  for id in string.gmatch(given, '[^${RECORD}]+') do
    if read(P .. 't:' .. id, 'fence')[1] == fence then ids[#ids + 1] = id end
  end
elseif want > 0 and (tonumber(last) or -1) < tonumber(number) then
  local popped = call('ZPOPMIN', READY, want)
  if #popped > 0 then fence = text(call('HINCRBY', META, 'sequence', 1)) end
  local deadline, leases = text(now + lease), {}
  for i = 1, #popped, 2 do
    local id = popped[i]
    if write(P .. 't:' .. id,
      'fence', fence, 'owner', ARGV[2], 'score', popped[i + 1], 'started', NOW) then
      ids[#ids + 1] = id
      leases[#leases + 1] = deadline
      leases[#leases + 1] = id
    else
      -- The record is not ours; the task cannot run, and who waits must know.
      gone[#gone + 1] = P .. 'm:' .. id
    end
  end
  for i = 1, #leases, 1000 do call('ZADD', LEASES, unpack(leases, i, math.min(i + 999, #leases))) end
end

local claims, room = {}, ${STEPS}
for i = 1, #ids, 1000 do
  local keys = {}
  for k = i, math.min(i + 999, #ids) do keys[#keys + 1] = P .. 'm:' .. ids[k] end
  for k, message in ipairs(call('MGET', unpack(keys))) do
    local id, at = ids[i + k - 1], #claims
    claims[at + 1], claims[at + 2], claims[at + 3] = id, message, 0
    if message and room > 0 and string.byte(message) ~= ${UNIT.charCodeAt(0)} and
      string.find(message, '"needs":', 1, true) then
      local inputs = inputs_of(id, 0, room - 1)
      claims[at + 3] = #inputs
      for n, input in ipairs(inputs) do claims[at + 3 + n] = input end
      room = room - #inputs
    end
  end
end

if leaving then
  call('UNLINK', pool)
else
  call('HSET', pool, 'number', number, 'fence', fence or '0',
    'claims', table.concat(ids, '${RECORD}'))
  call('PEXPIRE', pool, ${POOL_TTL})
end
-- A pool that got less than it wanted is to be woken; one that is busy must not be, since that
-- would leave a task with it while another pool sleeps.
if #ids < want then
  call('ZADD', IDLE, NOW, sleeper)
else
  call('ZREM', IDLE, sleeper)
  wake()
end
forget()
send()
return { more and 1 or 0, superseded, tonumber(fence) or 0, claims }
`,
  true,
);

/**
 * Outcomes of the needs of a claimed task. ARGV: now or '', id, first number, count.
 * Returns them in order, each the letter of its status and its text.
 */
export const INPUTS: Script = script(
  "inputs",
  `
return inputs_of(ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[3]) + tonumber(ARGV[4]) - 1)
`,
);

/**
 * Outcomes of tasks, or a promise to publish them. ARGV: now or '', client, ids, each with ␟ and its
 * origin when it was chosen.
 * Returns for each the letter of its status and its text, or '' when the client will hear of it.
 */
export const WAIT: Script = script(
  "wait",
  `
local client, answers = ARGV[2], {}
for i = 3, #ARGV do
  local id, origin = parse(ARGV[i])
  local t = P .. 't:' .. id
  local values = redis.pcall('HMGET', t, 'outcome', 'waiters', 'origin')
  if values.err then
    answers[i - 2] = failure('f', id, call('GET', P .. 'm:' .. id),
      'its record in Redis is damaged: ' .. values.err)
  elseif not is_it(origin, values[3]) then
    answers[i - 2] = failure('e', id, nil, '${GONE}')
  elseif values[1] then
    answers[i - 2] = values[1]
  elseif call('EXISTS', P .. 'm:' .. id) == 0 then
    if call('ZSCORE', LEASES, id) then
      answers[i - 2] = ''
      call('HSET', t, 'waiters', client)
    else
      answers[i - 2] = failure('e', id, nil, '${GONE}')
    end
  else
    local waiters = values[2]
    if not waiters then
      call('HSET', t, 'waiters', client)
    elseif not string.find(' ' .. waiters .. ' ', ' ' .. client .. ' ', 1, true) then
      call('HSET', t, 'waiters', waiters .. ' ' .. client)
    end
    answers[i - 2] = ''
  end
end
return answers
`,
  true,
);

/**
 * Removes tasks that nobody has claimed, some at a time; those that wait for others first, so that
 * they are cleared and not failed. ARGV: now or ''. Returns how many; fewer than STEPS: none left.
 */
export const CLEAR: Script = script(
  "clear",
  `
local removed = 0
for _, place in ipairs({ PENDING, READY }) do
  local popped = removed < ${STEPS} and call('ZPOPMIN', place, ${STEPS} - removed) or {}
  for i = 1, #popped, 2 do
    local id = popped[i]
    look_and_finish(id, failure('e', id, call('GET', P .. 'm:' .. id), '${CLEARED}'), '0')
    removed = removed + 1
  end
end
settle(0)
forget()
send()
return removed
`,
  true,
);

/**
 * What is known of a task. ARGV: now or '', id.
 * Returns {} or { status letter (p, q, l, s, f, e), message, fence, owner, losses, open, refs,
 * started, ended, origin, needs }, with '' for what is not there.
 */
export const INSPECT: Script = script(
  "inspect",
  `
local id = ARGV[2]
local t = P .. 't:' .. id
local message = call('GET', P .. 'm:' .. id)
local v = read(t, 'outcome', 'fence', 'owner', 'losses', 'open', 'refs', 'started', 'ended',
  'origin')
local status = v[1] and string.sub(v[1], 1, 1)
  or call('ZSCORE', LEASES, id) and 'l'
  or call('ZSCORE', PENDING, id) and 'p'
  or call('ZSCORE', READY, id) and 'q'
if not status then return {} end
local needs = list('LRANGE', P .. 'needs:' .. id, 0, -1)
return { status, message or '', v[2] or '', v[3] or '', v[4] or '', v[5] or '', v[6] or '',
  v[7] or '', v[8] or '', v[9] or '', needs }
`,
);

/** Every script, to load them ahead. */
export const SCRIPTS: readonly Script[] = [
  ENQUEUE,
  UPLOAD,
  SETTLE,
  EXCHANGE,
  INPUTS,
  WAIT,
  CLEAR,
  INSPECT,
];
