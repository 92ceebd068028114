/** The scripts that change a queue in Redis, each with what it takes and gives back. */
import { UNIT } from "../message.ts";
import { BAND, CANCELLED, CLEARED, FLOOR, GONE, REPLACED } from "../task_queue.ts";
import { RECORD, RUN_AT, STEPS } from "./redis_lua.ts";
import { withPrelude } from "./redis_prelude.ts";

/** Milliseconds after which a silent pool is forgotten. */
export const POOL_TTL = 60_000;
/** Milliseconds that a window is remembered after it is over, for those with a clock of their own. */
export const WINDOW_TTL = 60_000;
/** Milliseconds that uploaded needs wait for their task. */
export const UPLOAD_TTL = 60_000;

/** A script with what it takes and gives back. */
export interface Script {
  readonly name: string;
  /** What it does, without what it shares with others. */
  readonly body: string;
  readonly text: string;
  /** Whether it makes room, in the end, so that a full server should run it. */
  readonly frees: boolean;
}

/** What lets a full server run a script, from Redis 7 on. */
const ALLOW_OOM = "#!lua flags=allow-oom\n";

/** A letter, as scripts see the first of a text. */
const code = (letter: string) => letter.charCodeAt(0);

/** The text of a script for a server of that major version, in a cluster or not. */
export function textFor({ text, frees }: Script, major: number, cluster: boolean): string {
  return (frees && major >= 7 ? ALLOW_OOM : "") +
    (cluster ? text.replace("local CLUSTER = false", "local CLUSTER = true") : text);
}

/** A script with what it needs of the prelude, once somebody asks for its text. */
export function script(name: string, body: string, frees = false): Script {
  let text: string | undefined;
  return {
    name,
    body,
    frees,
    get text() {
      return text ??= withPrelude(body);
    },
  };
}

/**
 * Stores tasks in order, all of which are plain: their ids are made up, they take no results and have
 * no plan. Most are such.
 *
 * ARGV: now or '', '1' when sent again, id of a task that must be known first or '', then for each:
 * id, message.
 * Returns 'early' and does nothing when the task to come first is not known. Otherwise the answers,
 * one letter each: e(nqueued), p(ending).
 */
export const ENQUEUE_PLAIN: Script = script(
  "enqueue_plain",
  `
local again, after = ARGV[2] == '1', ARGV[3]
if after ~= '' and not is_known(after) then return 'early' end
local answers, messages, line = {}, {}, {}
local tasks = (#ARGV - 3) / 2
local place = call('HINCRBY', META, 'sequence', tasks) - tasks
for i = 4, #ARGV, 2 do
  local id, n = ARGV[i], #line
  place = place + 1
  if again and is_known(id) then
    answers[#answers + 1] = call('ZSCORE', PENDING, id) and 'p' or 'e'
  else
    answers[#answers + 1] = 'e'
    messages[n + 1], messages[n + 2] = P .. 'm:' .. id, ARGV[i + 1]
    line[n + 1], line[n + 2] = place, id
  end
end
for i = 1, #line, 1000 do
  call('MSET', unpack(messages, i, math.min(i + 999, #line)))
  call('ZADD', READY, unpack(line, i, math.min(i + 999, #line)))
end
wake(#line > 0)
return table.concat(answers)
`,
);

/**
 * Stores tasks in order.
 *
 * ARGV: now or '', '1' when sent again, id of a task that must be known first or '', number of
 * tasks, then for each: id, message, origin or '', number of needs, that many needs. For a number
 * of -n the name of an upload follows, which holds the n needs. A task that has a plan has it behind
 * its number of needs, after ␟, as JSON.
 * Returns 'early' and does nothing when the task to come first is not known. Otherwise the answers,
 * one letter each: e(nqueued), p(ending), d(uplicate), f(ull), j(oined another), a(gain, please: what
 * it replaces is not gone yet), l(ost its upload); then '+' when something is left to settle; then,
 * for each that joined, ␟, the id of the other, ␟ and its origin or ''.
 */
export const ENQUEUE: Script = script(
  "enqueue",
  `
local again, after = ARGV[2] == '1', ARGV[3]
if after ~= '' and not is_known(after) then return 'early' end

local joined = ''
local function join(id, origin)
  joined = joined .. '${UNIT}' .. id .. '${UNIT}' .. (origin or '')
  return 'j'
end
-- Ends a task, if need be, and forgets it, so that its id is free.
local function replace(id)
  local t = P .. 't:' .. id
  local key, linked = unpack(read(t, 'key', 'linked'))
  if call('EXISTS', P .. 'r:' .. id) == 0 then
    if call('ZREM', PENDING, id) == 0 and not withdraw(id, key or nil) then leave(id, key or nil) end
    look_and_finish(id, failure('e', id, message_of(id), '${REPLACED}'), '0')
    forget()
  elseif refs_of(id) <= 0 and not linked then
    call('UNLINK', t, P .. 'r:' .. id)
  end
  return is_known(id) and 'a' or nil
end
local function taken(id, origin, plan)
  if (origin == '' and not again) or not is_known(id) then return nil end
  local theirs = read(P .. 't:' .. id, 'origin')[1]
  if origin ~= '' and theirs ~= origin then
    if plan and plan.onDuplicate == 'join' then return join(id, theirs) end
    if plan and plan.onDuplicate == 'replace' then return replace(id) end
    return 'd'
  end
  return call('ZSCORE', PENDING, id) and 'p' or 'e'
end
-- Calls that come close to each other are one task.
local function join_window(message, plan)
  local window = plan.window
  local open = call('GET', P .. 'window:' .. window.kind .. ':' .. window.name)
  if not open then return nil end
  local time, id = string.match(open, '^([^${UNIT}]+)${UNIT}(.*)$')
  if window.kind == 'throttle' then return tonumber(time) > now and join(id) or nil end
  if not call('ZSCORE', DUE, id) or read(P .. 't:' .. id, 'failures')[1] then return nil end
  call('SET', P .. 'm:' .. id, message)
  call('ZADD', DUE, text(now + window.time), id)
  call('ZREM', LATE, id)
  if plan.expiresAt then set_time(LATE, text(plan.expiresAt), id) end
  return join(id)
end
local function open_window(id, window)
  call('SET', P .. 'window:' .. window.kind .. ':' .. window.name, text(now + window.time) .. '${UNIT}' .. id,
    'PX', text(window.time + ${WINDOW_TTL}))
end
local answers, messages, line, links = {}, {}, {}, {}
-- Those of this script that are ready are still in line: two elements each.
local function is_full(plan)
  if not plan or not plan.maxLength then return false end
  local length = call('ZCARD', PENDING) + call('ZCARD', READY) + call('ZCARD', KEYED)
  return length + #line / 2 >= plan.maxLength
end
local sequence = call('HINCRBY', META, 'sequence', ARGV[4]) - ARGV[4]
local at = 5
for n = 1, tonumber(ARGV[4]) do
  local id, message, origin, wants = unpack(ARGV, at, at + 3)
  local needs, plan = tonumber(wants), nil
  if not needs then
    needs, plan = string.match(wants, '^([^${UNIT}]+)${UNIT}(.*)$')
    needs, plan = tonumber(needs), cjson.decode(plan)
  end
  local first, last = at + 4, at + 3 + math.max(needs, 0)
  local upload = needs < 0 and P .. 'upload:' .. ARGV[first]
  at = last + (upload and 2 or 1)
  local window = plan and plan.window
  answers[n] = taken(id, origin, plan) or (window and join_window(message, plan))
    or (is_full(plan) and 'f') or (upload and call('LLEN', upload) ~= -needs and 'l')
  if not answers[n] then
    messages[#messages + 1] = P .. 'm:' .. id
    messages[#messages + 1] = message
    if origin ~= '' then call('HSET', P .. 't:' .. id, 'origin', origin) end
    local place, due = sequence + n, nil
    if plan then
      if window then open_window(id, window) end
      if window and window.kind == 'debounce' then
        plan.delay = math.max(plan.delay or 0, window.time)
      end
      if plan.key then
        call('HSET', P .. 't:' .. id, 'key', plan.key)
        count(KEYS_ALIVE, plan.key, 1)
      end
      place = place - (plan.priority or 0) * ${BAND}
      due = math.max(now + (plan.delay or 0), plan.runAt or 0)
      due = due > now and due
      if due then set_time(DUE, text(due), id) end
      if plan.expiresAt then set_time(LATE, text(plan.expiresAt), id) end
    end
    local remote = plan and plan.remote
    if needs == 0 and not due and not remote then
      answers[n] = 'e'
      if plan and plan.key then
        enter(id, text(place), plan.key)
      else
        line[#line + 1] = place
        line[#line + 1] = id
      end
    else
      for i = first, last, 1000 do
        call('RPUSH', P .. 'needs:' .. id, unpack(ARGV, i, math.min(i + 999, last)))
      end
      if upload then
        call('PERSIST', upload)
        call('RENAME', upload, P .. 'needs:' .. id)
      end
      call('HSET', P .. 't:' .. id, 'open', 1 + (due and 1 or 0) + (remote and 1 or 0), 'linked', 0)
      call('ZADD', PENDING, place, id)
      links[#links + 1] = { n, id, needs >= 0 and ${STEPS} or 1 }
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
if (#links > 0 or #over > 0) and settle(0) then answers[#answers + 1] = '+' end
wake()
forget()
send()
return table.concat(answers) .. joined
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

/**
 * Goes on with what is unsettled. ARGV: now or '', '1' to end first what was not started in time.
 * Returns 1 when something is left, else 0.
 */
export const SETTLE: Script = script(
  "settle",
  `
local more = ARGV[2] == '1' and end_late()
more = settle(${STEPS}) or more
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
 * ARGV: now or '', pool, its client, number, want, lease, limits as JSON or '', '1' when leaving,
 * '1' when sent again,
 * number of reports, for each id, fence, kind (s, f, a(gain), r, l) with its text, keep (for a, the
 * pause);
 * number of renewals, for each id, fence, lease.
 * Returns { more (0 or 1), superseded ids, fence, claims, milliseconds to the next time or -1 }; the
 * claims in a row, each: id, message or nil; and for one that has failed before or takes results, a
 * list: failures, results of the first needs.
 */
export const EXCHANGE: Script = script(
  "exchange",
  `
local pool, number = P .. 'pool:' .. ARGV[2], ARGV[4]
local sleeper = ARGV[3] .. '${UNIT}' .. ARGV[2]
local want, lease = tonumber(ARGV[5]), tonumber(ARGV[6])
local leaving, again, reports = ARGV[8] == '1', ARGV[9] == '1', tonumber(ARGV[10])
-- First of all a write that a full server refuses: then it refuses the whole exchange, and the pool
-- keeps its reports. (Redis looks at its memory only before the first write of a script.)
local known = call('SET', pool, number .. '${UNIT}1${UNIT}${UNIT}', 'PX', ${POOL_TTL}, 'GET')
local last, may_sleep, fence, given = string.match(known or '',
  '^([^${UNIT}]*)${UNIT}([^${UNIT}]*)${UNIT}([^${UNIT}]*)${UNIT}(.*)$')

local head, start
local function is_run(run, fence)
  if fence ~= head then head, start = fence, fence .. '${UNIT}' end
  return run and string.find(run, start, ${RUN_AT}, true) == ${RUN_AT}
end
-- Each task once. Most have no record, and nobody takes their results.
local reported = {}
for first = 1, reports, 1000 do
  local ids, names, n, done = {}, {}, math.min(1000, reports - first + 1), 0
  for i = 1, n do
    local id = ARGV[4 * (first + i) + 3]
    ids[i], names[i], names[n + i] = id, P .. 't:' .. id, P .. 'refs:' .. id
  end
  local runs, refs, any = call('HMGET', RUNS, unpack(ids)), {}, false
  if call('EXISTS', unpack(names)) > 0 then
    refs, any = call('MGET', unpack(names, n + 1)), call('EXISTS', unpack(names, 1, n)) > 0
  end
  for i = 1, n do
    local id, at, run = ids[i], 4 * (first + i) + 3, runs[i]
    if is_run(run, ARGV[at + 1]) and not reported[id] then
      reported[id] = true
      done = done + 1
      ids[done] = id
      local outcome, keep = ARGV[at + 2], ARGV[at + 3]
      local kind, record = string.byte(outcome), any and record_of(id)
      if record and record[4] then make_room(record[4]) end
      if kind == ${code("s")} then
        finish(id, outcome, keep, run, refs[i] and tonumber(refs[i]) or 0, record)
      elseif kind == ${code("f")} then
        note(P .. 't:' .. id, run, 'f', string.sub(outcome, 2))
        die(id, message_of(id), outcome, keep, run)
      elseif kind == ${code("a")} then
        retry(id, run, string.sub(outcome, 2), tonumber(keep))
      elseif kind == ${code("r")} then
        give_again(id, run, message_of(id))
      else
        lose(id, run, string.sub(outcome, 2))
      end
    end
  end
  if done > 0 then
    call('ZREM', LEASES, unpack(ids, 1, done))
    call('HDEL', RUNS, unpack(ids, 1, done))
  end
end

local superseded, at = {}, 4 * reports + 11
for _ = 1, tonumber(ARGV[at]) do
  local id, fence, time = unpack(ARGV, at + 1, at + 3)
  at = at + 3
  if is_run(call('HGET', RUNS, id), fence) then
    call('ZADD', LEASES, now + tonumber(time), id)
  else
    superseded[#superseded + 1] = id
  end
end

-- Until when the first of the leases lasts.
local lasts = tonumber(call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2]) or math.huge
-- Not when sent again: the server was away, and this pool has yet to show its other tasks alive.
local is_late = not again and lasts <= now
local more = is_late and recover()
-- Most of the time nothing waits for its time or for being walked, and no task has a key.
local calm = not is_late and #over == 0 and call('EXISTS', DUE, LATE, DEAD, RESTS, UNSETTLED, KEYED, PAUSED) == 0
if not calm then
  more = keep_time() or more
  more = settle(${STEPS}) or more
end

-- The claims of an exchange whose answer was lost are given again.
local ids, failures, popped, keys, rest = {}, {}, {}, {}, nil
if last == number then
  for id in string.gmatch(given, '[^${RECORD}]+') do
    if is_run(call('HGET', RUNS, id), fence) then
      ids[#ids + 1] = id
      failures[id] = read(P .. 't:' .. id, 'failures')[1]
    end
  end
elseif want > 0 and not overdue and (tonumber(last) or -1) < tonumber(number) and
  (calm or call('EXISTS', PAUSED) == 0) then
  if calm and ARGV[7] == '' then
    popped = call('ZPOPMIN', READY, want)
  else
    popped, keys, rest = take(want, ARGV[7] == '' and {} or cjson.decode(ARGV[7]))
  end
end
if #popped > 0 then
  local any = false
  for first = 1, #popped, 1000 do
    local names, n = {}, 0
    for i = first, math.min(first + 999, #popped), 2 do
      n = n + 1
      names[n] = P .. 't:' .. popped[i]
    end
    any = call('EXISTS', unpack(names)) > 0 or any
  end
  fence = text(call('HINCRBY', META, 'sequence', 1))
  local run = '${
    " ".repeat(RUN_AT - 1)
  }' .. fence .. '${UNIT}' .. ARGV[2] .. '${UNIT}' .. NOW .. '${UNIT}'
  local n = 0
  for i = 1, #popped, 2 do
    local id = popped[i]
    local record = any and redis.pcall('HMGET', P .. 't:' .. id, 'failures')
    if record and record.err then
      -- The record is not ours; the task cannot run, and who waits must know.
      if keys[id] then
        count(KEYS_ALIVE, keys[id], -1)
        make_room(keys[id])
      end
      gone[#gone + 1] = P .. 'm:' .. id
    else
      n = n + 1
      ids[n], popped[2 * n - 1], popped[2 * n] = id, id, run .. popped[i + 1]
      if record then failures[id] = record[1] end
    end
  end
  -- The last one first: of those that end together, Redis looks for the place of each from the front.
  local deadline, leases = text(now + lease), {}
  lasts = math.min(lasts, now + lease)
  for i = 1, n do leases[2 * i - 1], leases[2 * i] = deadline, ids[n + 1 - i] end
  for i = 1, 2 * n, 1000 do
    call('ZADD', LEASES, unpack(leases, i, math.min(i + 999, 2 * n)))
    call('HSET', RUNS, unpack(popped, i, math.min(i + 999, 2 * n)))
  end
end

local claims, room, length = {}, ${STEPS}, 0
for first = 1, #ids, 1000 do
  local keys = {}
  for i = 1, math.min(1000, #ids - first + 1) do keys[i] = P .. 'm:' .. ids[first + i - 1] end
  local messages = call('MGET', unpack(keys))
  for i = 1, #keys do
    local id, message, inputs = ids[first + i - 1], messages[i], nil
    if message and string.byte(message) ~= ${UNIT.charCodeAt(0)} then
      if string.find(message, '"expiresAt":', 1, true) then call('ZREM', LATE, id) end
      if room > 0 and string.find(message, '"needs":', 1, true) then
        inputs = inputs_of(id, 0, room - 1)
        room = room - #inputs
      end
    end
    claims[length + 1], claims[length + 2] = id, message
    length = length + 2
    if inputs or failures[id] then
      length = length + 1
      claims[length] = { failures[id] or 0, unpack(inputs or {}) }
    end
  end
end

if leaving then
  call('UNLINK', pool)
elseif #ids > 0 then
  local claims = (#ids < want and '1' or '') .. '${UNIT}' .. fence .. '${UNIT}' .. table.concat(ids, '${RECORD}')
  call('SET', pool, number .. '${UNIT}' .. claims, 'PX', ${POOL_TTL})
end
-- A pool that got less than it wanted is to be woken; one that is busy must not be, since that
-- would leave a task with it while another pool sleeps.
local next = -1
if #ids < want then
  call('ZADD', IDLE, NOW, sleeper)
  -- A pool that is killed cannot take its name off; one that lives comes again.
  call('PEXPIRE', IDLE, ${POOL_TTL})
  next = not calm and next_time() or lasts < math.huge and math.max(0, lasts - now) or -1
  if rest and (next < 0 or rest - now < next) then next = rest - now end
elseif may_sleep ~= '' then
  call('ZREM', IDLE, sleeper)
end
if sooner or #ids >= want then wake() end
forget()
send()
return { more and 1 or 0, superseded, tonumber(fence) or 0, claims, text(next) }
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
 * Returns for each the letter of its status and its text, or '' when the client will hear of it. Or
 * { '!' }: what is late is to be settled first.
 */
export const WAIT: Script = script(
  "wait",
  `
local client, answers = ARGV[2], {}
-- Where no pool is, only those who wait look after the time.
if call('EXISTS', LATE) == 1 and
  #call('ZRANGEBYSCORE', LATE, '-inf', NOW, 'LIMIT', 0, 1) > 0 then return { '!' } end
local ids, origins = parse_all({ unpack(ARGV, 3) })
for i, result in ipairs(call('MGET', unpack(keys_of('r:', ids)))) do
  local id, origin = ids[i], origins[i]
  local t = P .. 't:' .. id
  local values = result and origin == '' and {} or redis.pcall('HMGET', t, 'waiters', 'origin')
  if values.err then
    answers[i] = failure('f', id, message_of(id), 'its record in Redis is damaged: ' .. values.err)
  elseif origin ~= '' and origin ~= values[2] then
    answers[i] = failure('e', id, nil, '${GONE}')
  elseif result then
    answers[i] = result
  elseif call('EXISTS', P .. 'm:' .. id) == 0 then
    if call('ZSCORE', LEASES, id) then
      answers[i] = ''
      call('HSET', t, 'waiters', client)
    else
      answers[i] = failure('e', id, nil, '${GONE}')
    end
  else
    local waiters = values[1]
    if not waiters then
      call('HSET', t, 'waiters', client)
    elseif not string.find(' ' .. waiters .. ' ', ' ' .. client .. ' ', 1, true) then
      call('HSET', t, 'waiters', waiters .. ' ' .. client)
    end
    answers[i] = ''
  end
end
return answers
`,
  true,
);

/** Stops giving tasks to pools, or goes on with it. ARGV: now or '', '1' to stop or '0'. */
export const PAUSE: Script = script(
  "pause",
  `
if ARGV[2] == '1' then
  call('SET', PAUSED, '1')
  -- Whoever looks for queues finds them by this.
  call('HINCRBY', META, 'sequence', 0)
else
  call('UNLINK', PAUSED)
  wake()
end
`,
);

/**
 * Removes tasks that nobody has claimed, some at a time; those that wait for others first, so that
 * they are cleared and not failed. ARGV: now or ''. Returns how many; fewer than STEPS: none left.
 */
export const CLEAR: Script = script(
  "clear",
  `
local removed = 0
for _, place in ipairs({ PENDING, READY, KEYED }) do
  local some = removed < ${STEPS} and
    call('ZRANGEBYSCORE', place, '${FLOOR}', '+inf', 'LIMIT', 0, ${STEPS} - removed) or {}
  if #some > 0 then call('ZREM', place, unpack(some)) end
  for _, id in ipairs(some) do
    if place == KEYED then
      local key = read(P .. 't:' .. id, 'key')[1]
      call('ZREM', P .. 'line:' .. key, id)
      tidy(key)
    end
    look_and_finish(id, failure('e', id, message_of(id), '${CLEARED}'), '0')
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
 * Ends tasks wherever they are; those that need each other's results are all cancelled, since no
 * edge is walked here. ARGV: now or '', ids, STEPS at most, each with ␟ and its origin when that was
 * chosen. Returns the answers, one letter each:
 * c(ancelled, now or before), o(ver before), u(nknown); then '+' when something is left to settle.
 */
export const CANCEL: Script = script(
  "cancel",
  `
-- A dependent has the outcome of what it needs.
local function was_cancelled(id, outcome)
  if string.byte(outcome) ~= 101 then return false end
  local ok, data = pcall(cjson.decode, string.sub(outcome, 2))
  return ok and type(data) == 'table' and data.id == id and data.text == '${CANCELLED}'
end
local answers = {}
for i = 2, #ARGV do
  local id, origin = parse(ARGV[i])
  local outcome, record = outcome_of(id), record_of(id)
  local key = record[4]
  if origin ~= '' and origin ~= record[3] then
    answers[i - 1] = 'u'
  elseif outcome then
    answers[i - 1] = was_cancelled(id, outcome) and 'c' or 'o'
  else
    local waited = call('ZREM', PENDING, id) == 1 or withdraw(id, key)
    local run = not waited and leave(id, key) or nil
    if waited or run then
      local message = message_of(id)
      local keep = policy(message)
      call('ZREM', DUE, id)
      call('ZREM', LATE, id)
      finish(id, failure('e', id, message, '${CANCELLED}'), keep, run, refs_of(id), record)
    end
    answers[i - 1] = (waited or run) and 'c' or 'u'
  end
end
if settle(0) then answers[#answers + 1] = '+' end
wake()
forget()
send()
return table.concat(answers)
`,
  true,
);

/** A function that gives the name in a result, or '', and what comes behind it. */
export const NAME_OF = `
local function name_of(result)
  local rest = string.sub(result, #outcome_in(result) + 2)
  local name = string.match(rest, '^=([^${UNIT}]*)')
  if name then return name, string.sub(rest, #name + 3) end
  return '', rest
end`;

/**
 * What is known of a task. ARGV: now or '', id.
 * Returns {} or { status letter (p, q, l, s, f, e), message, fence, owner, losses, open, refs,
 * started, ended, origin, failures, log, key, due, needs, name of one that is over }, with '' for what is not there.
 */
export const INSPECT: Script = script(
  "inspect",
  `
${NAME_OF}
local id = ARGV[2]
local t = P .. 't:' .. id
local message, result, run = message_of(id), redis.pcall('GET', P .. 'r:' .. id), call('HGET', RUNS, id)
local v = read(t, 'owner', 'losses', 'open', 'started', 'origin', 'failures', 'log', 'key')
local status, last, ended, name
if type(result) == 'string' then
  status = string.sub(result, 1, 1)
  name, last = name_of(result)
  ended, last = string.match(last, '^(%d*)${UNIT}(.*)$')
else
  status = call('ZSCORE', LEASES, id) and 'l'
    or call('ZSCORE', PENDING, id) and 'p'
    or (call('ZSCORE', READY, id) or call('ZSCORE', KEYED, id)) and 'q'
end
if not status then return {} end
local fence, owner, started = parts_of(run or last)
local needs = list('LRANGE', P .. 'needs:' .. id, 0, -1)
return { status, message or '', run and fence or '', owner or v[1] or '', v[2] or '',
  status == 'p' and v[3] or '', text(refs_of(id)),
  started or v[4] or '', ended or '', v[5] or '', v[6] or '', v[7] or '',
  v[8] or '', call('ZSCORE', DUE, id) or '', needs, name or '' }
`,
);

/**
 * Dead tasks, the last to be dropped first. ARGV: now or '', first number, count.
 * Returns them in a row, each: id, message, outcome, ended, log.
 */
export const DEAD: Script = script(
  "dead",
  `
local answers, from = {}, tonumber(ARGV[2])
for _, id in ipairs(call('ZREVRANGE', DEAD, from, from + tonumber(ARGV[3]) - 1)) do
  local message, outcome, ended, log = unpack(read(P .. 'dead:' .. id, 'message', 'outcome', 'ended', 'log'))
  if message then
    for _, value in ipairs({ id, message, outcome, ended, log }) do answers[#answers + 1] = value end
  end
end
return answers
`,
);

/**
 * Enqueues dead tasks again. ARGV: now or '', ids, STEPS at most. Returns the answers, one letter
 * each: r(edriven), t(aken), u(nknown).
 */
export const REDRIVE: Script = script(
  "redrive",
  `
local answers = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local t, r, m, kept = P .. 't:' .. id, P .. 'r:' .. id, P .. 'm:' .. id, P .. 'kept:' .. id
  local message, log, origin, key =
    unpack(read(P .. 'dead:' .. id, 'message', 'log', 'origin', 'key'))
  -- No more than its own outcome, which nobody takes.
  local spare = call('EXISTS', r) == 1 and refs_of(id) <= 0 and (read(t, 'origin')[1] or '') == origin
  if not message then
    answers[i - 1] = 'u'
  elseif not spare and is_known(id) then
    answers[i - 1] = 't'
  else
    call('UNLINK', t, r, P .. 'dead:' .. id)
    call('ZREM', DEAD, id)
    call('SET', m, message)
    if log ~= '' then call('HSET', t, 'log', log) end
    if origin ~= '' then call('HSET', t, 'origin', origin) end
    if call('EXISTS', kept) == 1 then
      call('RENAME', kept, P .. 'needs:' .. id)
      call('HSET', t, 'open', 0, 'linked', call('LLEN', P .. 'needs:' .. id))
    end
    local _, _, _, head = policy(message)
    local place = call('HINCRBY', META, 'sequence', 1) - (tonumber(head.priority) or 0) * ${BAND}
    if key and key ~= '' then
      call('HSET', t, 'key', key)
      count(KEYS_ALIVE, key, 1)
      enter(id, text(place), key)
    else
      call('ZADD', READY, place, id)
    end
    answers[i - 1] = 'r'
  end
end
wake()
return table.concat(answers)
`,
  true,
);

/**
 * Ends a task that waits for its outcome, or keeps that for one that comes. ARGV: now or '', id,
 * origin, outcome, keep. Returns 1 when something is left to settle, else 0.
 */
export const DELIVER: Script = script(
  "deliver",
  `
local id, origin, outcome, keep = unpack(ARGV, 2, 5)
local t = P .. 't:' .. id
if not is_known(id) then
  call('HSET', t, 'origin', origin)
  finish(id, outcome, keep, nil, 0, { false, false, origin })
elseif read(t, 'origin')[1] == origin and call('ZREM', PENDING, id) == 1 then
  look_and_finish(id, named(outcome, message_of(id)), keep)
end
local more = settle(${STEPS})
wake()
forget()
send()
return more and 1 or 0
`,
);

/** Drops dead tasks. ARGV: now or '', ids, STEPS at most. Returns how many there were. */
export const DISCARD: Script = script(
  "discard",
  `
local dropped = 0
for i = 2, #ARGV do dropped = dropped + drop_dead(ARGV[i]) end
return dropped
`,
  true,
);

/**
 * Changes schedules. ARGV: now or '', number of changes, for each: name, time and spec of the record
 * that was seen or '' and '', time or '' for an end, spec, id, message, priority.
 * Returns { now, 1 when something is left to settle or else 0, then for each schedule: name, time, id,
 * spec, 1 when its task is over or else 0 }.
 */
export const SCHEDULE: Script = script(
  "schedule",
  `
local SCHEDULES = P .. 'schedules'
local function parts(record)
  return string.match(record, '^([^${UNIT}]*)${UNIT}([^${UNIT}]*)${UNIT}(.*)$')
end
local ticks, at = {}, 3
for _ = 1, tonumber(ARGV[2]) do
  local name, seen, seen_spec, time, spec, id, message, priority = unpack(ARGV, at, at + 7)
  at = at + 8
  local old, old_id, old_spec = '', '', ''
  local record = call('HGET', SCHEDULES, name)
  if record then old, old_id, old_spec = parts(record) end
  if old == seen and old_spec == seen_spec then
    local early = old ~= '' and tonumber(old) > now
    local same = time == old and spec == old_spec and id == old_id
    if early and not same and read(P .. 't:' .. old_id, 'origin')[1] == old_id and
      call('ZREM', PENDING, old_id) == 1 then
      look_and_finish(old_id, failure('e', old_id, message_of(old_id), '${CANCELLED}'), '0')
    end
    if time == '' then
      call('HDEL', SCHEDULES, name)
    -- What was due may have run.
    elseif early or not same then
      call('HSET', SCHEDULES, name, table.concat({ time, id, spec }, '${UNIT}'))
      ticks[#ticks + 1] = { id, message, time, tonumber(priority) }
    end
  end
end
-- A new tick may have the id of the one that it replaces.
local more = settle(${STEPS})
forget()
for _, tick in ipairs(ticks) do
  local id, message, time, priority = unpack(tick)
  if not is_known(id) then
    local place = call('HINCRBY', META, 'sequence', 1) - priority * ${BAND}
    call('SET', P .. 'm:' .. id, message)
    call('HSET', P .. 't:' .. id, 'origin', id, 'open', 1)
    call('ZADD', PENDING, place, id)
    if tonumber(time) > now then set_time(DUE, time, id) else close(id, place) end
  end
end
make_ready()
wake()
send()
local answers = { NOW, more and 1 or 0 }
local records = call('HGETALL', SCHEDULES)
for i = 1, #records, 2 do
  local time, id, spec = parts(records[i + 1])
  local over = 1 - call('EXISTS', P .. 'm:' .. id)
  for _, value in ipairs({ records[i], time, id, spec, over }) do answers[#answers + 1] = value end
end
return answers
`,
);

/** Every script, to load them ahead. */
export const SCRIPTS: readonly Script[] = [
  ENQUEUE_PLAIN,
  ENQUEUE,
  UPLOAD,
  SETTLE,
  EXCHANGE,
  INPUTS,
  WAIT,
  CLEAR,
  CANCEL,
  PAUSE,
  INSPECT,
  DEAD,
  REDRIVE,
  DISCARD,
  DELIVER,
  SCHEDULE,
];
