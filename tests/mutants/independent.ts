/**
 * {@linkcode areIndependent}: whether two neighbouring lines may change places without a difference.
 *
 * They may when neither sets a name that the other one has, and neither changes a key of Redis that
 * the other one may use. Commands name their key; of a function that is not listed here, it is not
 * known what it uses. A line that leaves its block has its place. What a script publishes is heard
 * after the script, so the order of that does not count.
 */

/** Functions that leave Redis alone. */
const PURE = new Set([
  ...["failure", "is_it", "math", "parse", "policy", "string", "table", "text", "tonumber", "type"],
  ...["ipairs", "unpack", "cjson", "pcall"],
]);
/** Functions that only read. */
const READERS = new Set(["read", "message_of", "inputs_of"]);
/** Functions that change some keys only. */
const WRITERS: Readonly<Record<string, readonly string[]>> = {
  wake: ["READY", "TURNS", "IDLE"],
  forget: ["m:", "feeds:", "needs:"],
  send: [],
};
/** Commands that only read. */
const READS = new Set([
  ...["EXISTS", "GET", "MGET", "HEXISTS", "HGET", "HMGET", "HGETALL", "LINDEX", "LLEN", "LRANGE"],
  ...["TIME", "ZCARD", "ZRANGE", "ZRANGEBYSCORE", "ZREVRANGE", "ZSCORE"],
]);
const KEYWORDS = new Set(
  "and break do else elseif end false for function if in local nil not or return then true".split(
    " ",
  ),
);
const LEAVES = /\b(?:return|break)\b/;
/** What is set, with more than that in a line that has a condition. */
const TARGETS = /([\w,. #+[\]]+) = |^local ([\w, ]+)$/g;
const NAME = /(?<!\.)\b[a-zA-Z_]\w*/g;
const CALL = /(?:redis\.p?call|\bcall|\blist)\('(\w+)', ([^,)]+)/g;
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
  if (LEAVES.test(first) || LEAVES.test(second)) return false;
  const [one, other] = [effectsOf(first), effectsOf(second)];
  return leaves(one, other) && leaves(other, one);
}

/** Whether all that `one` changes means nothing to `other`. */
function leaves(one: Effects, other: Effects): boolean {
  return [...one.sets].every((name) => !other.uses.has(name)) &&
    [...one.writes].every((key) =>
      [...other.reads, ...other.writes].every((used) => used !== key && used !== "?" && key !== "?")
    );
}

function effectsOf(line: string): Effects {
  const code = line.replaceAll(/'[^']*'/g, "''");
  const uses = namesIn(code);
  const sets = new Set<string>();
  for (const [, targets, declared] of code.matchAll(TARGETS)) {
    for (const name of namesIn(targets ?? declared!)) sets.add(name);
  }
  const reads = new Set<string>();
  const writes = new Set<string>();
  for (const [, command, key] of line.matchAll(CALL)) {
    (READS.has(command!) ? reads : writes).add(keyOf(key!));
  }
  const commands = new Set(["call", "list", "redis"]);
  for (const [, name] of code.matchAll(FUNCTION)) {
    if (PURE.has(name!) || commands.has(name!)) continue;
    const keys = WRITERS[name!] ?? ["?"];
    for (const key of keys) (READERS.has(name!) ? reads : writes).add(key);
  }
  return { uses, sets, reads, writes };
}

function namesIn(code: string): Set<string> {
  const names = [...code.matchAll(NAME)].map(([name]) => name);
  return new Set(names.filter((name) => !KEYWORDS.has(name)));
}

/** What tells a key from others: its constant, or the first part of its name. */
function keyOf(expression: string): string {
  if (/^[A-Z_]+$/.test(expression)) return expression;
  return /^P \.\. '(\w+:)/.exec(expression)?.[1] ?? "?";
}
