/** {@linkcode EXPLAINED}: the mutants that no test of these catches, each with its reason. */

/** Mutants that survive for the same reason. */
export interface Explanation {
  readonly why: string;
  /** As `nameOf` gives them. */
  readonly names: readonly string[];
}

/** All survivors. */
export const EXPLAINED: readonly Explanation[] = [
  {
    why:
      "The two lines touch different fields of a record, or keys that have nothing to do with each " +
      "other, in functions of which the rule for swaps does not know that.",
    names: [
      "take: swap if call('EXISTS', line) == 1 then call('ZADD', TURNS, turn + 1, key) end",
      "take: swap tidy()",
      "link: swap write(t, 'linked', linked + i)",
      "settle: swap make_ready()",
      "settle: swap if through then call('LREM', UNSETTLED, 1, entry) end",
      "ENQUEUE: swap if call('ZREM', PENDING, id) == 0 and not withdraw(id, key or nil) then leave(id, key or nil) end",
      "ENQUEUE: swap if (#links > 0 or #over > 0) and settle(0) then answers[#answers + 1] = '+' end",
      "CLEAR: swap settle(0)",
      "CANCEL: swap if settle(0) then answers[#answers + 1] = '+' end",
      "SCHEDULE: swap local more = settle(80)",
    ],
  },
  {
    why:
      "The two lines change the same key, but come to the same in either order: one of them cuts a list " +
      "or takes fields away, the other says when the key ends.",
    names: [
      "started: swap call('LTRIM', starts, 0, rate.count - 1)",
      "unlink: swap redis.pcall('HDEL', t, 'linked', 'open')",
    ],
  },
  {
    why: "The two lines are a guard and what comes to nothing where the guard holds.",
    names: [
      "take: swap if not first[1] then break end",
      "take: swap if not id then break end",
      "ENQUEUE: swap if plan and plan.onDuplicate == 'join' then return join(id, theirs) end",
      "settle_ended: swap if not through or not linked then return steps, through end",
    ],
  },
  {
    why:
      "Only work is saved. Without the line, or with it for one case more, nothing is there to be done, " +
      "or the same is done the longer way.",
    names: [
      "take: drop if not shared and not rate then return call('ZPOPMIN', READY, want), {} end",
      "tell: drop if not waiters and not caller then return end",
      "die: shift if time > 0 then",
      "die: drop record[2] = false",
      "link: shift if open > 0 then add(t, 'open', open) end",
      "unlink: shift if k > 0 then give_back(list('LPOP', P .. 'needs:' .. id, k)) end",
      "settle_ended: shift if refs > 0 then steps, through = release(id, outcome, n) end",
      "settle_ended: drop if not through or not linked then return steps, through end",
      "settle_ended: drop if steps >= n then return steps, false end",
      "settle_ended: shift if steps >= n then return steps, false end",
      "settle: drop if n > 0 then steps, through = settle_ended(id, outcome, linked, refs, n) end",
      "settle: negate if n > 0 then steps, through = settle_ended(id, outcome, linked, refs, n) end",
      "settle: shift if n > 0 then steps, through = settle_ended(id, outcome, linked, refs, n) end",
      "settle: drop over = {}",
      "settle: drop over = {} (2)",
      "settle: shift steps, through = #needs + 1, #needs < n",
      "ENQUEUE: shift links[#links + 1] = { n, id, needs >= 0 and 80 or 1 }",
      "ENQUEUE: shift if (#links > 0 or #over > 0) and settle(0) then answers[#answers + 1] = '+' end",
      "ENQUEUE: shift if (#links > 0 or #over > 0) and settle(0) then answers[#answers + 1] = '+' end (2)",
      "EXCHANGE: shift refs, any = call('MGET', unpack(names, n + 1)), call('EXISTS', unpack(names, 1, n)) > 0",
      "make_ready: swap waiting = {}",
      "EXCHANGE: shift any = call('EXISTS', unpack(names)) > 0 or any",
      "give_back: shift local records = call('EXISTS', unpack(keys_of('t:', free))) > 0",
    ],
  },
  {
    why:
      "Off by one where both sides come to the same: none are asked for, the times are equal, or the " +
      "number is taken by the branch before.",
    names: [
      "take: shift if want <= 0 then return {}, {} end",
      "next_time: shift if at and (not first or at < first) then first = at end",
      "EXCHANGE: shift elseif want > 0 and not overdue and (tonumber(last) or -1) < tonumber(number) and (calm or call('EXISTS', PAUSED) == 0) then",
      "EXCHANGE: shift elseif want > 0 and not overdue and (tonumber(last) or -1) < tonumber(number) and (calm or call('EXISTS', PAUSED) == 0) then (2)",
      "EXCHANGE: shift if rest and (next < 0 or rest - now < next) then next = rest - now end",
      "EXCHANGE: shift if rest and (next < 0 or rest - now < next) then next = rest - now end (2)",
      "CLEAR: shift local some = removed < 80 and call('ZRANGEBYSCORE', place, '-8972014882652160', '+inf', 'LIMIT', 0, 80 - removed) or {}",
    ],
  },
  {
    why:
      "An outcome of exactly 65,536 characters is published or asked for, which is the same to who waits.",
    names: ["tell: shift local news = id .. '\x1f' .. (#outcome > 65536 and '?' or outcome)"],
  },
  {
    why: "Keys are only left between two calls of a `clear()` of more than 80 tasks.",
    names: ["CLEAR: swap call('ZREM', P .. 'line:' .. key, id)"],
  },
  {
    why:
      "The number of a turn only counts beside others that wait now; one that is forgotten begins at 0.",
    names: ["tidy: drop call('HDEL', META, 'turn')"],
  },
  {
    why:
      "Only a cluster has this: it does not tell whether somebody listens on another of its servers " +
      "(`tests/cluster_test.ts`).",
    names: [
      "wake: swap if call('PUBLISH', 'worq:client:' .. client, QUEUE) > 0 then return end",
      "wake: drop if CLUSTER and (tonumber(ARGV[1]) or call('TIME')[1] * 1000) - since < 6000 then return end",
      "wake: shift if CLUSTER and (tonumber(ARGV[1]) or call('TIME')[1] * 1000) - since < 6000 then return end",
    ],
  },
];
