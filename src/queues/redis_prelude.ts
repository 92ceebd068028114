/**
 * What a script needs of the Lua that scripts share.
 *
 * Redis makes the functions of a script anew with each call: that took longer than most of what calls
 * do. So a script gets only what it uses, and the functions that few of its calls use are made when
 * the first of them is called. Until then each has a stand-in, which makes all of them.
 */
import { PRELUDE } from "./redis_lua.ts";

/** Statements of the prelude, each with the comment before it. */
export const STATEMENTS: readonly string[] = PRELUDE.split(
  /(?<!\n--.*)\n(?=(?:--.*\n)*local )/,
);

/** Functions that most calls use of the scripts that have them. */
const OFTEN: ReadonlySet<string> = new Set([
  ...["text", "read", "write", "is_known", "message_of", "expired", "next_time"],
  ...["post", "tell", "send", "wake", "finish", "forget"],
]);

/** The body of a script with all that it needs before it. */
export function withPrelude(body: string): string {
  const needed = neededBy(body);
  const often = needed.filter((statement) => OFTEN.has(functionOf(statement) ?? ""));
  const rare = needed.filter((one) => functionOf(one) !== undefined && !often.includes(one));
  const values = needed.filter((one) => functionOf(one) === undefined);
  // A value that only rare functions use is theirs.
  const common = values.reduceRight<string[]>(
    (known, one) => isUsed(one, [...known, body]) ? [one, ...known] : known,
    often,
  );
  const isCommon = (one: string) => common.includes(one);
  const names = rare.map((one) => functionOf(one)!)
    .filter((name) => [...common, body].some((text) => calls(text, name)));
  const made = needed.filter((one) => !isCommon(one));
  return [
    ...(names.length > 0 ? ["local rare"] : []),
    ...names.map((name) => `local function ${name}(...) return rare().${name}(...) end`),
    ...needed.filter(isCommon),
    ...(names.length > 0 ? [makerOf(made, names)] : []),
  ].join("\n") + `\n${body}`;
}

/** Lua that makes the rare functions, once. */
function makerOf(statements: readonly string[], names: readonly string[]): string {
  const fields = names.map((name) => `${name} = ${name}`).join(", ");
  return `local made
rare = function()
if made then return made end
${statements.join("\n")}
made = { ${fields} }
return made
end`;
}

/** The statements that a script uses, and those that these use. */
function neededBy(body: string): string[] {
  return STATEMENTS.reduceRight<string[]>(
    (later, one) => isUsed(one, [...later, body]) ? [one, ...later] : later,
    [],
  );
}

function isUsed(statement: string, texts: readonly string[]): boolean {
  const name = functionOf(statement);
  if (name !== undefined) return texts.some((text) => calls(text, name));
  const names = /^local ([\w, ]+)/m.exec(statement)?.[1]?.trim().split(", ") ?? [];
  return names.length === 0 ||
    names.some((one) => texts.some((text) => new RegExp(`\\b${one}\\b`).test(text)));
}

function calls(text: string, name: string): boolean {
  return new RegExp(`\\b${name}\\(`).test(text);
}

function functionOf(statement: string): string | undefined {
  return /^local function (\w+)/m.exec(statement)?.[1];
}
