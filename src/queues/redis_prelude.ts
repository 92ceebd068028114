/**
 * What a script needs of the Lua that scripts share.
 *
 * Redis makes the functions of a script anew with each call: that took longer than most of what calls
 * do. So a script gets only what it uses, and the functions that few of its calls use are made when
 * the first of them is called: `settle(…)` stands there as `rare().settle(…)`.
 */
import { PRELUDE } from "./redis_lua.ts";

/** Statements of the prelude, each with the comment before it. */
export const STATEMENTS: readonly string[] = PRELUDE.split(
  /(?<!\n--.*)\n(?=(?:--.*\n)*local )/,
);

/** Functions that most calls use of the scripts that have them. */
const OFTEN: ReadonlySet<string> = new Set([
  ...["text", "read", "is_known", "message_of"],
  ...["post", "tell", "send", "wake", "finish", "forget"],
]);

/** A statement of the prelude: a function, or values. */
interface Statement {
  readonly text: string;
  /** Name of the function, if it is one. */
  readonly name: string | undefined;
  /** Names of the values, if it is not. */
  readonly values: readonly string[];
}

/** How the rare functions are reached. */
const RARE = "rare().";

let statements: readonly Statement[] | undefined;

/** The body of a script with all that it needs before it. */
export function withPrelude(body: string): string {
  statements ??= STATEMENTS.map(toStatement);
  const needed = usedBy([body], statements);
  const often = needed.filter(({ name }) => name !== undefined && OFTEN.has(name));
  // A value that only rare functions use is theirs.
  const values = usedBy(
    [body, ...often.map(({ text }) => text)],
    needed.filter(({ name }) => name === undefined),
  );
  const common = needed.filter((one) => often.includes(one) || values.includes(one));
  const rare = needed.filter((one) => !common.includes(one));
  const seen = [body, ...common.map(({ text }) => text)];
  const names = rare.flatMap(({ name }) => name ?? [])
    .filter((name) => seen.some((text) => calls(text, name)));
  const texts = common.map(({ text }) => text);
  if (names.length === 0) return [...texts, body].join("\n");
  return reaching(["local rare", ...texts, makerOf(rare, names), body].join("\n"));
}

/** Lua that makes the rare functions, once. */
function makerOf(rare: readonly Statement[], names: readonly string[]): string {
  return `local made
rare = function()
if made then return made end
${rare.map(({ text }) => text).join("\n")}
made = { ${names.map((name) => `${name} = ${name}`).join(", ")} }
return made
end`;
}

/** A script with its rare functions, which it calls as if they were there, calling them as they are. */
export function reaching(script: string): string {
  const maker = /^local made$[^]*^made = \{ (.*) \}\nreturn made\nend$/m.exec(script);
  if (maker === null) return script;
  const names = maker[1]!.split(", ").map((pair) => pair.split(" ")[0]);
  const call = new RegExp(`\\b(?:${names.join("|")})\\(`, "g");
  const parts = [script.slice(0, maker.index), script.slice(maker.index + maker[0].length)];
  return parts.map((part) =>
    part.replace(call, (name, at: number) => part[at - 1] === "." ? name : RARE + name)
  ).join(maker[0]);
}

/** The same with its rare functions called as if they were there: as it is written. */
export function direct(script: string): string {
  return script.replaceAll(RARE, "");
}

/** The statements among `all` that these texts use, and those that they use in turn, in order. */
function usedBy(users: readonly string[], all: readonly Statement[]): Statement[] {
  const texts = [...users];
  return all.toReversed().filter(({ text, name, values }) => {
    const isUsed = texts.some((user) =>
      name === undefined ? values.some((value) => has(user, value)) : calls(user, name)
    );
    if (isUsed) texts.push(text);
    return isUsed;
  }).reverse();
}

function toStatement(text: string): Statement {
  const name = /^local function (\w+)/m.exec(text)?.[1];
  const values = /^local ([\w, ]+)/m.exec(text)?.[1]?.trim().split(", ") ?? [];
  return { text, name, values };
}

/** Whether Lua has a call of that name, or what defines it. */
function calls(lua: string, name: string): boolean {
  return has(lua, `${name}(`);
}

/**
 * Whether Lua has that word, or that beginning of a call. To search for each of some eighty takes
 * half the time that a list of all words does.
 */
function has(lua: string, word: string): boolean {
  for (let at = lua.indexOf(word); at >= 0; at = lua.indexOf(word, at + 1)) {
    const [before = "", after = ""] = [lua[at - 1], lua[at + word.length]];
    if (!/\w/.test(before) && (word.endsWith("(") || !/\w/.test(after))) return true;
  }
  return false;
}
