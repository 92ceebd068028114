import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Roster } from "../src/roster.ts";

Deno.test("a roster does what a map does", () => {
  const key = fc.integer({ min: 0, max: 9 });
  const step = fc.oneof(fc.record({ key, value: fc.nat() }), fc.record({ key }));
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const map = new Map<number, number>();
    const roster = new Roster<number, number>();
    for (const { key, value } of steps as { key: number; value?: number }[]) {
      strictEqual(roster.has(key), map.has(key));
      if (value === undefined) strictEqual(roster.delete(key), map.delete(key));
      else {
        map.set(key, value);
        roster.set(key, value);
      }
      strictEqual(roster.get(key), map.get(key));
      strictEqual(roster.size, map.size);
    }
    deepStrictEqual([...roster.values()], [...map.values()]);
  }));
});

Deno.test("what a roster gave last may be taken out meanwhile", () => {
  const roster = new Roster<string, number>();
  for (const [i, key] of ["a", "b", "c"].entries()) roster.set(key, i);
  const seen: number[] = [];
  for (const value of roster.values()) {
    seen.push(value);
    roster.delete("abc"[value]!);
  }
  deepStrictEqual(seen, [0, 1, 2]);
  strictEqual(roster.size, 0);
});
