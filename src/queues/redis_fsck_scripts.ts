/**
 * The scripts behind `fsck()`. Each looks at a few tasks with all that is around them, so that what
 * it finds was so at one moment, and sets it right in the same moment.
 */
import { STAND_IN } from "../couriers.ts";
import { DEFAULT_POLICY, UNIT } from "../message.ts";
import { BAND, GONE } from "../task_queue.ts";
import { STEPS } from "./redis_lua.ts";
import { POOL_TTL, type Script, script, UPLOAD_TTL, WINDOW_TTL } from "./redis_scripts.ts";

/** Lists up to this length are looked through. */
const LONG = 1_000;
/** Claimed tasks that are counted by their keys in one script. */
const MOST_LEASES = 2_000;
/** Keys, members and edges that one script looks at. */
export const WORK = 60;
/** Keys that the server looks at in one step, well within a millisecond. */
const SCANNED = 1_000;
/** Text for a task that cannot run any more. */
const LOST = "task expired: its message was lost, so that it could not run";

/** What the scripts share. */
const SHARED = `
local repair = ARGV[2] == '1'
local findings = {}
-- Notes what is wrong; true when it is to be set right.
local function find(invariant, id, problem, remedy)
  for _, part in ipairs({ invariant, id, problem, remedy or '' }) do
    findings[#findings + 1] = part
  end
  return repair and remedy ~= nil
end

-- Whether somebody goes on with this. Who cannot know says yes.
local unsettled = call('LLEN', UNSETTLED)
local function goes_on(entry)
  return unsettled > ${LONG} or (unsettled > 0 and call('LPOS', UNSETTLED, entry) ~= false)
end
local function go_on_with(entry)
  unsettled = call('RPUSH', UNSETTLED, entry)
end

-- Places in the line were given in this order, whatever the priority.
local function number(place) return tonumber(place) % ${BAND} end

-- Whether what an entry in a list of needs names is there; then also its outcome. An entry that was
-- gone from the start has an origin that nothing has.
local function known(other, origin)
  local outcome = outcome_of(other)
  return has_origin(other, origin) and (outcome or call('EXISTS', P .. 'm:' .. other) == 1), outcome
end
`;

/**
 * Looks at some of a queue. ARGV: now or '', '1' to repair, section, cursor in it or '', '1'
 * when more is left of the last step than follows, what is left of it. Sections are counted from 1; one that is none says that all was
 * looked at.
 * Returns { section, cursor, what is left, findings, counts, holders, last number given }. A finding
 * is four texts: invariant, id, problem, remedy or ''. A count is three: kind (`refs` or `keys`),
 * what is counted, how many. A holder is four: kind, what it holds; the id of a task, or the list and
 * the entry in it; '' or, for one that may have been given before, `seen`.
 */
export const LOOK: Script = script(
  "look",
  `${SHARED}
local section, cursor, hold = tonumber(ARGV[3]), ARGV[4], ARGV[5] == '1'
-- Keys, members and edges that are still to be looked at in this script.
local budget = ${WORK}
local todo, at = {}, 1
for i = 6, #ARGV do todo[#todo + 1] = ARGV[i] end
local counts, holders = {}, {}
local function counted(kind, name, value)
  local n = #counts
  counts[n + 1], counts[n + 2], counts[n + 3] = kind, name, value
end
local function held(kind, name, by, seen)
  local n = #holders
  holders[n + 1], holders[n + 2], holders[n + 3], holders[n + 4] = kind, name, by, seen or ''
end
-- What is left of a task or a list, for the next step.
local function later(...) todo[#todo + 1] = '${UNIT}' .. table.concat({ ... }, '${UNIT}') end

local SCHEDULES = P .. 'schedules'
local SEQUENCE = tonumber(read(META, 'sequence')[1]) or 0
local function check_number(id, what, n)
  n = tonumber(n)
  if not n or n <= SEQUENCE then return end
  local problem = 'the last number given is ' .. text(SEQUENCE) .. ', and task ' .. id .. ' has ' .. what .. ' ' .. text(n)
  if find('sequence', 'meta', problem, 'goes on from there') then
    call('HSET', META, 'sequence', text(n))
    SEQUENCE = n
  end
end

local function lasts(name)
  if redis.pcall('PTTL', P .. name) == -1 then return end
  if call('EXISTS', P .. name) == 0 then return end
  if find('end', name, 'it ends by itself, and is still needed', 'keeps it') then
    call('PERSIST', P .. name)
  end
end
local function ends(name, time)
  if call('PTTL', P .. name) ~= -1 then return end
  if find('end', name, 'it has no end', 'gives it one') then call('PEXPIRE', P .. name, time) end
end

-- A line, and the turn of it.
local function check_key(key)
  if key == '' then
    if call('ZSCORE', TURNS, '') and call('EXISTS', READY, KEYED) < 2 then
      if find('turn', '', 'the tasks without a key have a turn and need none', 'takes it away') then
        call('ZREM', TURNS, '')
      end
    end
    return
  end
  local waits = call('EXISTS', P .. 'line:' .. key) == 1
  local turn = call('ZSCORE', TURNS, key) or call('ZSCORE', RESTS, key)
  if turn and not waits then
    if find('turn', key, 'it has a turn and no task', 'takes it away') then tidy(key) end
  elseif waits and not turn and (tonumber(call('HGET', BUSY, key)) or 0) <= 0 then
    if find('turn', key, 'it has tasks and no turn', 'gives it one') then activate(key) end
  end
end
local function check_line(key, from)
  local reply = call('ZSCAN', P .. 'line:' .. key, from, 'COUNT', ${STEPS})
  local members = reply[2]
  for i = 1, #members, 2 do
    local id = members[i]
    budget = budget - 1
    if not call('ZSCORE', KEYED, id) and
      find('line', id, 'it is in the line of key ' .. key .. ', and does not wait', 'takes it out') then
      call('ZREM', P .. 'line:' .. key, id)
      tidy(key)
    end
  end
  if reply[1] ~= '0' then later('line', key, reply[1]) end
end

-- Entries of a list from number from on, up to number last, as many as there is time for.
local function page_of(name, from, last)
  local page = math.min(from + math.max(budget, 1), last)
  if from >= page then return {} end
  local entries = list('LRANGE', P .. name, from, page - 1)
  budget = budget - #entries
  return entries
end

-- What a list holds that belongs to no task which may run: results that are kept for a dead task, or
-- still to be given back.
local function check_list(name, from, last, seen)
  local needs = page_of(name, from, last)
  for _, need in ipairs(needs) do
    local other, origin = parse(need)
    if (known(other, origin)) then held('refs', other, name .. '${UNIT}' .. need, seen) end
  end
  if #needs > 0 and from + #needs < last then later('list', name, from + #needs, last, seen) end
end

-- True when the key is as its kind, or is gone by now.
local function has_type(name, wanted)
  local is = call('TYPE', P .. name).ok
  if is == wanted or is == 'none' then return true end
  if find('type', name, 'it is a ' .. is .. ', and no ' .. wanted, 'removes it') then
    call('UNLINK', P .. name)
    return true
  end
  return false
end

-- Whether a pending task is still to be told of one that it takes: until that is over, and then as
-- long as it is in its list.
local function waits(id, place, other, outcome)
  local feeds, feed = P .. 'feeds:' .. other, place .. '${UNIT}' .. id
  local length = redis.pcall('LLEN', feeds)
  if type(length) ~= 'number' then return false end
  if outcome then return length > 0 and call('LPOS', feeds, feed) ~= false end
  -- A long list is not looked through when there is no sign that one is missing.
  if length > ${LONG} and length >= refs_of(other) then return true end
  local found = length > 0 and call('LPOS', feeds, feed, 'COUNT', length > ${LONG} and 1 or 2) or {}
  if #found > 1 and
    find('feeds', other, 'it knows twice that task ' .. id .. ' waits for it', 'forgets it once') then
    call('LREM', feeds, -1, feed)
  elseif #found == 0 and
    find('feeds', other, 'task ' .. id .. ' waits for it, and it does not know', 'tells it') then
    call('RPUSH', feeds, feed)
  end
  return true
end

local function leave_all(id, key)
  call('ZREM', PENDING, id)
  withdraw(id, key)
  -- Its key may be lost; its line is looked at by itself.
  if call('ZREM', KEYED, id) == 1 then tidy() end
  leave(id, key)
  call('ZREM', DUE, id)
  call('ZREM', LATE, id)
end

local PLACES = { PENDING, READY, KEYED, LEASES }
local NAMES = { 'pending', 'ready', 'keyed', 'leases' }
local function places_of(id)
  local found, names, scores = 0, {}, {}
  for i, place in ipairs(PLACES) do
    local score = call('ZSCORE', place, id)
    if score then
      found = found + 1
      names[#names + 1] = NAMES[i]
      scores[NAMES[i]] = score
    end
  end
  return found, names, scores
end

-- A task that is over.
local function check_over(id, v)
  local found, names = places_of(id)
  if found > 0 and find('place', id, 'it is over, and in ' .. table.concat(names, ' and '), 'takes it out') then
    leave_all(id, v.key)
  end
  if call('ZSCORE', DUE, id) or call('ZSCORE', LATE, id) then
    if find('time', id, 'it is over, and waits for a time', 'takes the time away') then
      call('ZREM', DUE, id)
      call('ZREM', LATE, id)
    end
  end
  if call('EXISTS', P .. 'm:' .. id) == 1 and
    find('message', id, 'it is over, and its message is still there', 'removes the message') then
    call('UNLINK', P .. 'm:' .. id)
  end
  if v.run and find('fence', id, 'it is over, and has a fence', 'takes it away') then
    call('HDEL', RUNS, id)
  end
  local refs, walked = v.refs, goes_on(id)
  if v.linked and not walked then
    if find('settled', id, 'it is over, and nobody gives back what it took', 'has that done') then
      go_on_with(id)
      walked = true
    end
  end
  if v.linked then
    check_list('needs:' .. id, 0, tonumber(v.linked) or 0)
  elseif call('EXISTS', P .. 'needs:' .. id) == 1 and
    find('owner', 'needs:' .. id, 'its task is over, and has given back all of it', 'removes it') then
    call('UNLINK', P .. 'needs:' .. id)
  end
  if call('EXISTS', P .. 'feeds:' .. id) == 1 and not walked then
    if refs <= 0 then
      if find('owner', 'feeds:' .. id, 'its task is over, and nobody takes the result', 'removes it') then
        call('UNLINK', P .. 'feeds:' .. id)
      end
    elseif find('settled', id, 'it is over, and nobody tells those who wait for it', 'has that done') then
      go_on_with(id)
    end
  end
  if refs > 0 then counted('refs', id, refs) end
  local r, t = P .. 'r:' .. id, P .. 't:' .. id
  local time, record_time = call('PTTL', r), call('PTTL', t)
  if refs > 0 and (time ~= -1 or record_time >= 0) then
    if find('result', id, 'its result ends, and a task takes it', 'keeps it') then
      call('PERSIST', r)
      call('PERSIST', t)
    end
  elseif refs <= 0 and not v.linked and (time == -1 or record_time == -1) then
    if find('result', id, 'its result has no end, and no task takes it', 'gives it one') then expire(id, true) end
  end
end

-- A task that cannot run: who waits for it must know.
local function check_lost(id, v)
  local t, found, names, scores = P .. 't:' .. id, places_of(id)
  if scores.leases then
    return find('message', id, 'a pool has it, and its message is gone')
  end
  if found == 0 and call('EXISTS', t) == 0 then
    if v.run and find('fence', id, 'a task that is gone has a fence', 'takes it away') then
      call('HDEL', RUNS, id)
    end
    if (call('ZSCORE', DUE, id) or call('ZSCORE', LATE, id)) and
      find('time', id, 'a task that is gone waits for a time', 'takes the time away') then
      call('ZREM', DUE, id)
      call('ZREM', LATE, id)
    end
    return
  end
  local problem = 'its message is gone, so that it cannot run'
  if find('message', id, problem, 'ends it as expired') then
    leave_all(id, v.key)
    look_and_finish(id, failure('e', id, nil, '${LOST}'), text(${DEFAULT_POLICY.resultTimeout}))
  end
end

-- The entries of a task that is not over, from number from on. A pending one counts those that it
-- still waits for: so many were found before, when it counted so many; bad is the number of the
-- first one that fails it.
local function check_needs(id, place, score, from, found, before, bad)
  local t = P .. 't:' .. id
  local open, linked = unpack(read(t, 'open', 'linked'))
  linked = tonumber(linked) or 0
  local needs = page_of('needs:' .. id, from, linked)
  for i, need in ipairs(needs) do
    local other, origin = parse(need)
    local is_there, outcome = known(other, origin)
    if is_there then
      held('refs', other, 'needs:' .. id .. '${UNIT}' .. need)
      if place ~= 'pending' then
        if not outcome then find('open', id, 'it is in ' .. place .. ', and ' .. other .. ' is not over') end
      elseif waits(id, score, other, outcome) then
        found = found + 1
      end
    end
    if bad < 0 and (not is_there or (outcome and string.byte(outcome) ~= 115)) then bad = from + i - 1 end
  end
  from = from + #needs
  if from < linked and #needs > 0 then return later('needs', id, place, score, from, found, before, bad) end
  if place ~= 'pending' or unsettled > ${LONG} then return end
  -- What ended in between has changed the count: it is looked at another time.
  open = tonumber(open) or 0
  if before ~= 'new' and open ~= tonumber(before) then return end
  local linking = goes_on(score .. '${UNIT}' .. id)
  if not linking and linked < redis.pcall('LLEN', P .. 'needs:' .. id) then
    if not find('settled', id, 'nobody registers it with what it takes', 'has that done') then return end
    if open == found then write(t, 'open', found + 1) end
    return go_on_with(score .. '${UNIT}' .. id)
  end
  local message = message_of(id)
  local is_remote = string.match(message or '', '${UNIT}([^${UNIT}]*)${UNIT}') == '${STAND_IN}'
  local expected = found + (linking and 1 or 0) + (call('ZSCORE', DUE, id) and 1 or 0) + (is_remote and 1 or 0)
  if before ~= 'new' then
    -- One that waits for nothing is not pending.
    if open == expected and expected > 0 then return end
    local problem = 'it counts ' .. open .. ', and waits for ' .. expected
    if not find('open', id, problem, 'sets its count') then return end
  end
  if expected > 0 then return write(t, 'open', expected) end
  local _, pass = policy(message)
  if bad >= 0 and not pass then return fail_for_need(id, inputs_of(id, bad, bad)[1]) end
  write(t, 'open', 1)
  close(id, score)
  make_ready()
end

-- A task that is in no place goes where it waits for what it takes, or into the line.
local function put_back(id, v, message)
  local _, _, _, head = policy(message)
  local score = select(4, parts_of(v.run)) or text(call('HINCRBY', META, 'sequence', 1) - (tonumber(head.priority) or 0) * ${BAND})
  SEQUENCE = math.max(SEQUENCE, number(score))
  call('HDEL', RUNS, id)
  local needs = redis.pcall('LLEN', P .. 'needs:' .. id)
  needs = type(needs) == 'number' and needs or 0
  local is_remote = string.match(message, '${UNIT}([^${UNIT}]*)${UNIT}') == '${STAND_IN}'
  if needs == 0 and not is_remote and not call('ZSCORE', DUE, id) then
    return enter(id, score, v.key)
  end
  call('ZADD', PENDING, score, id)
  write(P .. 't:' .. id, 'linked', needs, 'open', 0)
  check_needs(id, 'pending', score, 0, 0, 'new', -1)
end

local function check_alive(id, v, message)
  local t, found, names, scores = P .. 't:' .. id, places_of(id)
  lasts('m:' .. id)
  lasts('t:' .. id)
  lasts('needs:' .. id)
  lasts('feeds:' .. id)
  lasts('refs:' .. id)
  if v.refs <= 0 and call('EXISTS', P .. 'feeds:' .. id) == 1 and
    find('refs', id, 'it knows who waits for it, and counts nobody', 'begins to count') then
    v.refs = call('LLEN', P .. 'feeds:' .. id)
    call('SET', P .. 'refs:' .. id, v.refs)
  end
  if v.refs > 0 then counted('refs', id, v.refs) end
  if v.key then held('keys', v.key, id) end
  if found == 0 then
    if find('place', id, 'it is in no place, so that no pool can take it', 'puts it back') then
      put_back(id, v, message)
    end
    return
  end
  if found > 1 then
    local stays = scores.leases and 'leases' or scores.pending and (tonumber(v.open) or 0) > 0 and 'pending'
      or scores.keyed and v.key and 'keyed' or scores.ready and 'ready' or scores.keyed and 'keyed'
    if not find('place', id, 'it is in ' .. table.concat(names, ' and '), 'leaves it in ' .. stays) then return end
    if stays ~= 'pending' then call('ZREM', PENDING, id) end
    if stays ~= 'ready' then call('ZREM', READY, id) end
    if stays ~= 'keyed' and call('ZREM', KEYED, id) == 1 and v.key then
      call('ZREM', P .. 'line:' .. v.key, id)
    end
    tidy(v.key)
    scores = { [stays] = scores[stays] }
  end
  local place, score = next(scores)
  local due, late = call('ZSCORE', DUE, id), call('ZSCORE', LATE, id)
  if place ~= 'leases' then
    check_number(id, 'place', number(score))
    if v.run and find('fence', id, 'no pool has it, and it has a fence', 'takes it away') then
      call('HDEL', RUNS, id)
    end
  else
    local fence, _, _, was = parts_of(v.run)
    check_number(id, 'fence', fence)
    if not fence and find('fence', id, 'a pool has it, and cannot report it without a fence', 'gives it again') then
      return give_again(id, leave(id, v.key), message)
    end
    score = was
    if late and find('time', id, 'a pool has it, and it may still come too late', 'takes the time away') then
      call('ZREM', LATE, id)
    end
  end
  if due and place ~= 'pending' and find('time', id, 'it waits for a time, and is not pending', 'takes the time away') then
    call('ZREM', DUE, id)
  end
  if place == 'ready' and v.key then
    if find('line', id, 'it has a key, and waits in the line without', 'puts it into its line') then
      withdraw(id)
      enter(id, score, v.key)
    end
  elseif place == 'keyed' and not v.key then
    if find('line', id, 'it has no key, and waits as if it had', 'puts it into the line without') then
      call('ZREM', KEYED, id)
      call('ZADD', READY, score, id)
      tidy()
    end
  elseif place == 'keyed' and call('ZSCORE', P .. 'line:' .. v.key, id) ~= score then
    if find('line', id, 'it is not in its place in the line of its key', 'puts it there') then
      enter(id, score, v.key)
    end
  end
  if place == 'pending' then
    if not v.linked and call('EXISTS', P .. 'needs:' .. id) == 1 then
      if not find('open', id, 'it does not know what it waits for', 'looks') then return end
      write(t, 'linked', call('LLEN', P .. 'needs:' .. id))
    end
    check_needs(id, place, score, 0, 0, tonumber(v.open) or 0, -1)
  elseif v.linked then
    check_needs(id, place, score or '0', 0, 0, '', -1)
  end
end

local function check_task(id)
  for kind, wanted in pairs({ t = 'hash', r = 'string', refs = 'string', needs = 'list', feeds = 'list' }) do
    if not has_type(kind .. ':' .. id, wanted) then return end
  end
  local names = { 'open', 'linked', 'key' }
  local values, v = read(P .. 't:' .. id, unpack(names)), {}
  for i, name in ipairs(names) do v[name] = values[i] or nil end
  v.outcome, v.refs, v.run = outcome_of(id), refs_of(id), call('HGET', RUNS, id) or nil
  local message = message_of(id)
  if v.outcome then check_over(id, v)
  elseif message then check_alive(id, v, message)
  else check_lost(id, v) end
end
-- One that has a message is looked at for that.
local function check_rest(id)
  if call('EXISTS', P .. 'm:' .. id) == 0 then check_task(id) end
end

local function check_dead(id, seen)
  local message, ended = unpack(read(P .. 'dead:' .. id, 'message', 'ended'))
  local is_listed = call('ZSCORE', DEAD, id)
  if message and not is_listed then
    local _, _, _, head = policy(message)
    local time = tonumber(head.deadTimeout) or ${DEFAULT_POLICY.deadTimeout}
    if find('dead', id, 'it is dead, and not in the list of the dead', 'puts it there') then
      call('ZADD', DEAD, (tonumber(ended) or now) + time, id)
    end
  elseif not message then
    -- It may have been dropped since it was listed.
    if not is_listed and call('EXISTS', P .. 'kept:' .. id) == 0 then return end
    if find('dead', id, 'it is dead, and its message is gone', 'drops it') then drop_dead(id) end
    return
  end
  lasts('dead:' .. id)
  lasts('kept:' .. id)
  local length = redis.pcall('LLEN', P .. 'kept:' .. id)
  if type(length) == 'number' and length > 0 then check_list('kept:' .. id, 0, length, seen) end
end

local TYPES = {
  pending = 'zset', ready = 'zset', keyed = 'zset', leases = 'zset', due = 'zset', late = 'zset',
  dead = 'zset', turns = 'zset', rests = 'zset', idle = 'zset', keys = 'hash', busy = 'hash', runs = 'hash',
  schedules = 'hash', meta = 'hash', paused = 'string', unsettled = 'list',
}
local KINDS = {
  m = 'string', t = 'hash', r = 'string', refs = 'string', needs = 'list', feeds = 'list', dead = 'hash', kept = 'list',
  line = 'zset', starts = 'list', window = 'string', pool = 'string', upload = 'list', given = 'list',
}
local TIMES = { starts = ${POOL_TTL}, window = ${WINDOW_TTL}, pool = ${POOL_TTL}, upload = ${UPLOAD_TTL} }
local KEYS_OF = {}
KEYS_OF.m = check_task
KEYS_OF.r = check_rest
function KEYS_OF.t(id)
  if call('EXISTS', P .. 'r:' .. id) == 0 then check_rest(id) end
end
function KEYS_OF.refs(id)
  if is_known(id) then return end
  if find('owner', 'refs:' .. id, 'its task is gone', 'removes it') then call('UNLINK', P .. 'refs:' .. id) end
end
function KEYS_OF.needs(id)
  if is_known(id) then return end
  if find('owner', 'needs:' .. id, 'its task is gone', 'removes it') then call('UNLINK', P .. 'needs:' .. id) end
end
function KEYS_OF.feeds(id)
  if is_known(id) then return end
  if find('owner', 'feeds:' .. id, 'its task is gone', 'tells those who wait') then
    release(id, failure('e', id, nil, '${GONE}'), ${STEPS})
  end
end
KEYS_OF.dead = check_dead
function KEYS_OF.kept(id)
  if call('EXISTS', P .. 'dead:' .. id) == 0 then check_dead(id) end
end
function KEYS_OF.line(key)
  check_key(key)
  check_line(key, '0')
end
function KEYS_OF.given(id)
  local name = 'given:' .. id
  lasts(name)
  if not goes_on('${UNIT}' .. name) and
    find('settled', name, 'nobody gives back these results', 'has that done') then
    go_on_with('${UNIT}' .. name)
  end
  check_list(name, 0, call('LLEN', P .. name))
end

local function visit_name(name)
  if TYPES[name] then return end
  local kind, id = string.match(name, '^(%l+):(.*)$')
  if not KINDS[kind or ''] then
    return find('owner', name, 'it is nothing that worq makes')
  end
  -- These are looked at with their task.
  local is_part = kind == 't' or kind == 'r' or kind == 'refs' or kind == 'needs' or kind == 'feeds'
  if is_part and call('EXISTS', P .. 'm:' .. id) == 1 then return end
  -- It may have ended since it was listed.
  if not has_type(name, KINDS[kind]) or call('EXISTS', P .. name) == 0 then return end
  if TIMES[kind] then return ends(name, TIMES[kind]) end
  KEYS_OF[kind](id)
end

local function check_schedule(name)
  local record = call('HGET', SCHEDULES, name)
  local time = record and string.match(record, '^(%d+)${UNIT}[^${UNIT}]+${UNIT}')
  if record and not time and
    find('schedule', name, 'it does not say when it ticks', 'removes it: a pool that has it makes it anew') then
    call('HDEL', SCHEDULES, name)
  end
end

local function check_busy()
  local ids = call('ZCARD', LEASES) <= ${MOST_LEASES} and call('ZRANGE', LEASES, 0, -1)
  if not ids or call('EXISTS', BUSY, KEYS_ALIVE) == 0 then return end
  local running = {}
  for _, id in ipairs(ids) do
    local key = read(P .. 't:' .. id, 'key')[1]
    if key then running[key] = (running[key] or 0) + 1 end
  end
  local counted = call('HGETALL', BUSY)
  for i = 1, #counted, 2 do running[counted[i]] = running[counted[i]] or 0 end
  for key, n in pairs(running) do
    local busy = call('HGET', BUSY, key)
    if (tonumber(busy) or 0) ~= n and
      find('busy', key, 'it counts ' .. (busy or 0) .. ' tasks that run, and has ' .. n, 'sets its count') then
      if n > 0 then call('HSET', BUSY, key, n) else call('HDEL', BUSY, key) end
      if call('EXISTS', P .. 'line:' .. key) == 1 then activate(key) end
    end
  end
end

local function check_fixed(name)
  if not has_type(name, TYPES[name]) then
    section = 99 -- nothing else can be looked at
  elseif name == 'idle' then ends(name, ${POOL_TTL})
  else lasts(name) end
end

local SECTIONS = {
  { visit = check_fixed },
  { 'SCAN', visit = visit_name },
  { 'ZSCAN', PENDING, visit = check_rest },
  { 'ZSCAN', READY, visit = check_rest },
  { 'ZSCAN', KEYED, visit = check_rest },
  { 'ZSCAN', LEASES, visit = check_rest },
  { 'HSCAN', RUNS, visit = check_rest },
  { 'ZSCAN', DUE, visit = check_rest },
  { 'ZSCAN', LATE, visit = check_rest },
  -- Its results were with the task before it died: they may have been seen there, or not at all.
  { 'ZSCAN', DEAD, visit = function(id) check_dead(id, 'seen') end },
  { 'ZSCAN', TURNS, visit = check_key },
  { 'ZSCAN', RESTS, visit = check_key },
  { 'HSCAN', KEYS_ALIVE, visit = function(key)
    counted('keys', key, call('HGET', KEYS_ALIVE, key) or 0)
  end },
  { 'HSCAN', SCHEDULES, visit = check_schedule },
  { visit = check_busy },
}
-- The queue's name may have characters that mean something in a pattern.
local PATTERN = string.gsub(P, '[*?%[%]\\\\^-]', '\\\\%0') .. '*'
local function fetch(section)
  local command, key = unpack(SECTIONS[section])
  if section == 1 then
    local names = {}
    for name in pairs(TYPES) do names[#names + 1] = name end
    return '0', names
  elseif not command then
    return '0', { '' }
  end
  local from = cursor == '' and '0' or cursor
  if command == 'SCAN' then
    local reply = call('SCAN', from, 'MATCH', PATTERN, 'COUNT', ${SCANNED})
    local names = {}
    for i, name in ipairs(reply[2]) do names[i] = string.sub(name, #P + 1) end
    return reply[1], names
  end
  local reply = command == 'HSCAN' and call('HSCAN', key, from, 'COUNT', ${STEPS})
    or call('ZSCAN', key, from, 'COUNT', ${STEPS})
  local members = {}
  for i = 1, #reply[2], 2 do members[#members + 1] = reply[2][i] end
  return reply[1], members
end

local LATER = {}
function LATER.line(key, from) check_line(key, from) end
function LATER.list(name, from, last, seen) check_list(name, tonumber(from), tonumber(last), seen) end
function LATER.needs(id, place, score, from, found, before, bad)
  -- It has gone on since: it is looked at another time.
  if place == 'pending' and call('ZSCORE', PENDING, id) ~= score then return end
  check_needs(id, place, score, tonumber(from), tonumber(found), before, tonumber(bad))
end
local function visit(item)
  budget = budget - 1
  if repair then
    -- What the last repair has ended is to look as it does between two scripts.
    settle(0)
    forget()
    unsettled = call('LLEN', UNSETTLED)
  end
  if string.byte(item) ~= ${UNIT.charCodeAt(0)} then return SECTIONS[section].visit(item) end
  local parts = {}
  for part in string.gmatch(item .. '${UNIT}', '([^${UNIT}]*)${UNIT}') do parts[#parts + 1] = part end
  LATER[parts[2]](unpack(parts, 3))
end

while section <= #SECTIONS and budget > 0 do
  if at <= #todo then
    at = at + 1
    visit(todo[at - 1])
  elseif hold then
    break
  elseif cursor == '0' then
    section, cursor = section + 1, ''
  else
    cursor, todo = fetch(section)
    at = 1
    budget = budget - 1
  end
end
if repair then
  settle(0)
  wake()
  forget()
  send()
end
return { section, cursor, { unpack(todo, at) }, findings, counts, holders, text(SEQUENCE) }
`,
  true,
);

/**
 * Compares a count with those that it counts. ARGV: now or '', '1' to repair, kind (refs or keys),
 * what is counted, last number given when the search for holders began; number and count when this
 * began, and holders that were found before, or three times ''; '1' when these are the last;
 * holders, as LOOK gives them, STEPS at most.
 * Returns { number, count, holders, findings }.
 */
export const COUNT: Script = script(
  "count",
  `${SHARED}
local kind, name, began = ARGV[3], ARGV[4], tonumber(ARGV[5])
local given = tonumber(read(META, 'sequence')[1]) or 0
local counted = kind == 'refs' and refs_of(name) or tonumber(read(KEYS_ALIVE, name)[1]) or 0
local first, counted_first = tonumber(ARGV[6]) or given, tonumber(ARGV[7]) or counted
local holders = tonumber(ARGV[8]) or 0

local function has_entry(list_name, need, limit)
  local found = redis.pcall('LPOS', P .. list_name, need)
  return type(found) == 'number' and (not limit or found < limit) and 1 or 0
end
for i = 10, #ARGV do
  local n = 0
  if kind == 'keys' then
    local is_alive = not outcome_of(ARGV[i]) and call('EXISTS', P .. 'm:' .. ARGV[i]) == 1
    n = is_alive and read(P .. 't:' .. ARGV[i], 'key')[1] == name and 1 or 0
  else
    local list_name, need = string.match(ARGV[i], '^([^${UNIT}]+)${UNIT}(.*)$')
    local id = string.match(list_name, '^needs:(.*)$')
    if not known(parse(need)) then n = 0
    -- What a task took is in another list when it has died since.
    elseif id then
      local linked = tonumber(read(P .. 't:' .. id, 'linked')[1]) or 0
      n = has_entry(list_name, need, linked) + has_entry('kept:' .. id, need)
    else n = has_entry(list_name, need) end
  end
  holders = holders + n
end

-- Each task that came since has a number of its own: so many may not have been found, or have been
-- found that were not counted at first.
local low = counted_first < holders - (given - first) and (first == given or unsettled == 0)
local most = holders + given - began
if ARGV[9] == '1' and (low or counted > most) then
  local what = kind == 'refs' and 'tasks that take its result' or 'tasks that are not over'
  local problem = 'it counts ' .. counted .. ' ' .. what .. ', and there are ' .. holders
  if find(kind, name, problem, 'sets its count') and given == first and counted == counted_first then
    if kind == 'keys' then
      if most > 0 then call('HSET', KEYS_ALIVE, name, most) else call('HDEL', KEYS_ALIVE, name) end
    elseif most > 0 then
      call('SET', P .. 'refs:' .. name, most)
      if outcome_of(name) then
        call('PERSIST', P .. 'r:' .. name)
        call('PERSIST', P .. 't:' .. name)
      end
    else
      call('UNLINK', P .. 'refs:' .. name, P .. 'feeds:' .. name)
      if not read(P .. 't:' .. name, 'linked')[1] then expire(name, true) end
    end
  end
end
return { text(first), text(counted_first), holders, findings }
`,
  true,
);

/** Both, whose rights a client needs that looks for what is wrong. */
export const FSCK_SCRIPTS: readonly Script[] = [LOOK, COUNT];
