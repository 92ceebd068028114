/**
 * {@linkcode areIndependent}: whether two neighbouring lines may change places without a difference.
 *
 * They may when neither sets a name that the other one has, and neither changes a key of Redis that
 * the other one may use. Keys are told apart by their constant, or by the first part of their name;
 * and the fields of a task's record by theirs; of a function that is not listed here, it is not known
 * which keys it uses. With a line that leaves
 * its block, a line may change places that only declares what the other does not have. What a script
 * publishes is heard after the script, so the order of that does not count.
 */

/** Functions that leave Redis alone, and those that name their key. */
const KNOWN = new Set([
  ...["failure", "math", "parse", "policy", "string", "table", "text", "tonumber", "type"],
  ...["parse_all", "keys_of", "parts_of", "outcome_in", "is_run"],
  ...["ipairs", "unpack", "cjson", "pcall", "call", "list", "redis"],
  ...["count", "write", "add", "read", "set_time", "expired", "select"],
]);
/** Functions that only read. */
const READERS = new Set([
  ...["message_of", "inputs_of", "rests_until", "known", "parts", "next_time"],
  ...["has_origin", "outcome_of", "refs_of", "record_of"],
]);
const LINE = ["READY", "KEYED", "line:", "TURNS", "RESTS", "META"];
// What ends in a script is also noted in tables of that script, which count as keys here.
const END = ["KEYS_ALIVE", "t:", "r:", "refs:", "gone", "over", "mail"];
const WITHDRAW = [...LINE, "t:key"];
/** Functions that use some keys only. */
const KEYS_OF: Readonly<Record<string, readonly string[]>> = {
  message_of: ["m:"],
  inputs_of: ["needs:", "t:", "r:"],
  has_origin: ["t:origin"],
  outcome_of: ["r:"],
  refs_of: ["refs:"],
  add_refs: ["refs:"],
  record_of: ["t:"],
  expire: ["t:", "r:"],
  end_run: ["t:owner", "t:started"],
  rests_until: ["starts:"],
  known: ["m:", "t:", "r:"],
  parts: [],
  next_time: ["DUE", "LATE", "LEASES", "RESTS"],
  started: ["starts:"],
  activate: ["RESTS", "META", "TURNS"],
  end_rests: ["RESTS", "META", "TURNS"],
  tidy: LINE,
  enter: LINE,
  make_room: ["BUSY", ...LINE],
  note: ["t:"],
  wake: ["READY", "TURNS", "IDLE"],
  forget: ["m:", "feeds:", "needs:", "gone"],
  send: ["mail"],
  tell: ["mail"],
  post: ["mail"],
  withdraw: WITHDRAW,
  leave: ["LEASES", "RUNS", "BUSY", ...LINE],
  finish: END,
  look_and_finish: ["DUE", "LATE", ...END],
  fail_for_need: ["PENDING", "DUE", "LATE", "m:", ...END],
  close: ["t:open", "opened"],
  make_ready: ["PENDING", "KEYS_ALIVE", "t:key", "opened", ...LINE],
  end_late: ["LATE", "PENDING", "DUE", "m:", ...END, ...LINE],
};
/** Commands and functions that only read. */
const READS = new Set([
  ...["EXISTS", "GET", "MGET", "HEXISTS", "HGET", "HMGET", "HGETALL", "LINDEX", "LLEN", "LRANGE"],
  ...["TIME", "ZCARD", "ZRANGE", "ZRANGEBYSCORE", "ZREVRANGE", "ZSCORE", "read", "expired"],
]);
const KEYWORDS = new Set(
  "and break do else elseif end false for function if in local nil not or return then true".split(
    " ",
  ),
);
const LEAVES = /\b(?:return|break)\b/;
/** Where a statement begins in a line. */
const BEGINS = /\b(?:then|do|else|end|local|for)\b/;
/** What it sets. */
const TARGETS = /^ *([\w,. #+[\]]+) = |^ *([\w, ]+)$/;
/** Names that keys have. */
const KEYS: Readonly<Record<string, string>> = {
  ...{ t: "t:", r: "r:", m: "m:", kept: "kept:", starts: "starts:", pool: "pool:" },
};
/** Commands and functions that use some fields of a record only, which follow. */
const OF_FIELDS = new Set(["HSET", "HGET", "HMGET", "HDEL", "write", "add", "read"]);
const NAME = /(?<!\.)\b[a-zA-Z_]\w*/g;
const COMMAND = /(?:redis\.p?call|\bcall|\blist)\('(\w+)', ([^,)]+)/g;
/** Functions whose first argument is the key. */
const WITH_KEY = /\b(count|write|add|read|set_time|expired)\(([^,)]+)/g;
const FUNCTION = /(?<![\w.:])(\w+)(?:\.\w+)?\(/g;

/** What a line does. */
interface Effects {
  readonly uses: ReadonlySet<string>;
  readonly sets: ReadonlySet<string>;
  /** Keys that it reads or changes; `?` for one that is not known. */
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
}

/** Whether their order does not matter. */
export function areIndependent(first: string, second: string): boolean {
  const [one, other] = [effectsOf(first), effectsOf(second)];
  if (LEAVES.test(first) && !onlyDeclares(second, other)) return false;
  if (LEAVES.test(second) && !onlyDeclares(first, one)) return false;
  return leaves(one, other) && leaves(other, one);
}

function onlyDeclares(line: string, { writes }: Effects): boolean {
  return /^local (?!function)/.test(line) && !LEAVES.test(line) && writes.size === 0;
}

/** Whether all that `one` changes means nothing to `other`. */
function leaves(one: Effects, other: Effects): boolean {
  const used = [...other.reads, ...other.writes];
  return [...one.sets].every((name) => !other.uses.has(name)) &&
    [...one.writes].every((key) => used.every((own) => !meet(own, key)));
}

/** Whether two keys may be one; `t:` is all fields of a record, `?` may be any key. */
function meet(one: string, other: string): boolean {
  const isOf = (field: string, record: string) => record === "t:" && field.startsWith(record);
  return [one, other].includes("?") || one === other || isOf(one, other) || isOf(other, one);
}

function effectsOf(line: string): Effects {
  const code = line.replaceAll(/'[^']*'/g, "''");
  const sets = new Set<string>();
  // Of `list[#list + 1] = x` it is the list that is set.
  for (const [i, part] of code.replaceAll(/\[[^\]]*\]/g, "").split(BEGINS).entries()) {
    const [, targets, declared] = TARGETS.exec(part) ?? [];
    // A name alone is declared only after `local`.
    const names = targets ?? (i > 0 && line.startsWith("local ") ? declared : undefined) ?? "";
    for (const name of namesIn(names)) sets.add(name);
  }
  const reads = new Set<string>();
  const writes = new Set<string>();
  for (const call of [...line.matchAll(COMMAND), ...line.matchAll(WITH_KEY)]) {
    const [whole, name, key] = call as unknown as [string, string, string];
    const rest = line.slice(call.index + whole.length);
    const keys = OF_FIELDS.has(name) ? fieldsOf(keyOf(key), rest) : [keyOf(key)];
    for (const key of keys) (READS.has(name) ? reads : writes).add(key);
  }
  for (const [, name] of code.matchAll(FUNCTION)) {
    if (KNOWN.has(name!)) continue;
    const keys = KEYS_OF[name!] ?? ["?"];
    for (const key of keys) (READERS.has(name!) ? reads : writes).add(key);
  }
  return { uses: namesIn(code), sets, reads, writes };
}

function namesIn(code: string): Set<string> {
  const names = [...code.matchAll(NAME)].map(([name]) => name);
  return new Set(names.filter((name) => !KEYWORDS.has(name)));
}

/** The fields of a record that are named in the rest of a line, or all of it. */
function fieldsOf(key: string, rest: string): string[] {
  const fields = [...rest.matchAll(/'(\w+)'/g)].map(([, field]) => key + field);
  return key === "t:" && fields.length > 0 ? fields : [key];
}

/** What tells a key from others. */
function keyOf(expression: string): string {
  if (/^[A-Z_]+$/.test(expression)) return expression;
  return KEYS[expression] ?? /^P \.\. '(\w+:)/.exec(expression)?.[1] ?? "?";
}
