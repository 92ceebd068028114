/**
 * The keys of a queue in Redis, and the Lua functions that the scripts share.
 *
 * All keys of the queue `q` start with `worq:{q}:`, one hash slot on a cluster. That prefix is
 * KEYS[1] of every script; KEYS[2] is `meta`. No key is the prefix alone: so while the slot moves,
 * there is always one of the two that a server has not, and each server of the cluster refuses the
 * script as a whole (TRYAGAIN) in place of running it on half of the keys.
 *
 * | key | type | holds |
 * |---|---|---|
 * | `m:<id>` | string | the message, from enqueue until the task is over |
 * | `t:<id>` | hash | what else there is to say of the task; absent when there is nothing |
 * | `r:<id>` | string, TTL | how it ended: outcome␟=name␟ended␟run␟keep, some without a name; while a task takes it, without an end |
 * | `refs:<id>` | string | number of the tasks that take its result; absent when there are none |
 * | `needs:<id>` | list | ids (and origins) of the results it takes, until it is over; with ␟ at the end of one that was gone by then |
 * | `feeds:<id>` | list | `score␟id` of the pending tasks that wait for it |
 * | `pending`, `ready` | zset | ids by place in the line (the sequence number of the enqueue, less a band for each step of priority) |
 * | `leases` | zset | ids of the claimed tasks by end of lease |
 * | `runs` | hash | by id of a claimed task: its run, fence␟owner␟started␟score, behind spaces |
 * | `due` | zset | ids of the pending tasks that wait for their time, by that time |
 * | `late` | zset | ids of the tasks that no pool has, by when they are too late |
 * | `dead` | zset | ids of the tasks that failed for good, by when they are dropped |
 * | `dead:<id>` | hash | `message`, `outcome`, `ended`, `log`, `origin`, `key` of one of them |
 * | `kept:<id>` | list | its `needs`, whose results are held in case it runs again |
 * | `schedules` | hash | by name of a schedule: time␟id␟spec of the tick that was enqueued last |
 * | `idle` | zset, TTL | channels of the pools to wake, by time |
 * | `upload:<name>` | list, TTL | needs on their way to a very wide task |
 * | `unsettled` | list | what is still to be walked: `id` of a task that is over, `score␟id` of a pending one, `␟key` of a list of needs to give back |
 * | `window:<kind>:<name>` | string, TTL | `until␟id`: the task that calls of this window join |
 * | `meta` | hash | `sequence`, for places and fences, there for good from the first task on |
 * | `paused` | string | there when no pool is to be given tasks |
 * | `pool:<id>` | string, TTL | a pool's last exchange: number␟1 when it may be among the idle␟fence␟claims |
 * | `said:<id>`, `log:<id>` | hash, list, TTL | what a task said: its last `part`, the number of the `first` line; and the lines, as JSON |
 * | `cards` | hash, TTL | by pool: time␟card, what it told of itself and until when that is kept |
 *
 * An outcome is the first letter of the status, then the text. Fields of `t:<id>`: `owner`, `started`
 * (latest claim that brought no outcome), `losses`, `failures`,
 * `log` (attempts that brought no value, each fence␟owner␟started␟ended␟kind␟text, with ␞ between
 * them), `waiters` (channels; the client that made up the id hears anyway), `origin` (of a chosen
 * id), `linked` (needs registered so far), `open` (results still to come, plus one while linking, plus
 * one for a time to come, plus one for an outcome to be delivered), `key`. It ends with `r:<id>`. What
 * tasks with a key have besides is in `redis_lines.ts`.
 *
 * Most tasks come and go without a record: a run that brings an outcome is a field of `runs` and then
 * part of a string, which many tasks can share a command for.
 *
 * No script walks more than {@linkcode STEPS} edges of the graph: what is left stays in
 * `unsettled`, and the next exchange goes on with it. So a fan-in of any size stalls nobody, and
 * nothing is forgotten when a client dies in the middle.
 */
import { CLIENT_LENGTH } from "../ids.ts";
import { DEFAULT_POLICY, UNIT } from "../message.ts";
import { LINES } from "./redis_lines.ts";
import { GONE, LATE, MAX_ATTEMPT_TEXT, MAX_ATTEMPTS, MAX_DEAD, SILENT } from "../task_queue.ts";

/** Edges of the graph that one script walks at most. */
export const STEPS = 80;
/** Stands between the records of a published message. */
export const RECORD = "\x1e";
/** Leases, times and dead tasks, of each kind, that one script looks after. */
const TIMES = 50;
/** Outcomes longer than this are not published; the waiter asks for them. */
const MAX_PUSH = 65_536;
/**
 * Where a run begins in its text. There are spaces before it: values of up to 64 characters make
 * Redis keep a hash as a list, and go through it for each task.
 */
export const RUN_AT = 65;
/** Milliseconds within which an idle pool looks at its queue again, and some more. */
const LOOKS = 6_000;

/** First part of every key of a queue. */
export const prefixOf = (queue: string): string => `worq:{${queue}}:`;
/** Channel on which a client process hears of everything. */
export const channelOf = (client: string): string => `worq:client:${client}`;

/** Functions that the scripts share. */
export const PRELUDE = `
local P = KEYS[1]
local QUEUE = string.match(P, '{(.*)}')
local PENDING, READY, LEASES, IDLE = P .. 'pending', P .. 'ready', P .. 'leases', P .. 'idle'
local RUNS, UNSETTLED, META = P .. 'runs', P .. 'unsettled', P .. 'meta'
local DUE, LATE, DEAD, PAUSED = P .. 'due', P .. 'late', P .. 'dead', P .. 'paused'
local CLUSTER = false
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

local function message_of(id)
  local message = redis.pcall('GET', P .. 'm:' .. id)
  return type(message) == 'string' and message or nil
end

-- Whether there is a task with this id.
local function is_known(id)
  return call('EXISTS', P .. 'm:' .. id, P .. 'r:' .. id, P .. 't:' .. id) > 0
end

-- The outcome in the text of a result, and the outcome of a task that is over.
local function outcome_in(result)
  local at = string.find(result, '${UNIT}', 1, true)
  return at and string.sub(result, 1, at - 1) or result
end
local function outcome_of(id)
  local result = redis.pcall('GET', P .. 'r:' .. id)
  return type(result) == 'string' and outcome_in(result) or nil
end

-- What is written of a run: fence, owner, started, score.
local function parts_of(run)
  return string.match(run or '', '^ *([^${UNIT}]*)${UNIT}([^${UNIT}]*)${UNIT}([^${UNIT}]*)${UNIT}(.*)$')
end

-- A field that counts. A foreign value in it must not stop the others: it counts from zero.
local function add(key, field, n)
  local sum = redis.pcall('HINCRBY', key, field, n)
  if type(sum) == 'number' then return sum end
  write(key, field, n)
  return n
end

-- How many tasks take the result of this one.
local function refs_of(id)
  local refs = redis.pcall('GET', P .. 'refs:' .. id)
  return type(refs) == 'string' and tonumber(refs) or 0
end
local function add_refs(id, n)
  local key = P .. 'refs:' .. id
  local sum = redis.pcall('INCRBY', key, n)
  if type(sum) == 'number' then return sum end
  call('SET', key, n)
  return tonumber(n)
end

-- Nobody takes the result of a task any more: if it is over, what is left of it gets its end.
local function expire(id, has_record)
  local r = P .. 'r:' .. id
  local tail = redis.pcall('GETRANGE', r, '-20', '-1')
  if type(tail) ~= 'string' or tail == '' then return end
  local keep = string.match(tail, '.*${UNIT}(%d+)$') or '0'
  redis.pcall('PEXPIRE', r, keep)
  if has_record then redis.pcall('PEXPIRE', P .. 't:' .. id, keep) end
end

${LINES}
-- Options of a task from the head of its message, with their defaults.
local function policy(message)
  local head = {}
  local json = message and string.match(message, '^([^${UNIT}]+)${UNIT}')
  if json then
    local ok, value = pcall(cjson.decode, json)
    if ok and type(value) == 'table' then head = value end
  end
  return text(tonumber(head.resultTimeout) or ${DEFAULT_POLICY.resultTimeout}),
    head.onError == 'pass', tonumber(head.redeliveries) or ${DEFAULT_POLICY.redeliveries}, head
end

local function name_in(message)
  return message and string.match(message, '${UNIT}([^${UNIT}]*)${UNIT}')
end
-- The outcome of the task with this message: who looks at it later wants to know what task it was.
local function named(outcome, message)
  local name = name_in(message)
  return name and outcome_in(outcome) .. '${UNIT}=' .. name or outcome
end
local function failure(status, id, message, why)
  local data = { task = name_in(message) or '?', queue = QUEUE, id = id, text = why }
  return named(status .. cjson.encode(data), message)
end

-- A need: id of a task and, when a user chose that id, the origin that the task must have.
local function parse(need)
  if not string.find(need, '${UNIT}', 1, true) then return need, '' end
  return string.match(need, '^([^${UNIT}]+)${UNIT}(.*)$')
end
local function has_origin(id, origin)
  return origin == '' or origin == read(P .. 't:' .. id, 'origin')[1]
end

local function parse_all(needs)
  local ids, origins = {}, {}
  for i = 1, #needs do ids[i], origins[i] = parse(needs[i]) end
  return ids, origins
end
local function keys_of(kind, ids)
  local keys = {}
  for i = 1, #ids do keys[i] = P .. kind .. ids[i] end
  return keys
end

-- What a task gets for its needs number first to last: results, as they are written.
local function inputs_of(id, first, last)
  local ids, origins = parse_all(list('LRANGE', P .. 'needs:' .. id, first, last))
  local results = #ids > 0 and call('MGET', unpack(keys_of('r:', ids))) or {}
  for i, other in ipairs(ids) do
    if not results[i] or not has_origin(other, origins[i]) then
      results[i] = failure('e', other, nil, '${GONE}')
    end
  end
  return results
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
local function tell(waiters, id, outcome, origin)
  -- Nobody waits for the end of a task that gives nothing, unless asked to.
  local is_empty = outcome == 's' or string.byte(outcome, 2) == ${UNIT.charCodeAt(0)}
  local caller = not origin and #id > ${CLIENT_LENGTH} and not is_empty and string.sub(id, 1, ${CLIENT_LENGTH})
  if not waiters and not caller then return end
  local news = id .. '${UNIT}' .. (#outcome > ${MAX_PUSH} and '?' or outcome)
  if caller then post(caller, news) end
  if not waiters or waiters == caller then return end
  for client in string.gmatch(waiters, '%S+') do
    if client ~= caller then post(client, news) end
  end
end
local function send()
  for _, client in ipairs(clients) do
    call('PUBLISH', 'worq:client:' .. client, table.concat(mail[client], '${RECORD}'))
  end
end

-- The time of a task. When it comes before all others, those who sleep do not know of it.
local sooner = false
local function set_time(key, at, id)
  call('ZADD', key, at, id)
  sooner = sooner or call('ZRANGE', key, 0, 0)[1] == id
end

-- Wakes one pool that listens, when there is something to claim or it is to sleep shorter.
local function wake(is_sure)
  if not is_sure and not sooner and call('EXISTS', READY, TURNS) == 0 then return end
  while true do
    local pool, since = unpack(call('ZPOPMIN', IDLE))
    if not pool then return end
    local client = string.match(pool, '^[^${UNIT}]+')
    if call('PUBLISH', 'worq:client:' .. client, QUEUE) > 0 then return end
    -- A cluster counts only who listens on this very server. (The time is asked for here: a script
    -- that stores plain tasks needs it for nothing else.)
    if CLUSTER and (tonumber(ARGV[1]) or call('TIME')[1] * 1000) - since < ${LOOKS} then return end
  end
end

-- Pending tasks that results came in for in this script, each with its place and how many.
local closing, waiting = {}, {}
-- The task is over. keep is a text; '0' tells only those who wait now. A task that has a record comes
-- with these fields of it: waiters, linked, origin, key.
local gone, over, ENDED = {}, {}, '${UNIT}' .. NOW .. '${UNIT}'
local function finish(id, outcome, keep, run, refs, record)
  local waiters, linked, origin, key
  if record then waiters, linked, origin, key = unpack(record) end
  if key then count(KEYS_ALIVE, key, -1) end
  if closing[id] then closing[id] = nil end
  gone[#gone + 1] = P .. 'm:' .. id
  local is_held = refs > 0 or linked
  if is_held then over[#over + 1] = { id, outcome, linked, refs } end
  if is_held or keep ~= '0' then
    local r = P .. 'r:' .. id
    local result = outcome .. ENDED .. (run and string.sub(run, ${RUN_AT}) or '') .. '${UNIT}' .. keep
    -- What it needs must be given back first, which the record tells: no end before that. With GET
    -- there is no answer to be made, unless something was there, or it is no time.
    if is_held or redis.pcall('SET', r, result, 'PX', keep, 'GET') then
      call('SET', r, result)
      if not is_held then redis.pcall('PEXPIRE', r, keep) end
    end
  end
  if record and not is_held then redis.pcall('PEXPIRE', P .. 't:' .. id, keep) end
  tell(waiters, id, outcome, origin)
end
local function record_of(id) return read(P .. 't:' .. id, 'waiters', 'linked', 'origin', 'key') end
-- For a task that no pool has.
local function look_and_finish(id, outcome, keep)
  call('ZREM', DUE, id)
  call('ZREM', LATE, id)
  finish(id, outcome, keep, nil, refs_of(id), record_of(id))
end
local function forget()
  for i = 1, #gone, 1000 do call('UNLINK', unpack(gone, i, math.min(i + 999, #gone))) end
  gone = {}
end

local function fail_for_need(id, outcome)
  call('ZREM', PENDING, id)
  local message = message_of(id)
  look_and_finish(id, named(outcome, message), (policy(message)))
end

-- One result fewer to wait for. They are counted together, and those with none left move together.
local function close(id, score)
  local known = closing[id]
  if known then
    known[2] = known[2] + 1
  else
    closing[id] = { score, 1 }
    waiting[#waiting + 1] = id
  end
end
local function is_pending(id, score)
  local known = closing[id]
  return known and known[1] == score or call('ZSCORE', PENDING, id) == score
end
local function make_ready()
  local opened, places = {}, {}
  for _, id in ipairs(waiting) do
    local score, results = unpack(closing[id] or {})
    closing[id] = nil
    if score and add(P .. 't:' .. id, 'open', -results) <= 0 then
      opened[#opened + 1] = id
      places[#places + 1] = score
      places[#places + 1] = id
    end
  end
  waiting = {}
  if #opened == 0 then return end
  call('ZREM', PENDING, unpack(opened))
  if call('EXISTS', KEYS_ALIVE) == 0 then
    call('ZADD', READY, unpack(places))
  else
    for i, id in ipairs(opened) do
      enter(id, places[2 * i - 1], read(P .. 't:' .. id, 'key')[1] or nil)
    end
  end
end

-- What an attempt came to. The last few are remembered.
local function note(t, run, kind, body)
  local fence, owner, started = parts_of(run)
  local log = read(t, 'log')[1]
  if #body > ${MAX_ATTEMPT_TEXT} then body = '' end
  local entry = table.concat({ fence or '', owner or '', started or '', NOW, kind, body }, '${UNIT}')
  if log then
    local _, others = string.gsub(log, '${RECORD}', '')
    if others + 2 > ${MAX_ATTEMPTS} then log = string.match(log, '${RECORD}(.*)$') end
    entry = log .. '${RECORD}' .. entry
  end
  write(t, 'log', entry)
end

-- Nobody will need again what a dead task took. That is walked later.
local function drop_dead(id)
  call('UNLINK', P .. 'dead:' .. id)
  local known = call('ZREM', DEAD, id)
  local kept = P .. 'kept:' .. id
  if call('EXISTS', kept) == 1 then
    local given = 'given:' .. call('HINCRBY', META, 'sequence', 1)
    call('RENAME', kept, P .. given)
    call('RPUSH', UNSETTLED, '${UNIT}' .. given)
  end
  return known
end

-- The task failed for good: it is over, and a copy is kept, to be enqueued again.
local function die(id, message, outcome, keep, run)
  local t, head, record = P .. 't:' .. id, nil, record_of(id)
  local _, linked, origin, key = unpack(record)
  if message then head = select(4, policy(message)) end
  local time = head and (tonumber(head.deadTimeout) or ${DEFAULT_POLICY.deadTimeout}) or 0
  if time > 0 then
    drop_dead(id)
    if linked then
      if tonumber(linked) > 0 then call('RENAME', P .. 'needs:' .. id, P .. 'kept:' .. id) end
      call('HDEL', t, 'linked', 'open')
      record[2] = false
    end
    call('HSET', P .. 'dead:' .. id, 'message', message, 'outcome', outcome, 'ended', NOW,
      'log', read(t, 'log')[1] or '', 'origin', origin or '', 'key', key or '')
    call('ZADD', DEAD, now + time, id)
    if call('ZCARD', DEAD) > ${MAX_DEAD} then drop_dead(call('ZRANGE', DEAD, 0, 0)[1]) end
  end
  finish(id, named(outcome, message), keep, run, refs_of(id), record)
end

-- No pool has it any more; gives its old place in the line.
local function end_run(t, run)
  local _, owner, started, score = parts_of(run)
  if owner then write(t, 'owner', owner, 'started', started) end
  return tonumber(score) or 0
end

-- Back in line, in its old place. It may be too late for that, which is seen to by keep_time.
local function give_again(id, run, message)
  local t = P .. 't:' .. id
  local late = tonumber(select(4, policy(message)).expiresAt)
  enter(id, end_run(t, run), read(t, 'key')[1] or nil)
  if late then set_time(LATE, text(late), id) end
end

-- A lost worker costs one delivery, and then the task itself.
local function lose(id, run, reason)
  local t, message = P .. 't:' .. id, message_of(id)
  local keep, _, redeliveries = policy(message)
  note(t, run, 'l', reason)
  if add(t, 'losses', 1) > redeliveries then
    die(id, message, failure('e', id, message, 'task expired: ' .. reason), keep, run)
  else
    give_again(id, run, message)
  end
end

-- Failed, and to run again when its time comes, which it waits for as for a result.
local function retry(id, run, body, delay)
  local t, message = P .. 't:' .. id, message_of(id)
  local keep, _, _, head = policy(message)
  local at, late = now + delay, tonumber(head.expiresAt)
  note(t, run, 'f', body)
  if late and late <= at then return die(id, message, 'f' .. body, keep, run) end
  add(t, 'failures', 1)
  write(t, 'open', 1)
  call('ZADD', PENDING, end_run(t, run), id)
  set_time(DUE, text(at), id)
  if late then set_time(LATE, text(late), id) end
end

-- The walks below do at most n steps and return how many they did, and whether they are
-- through. Each keeps its own progress in Redis.

-- Registers a pending task with what it needs. The place in the line tells it from another task that
-- had the same id.
local function link(id, score, n)
  local t = P .. 't:' .. id
  if call('ZSCORE', PENDING, id) ~= score then return 1, true end
  local linked = tonumber(read(t, 'linked')[1]) or 0
  local needs = list('LRANGE', P .. 'needs:' .. id, linked, linked + n - 1)
  local ids, origins = parse_all(needs)
  local results = #ids > 0 and call('MGET', unpack(keys_of('r:', ids))) or {}
  local all_wait = #ids > 0 and call('EXISTS', unpack(keys_of('m:', ids))) == #ids
  local pass, open, feed = nil, 0, score .. '${UNIT}' .. id
  for i, other in ipairs(ids) do
    local outcome = results[i]
    if (outcome or all_wait or call('EXISTS', P .. 'm:' .. other) == 1) and has_origin(other, origins[i]) then
      local refs = add_refs(other, '1')
      if not outcome then
        open = open + 1
        call('RPUSH', P .. 'feeds:' .. other, feed)
      elseif refs == 1 then
        redis.pcall('PERSIST', P .. 'r:' .. other)
        redis.pcall('PERSIST', P .. 't:' .. other)
      end
    else
      outcome = failure('e', other, nil, '${GONE}')
      -- For good: another task with its id, or the same one again, is not what is taken here.
      call('LSET', P .. 'needs:' .. id, linked + i - 1,
        needs[i] .. (origins[i] == '' and '${UNIT}${UNIT}' or '${UNIT}'))
    end
    if outcome and string.byte(outcome) ~= 115 then
      if pass == nil then pass = select(2, policy(message_of(id))) end
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
    if other and is_pending(other, score) then
      local pass = not bad or select(2, policy(message_of(other)))
      if pass then close(other, score) else fail_for_need(other, outcome) end
    end
  end
  return math.max(1, #feeds), #feeds < n
end

-- Results that are not needed any more by one who took them.
local function give_back(needs)
  local ids, origins = parse_all(needs)
  local free, n = {}, 0
  for i = 1, #ids do
    if has_origin(ids[i], origins[i]) and add_refs(ids[i], '-1') <= 0 then
      n = n + 1
      free[n] = ids[i]
    end
  end
  if n == 0 then return end
  call('UNLINK', unpack(keys_of('refs:', free)))
  -- Whoever waited for it is over, if it could not be told before.
  call('UNLINK', unpack(keys_of('feeds:', free)))
  local records = call('EXISTS', unpack(keys_of('t:', free))) > 0
  for i = 1, n do
    -- One that is still giving back what it needed itself gets its end from that.
    if not records or not read(P .. 't:' .. free[i], 'linked')[1] then expire(free[i], records) end
  end
end

-- Gives back the results that a finished task needed.
local function unlink(id, n)
  local t = P .. 't:' .. id
  local linked = tonumber(read(t, 'linked')[1]) or 0
  local k = math.min(n, linked)
  if k > 0 then give_back(list('LPOP', P .. 'needs:' .. id, k)) end
  if k < linked then
    write(t, 'linked', linked - k)
    return k + 1, false
  end
  gone[#gone + 1] = P .. 'needs:' .. id
  redis.pcall('HDEL', t, 'linked', 'open')
  if refs_of(id) <= 0 then expire(id, true) end
  return k + 1, true
end

-- All that a finished task leaves to do.
local function settle_ended(id, outcome, linked, refs, n)
  local steps, through = 1, true
  if refs > 0 then steps, through = release(id, outcome, n) end
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
      -- What ended in this script is not there any more.
      forget()
      steps, through = link(id, score, n)
    elseif string.byte(entry) == ${UNIT.charCodeAt(0)} then
      local needs = list('LPOP', P .. string.sub(entry, 2), n)
      give_back(needs)
      steps, through = #needs + 1, #needs < n
    else
      local outcome = outcome_of(entry)
      if outcome then
        local linked = read(P .. 't:' .. entry, 'linked')[1]
        steps, through = settle_ended(entry, outcome, linked, refs_of(entry), n)
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

-- What time brings, some of each kind. All late tasks leave their places before the first one ends,
-- or it would fail the others. True when something may be left.
local function expired(key)
  return call('ZRANGEBYSCORE', key, '-inf', NOW, 'LIMIT', 0, ${TIMES})
end
-- Whether late tasks may be left, which no pool must be given.
local overdue = false
local function end_late()
  local late, ending = expired(LATE), {}
  for _, id in ipairs(late) do
    call('ZREM', LATE, id)
    if call('ZREM', PENDING, id) == 1 or withdraw(id, read(P .. 't:' .. id, 'key')[1] or nil) then
      ending[#ending + 1] = id
    end
  end
  for _, id in ipairs(ending) do
    local message = message_of(id)
    look_and_finish(id, failure('e', id, message, '${LATE}'), (policy(message)))
  end
  overdue = #late == ${TIMES}
  return overdue
end
local function keep_time()
  end_rests()
  local due = expired(DUE)
  for _, id in ipairs(due) do
    call('ZREM', DUE, id)
    local score = call('ZSCORE', PENDING, id)
    if score then close(id, score) end
  end
  local more = end_late()
  local dead = expired(DEAD)
  for _, id in ipairs(dead) do drop_dead(id) end
  return more or #due == ${TIMES} or #dead == ${TIMES}
end
local function recover()
  local silent = expired(LEASES)
  for _, id in ipairs(silent) do
    lose(id, leave(id, read(P .. 't:' .. id, 'key')[1] or nil), '${SILENT}')
  end
  return #silent == ${TIMES}
end

-- Milliseconds until time brings something; -1 for no such time.
local function next_time()
  local first
  for _, key in ipairs({ DUE, LATE, LEASES, RESTS }) do
    local at = tonumber(call('ZRANGE', key, 0, 0, 'WITHSCORES')[2])
    if at and (not first or at < first) then first = at end
  end
  return first and math.max(0, first - now) or -1
end
`;
