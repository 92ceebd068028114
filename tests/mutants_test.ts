/** The mutator makes mistakes, and the tests notice them. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SCRIPTS } from "../src/queues/redis_scripts.ts";
import { testOn } from "./support/backends.ts";
import { findRedisServer } from "./support/redis_server.ts";
import { Bench } from "./mutants/bench.ts";
import { mutantsOf } from "./mutants/mutate.ts";
import { allMutants, isIn, nameOf, plant } from "./mutants/sources.ts";

const OWN = findRedisServer() && "own server";

const TEXT = `
local n = call('INCRBY', KEY,
  1)
-- A comment.
local other = call('GET', OTHER)
if n >= 2 and other then
  call('SET', KEY, n)
  call('DEL', KEY)
end
return n
`;

Deno.test("a mutant has one line fewer, two the other way round, or another condition", () => {
  const changes = mutantsOf(TEXT).map(({ kind, text }) => {
    const rows = (of: string) => of.split("\n").map((row) => row.trim());
    const without = (of: string, those: string) =>
      rows(of).filter((row) => !rows(those).includes(row));
    return [kind, without(TEXT, text), without(text, TEXT)];
  });
  deepStrictEqual(changes, [
    ["drop", ["local n = call('INCRBY', KEY,", "1)"], []],
    ["drop", ["local other = call('GET', OTHER)"], []],
    ["drop", ["if n >= 2 and other then"], []],
    ["negate", ["if n >= 2 and other then"], ["if not (n >= 2 and other) then"]],
    ["shift", ["if n >= 2 and other then"], ["if n > 2 and other then"]],
    ["drop", ["call('SET', KEY, n)"], []],
    ["swap", [], []],
    ["drop", ["call('DEL', KEY)"], []],
    ["drop", ["end"], []],
    ["drop", ["return n"], []],
  ]);
  const swapped = mutantsOf(TEXT).find(({ kind }) => kind === "swap")!;
  ok(swapped.text.includes("  call('DEL', KEY)\n  call('SET', KEY, n)\n"));
});

Deno.test("each mutant has a name of its own, and changes every script that has the part", () => {
  const all = allMutants();
  strictEqual(new Set(all.map(nameOf)).size, all.length);
  for (const mutant of all) {
    const changed = SCRIPTS.filter(({ text }) => plant(mutant)(text) !== text);
    ok(changed.length > 0, `no script has ${nameOf(mutant)}`);
    deepStrictEqual(changed, SCRIPTS.filter(({ text }) => isIn(text, mutant)));
  }
});

testOn(OWN, "mistakes in the scripts are noticed", async () => {
  await using bench = await Bench.start();
  const all = allMutants();
  for (
    const name of [
      "finish: drop call('SET', r, result)",
      "link: swap local ids, origins = parse_all(needs)",
      "settle: negate if through then call('LREM', UNSETTLED",
      "make_ready: shift if score and add(",
    ]
  ) {
    const mutant = all.find((one) => nameOf(one).startsWith(name));
    ok(mutant, `the scripts have no such line any more: ${name}`);
    strictEqual((await bench.try(plant(mutant), ["suite"])).caught?.by, "suite", name);
  }
});
