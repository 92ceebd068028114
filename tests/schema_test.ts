/** Arguments checked by schemas: when a task is called, and before it runs. */
import { deepStrictEqual, throws } from "node:assert/strict";
import { type StandardSchema, TaskSpace } from "@worq/worq";

Deno.test("definitions belong to tasks, and say what they may", () => {
  const pay = (cents: number) => cents;
  // deno-lint-ignore no-explicit-any -- the compiler refuses them as well
  const define = (definitions: any) => new TaskSpace("shop", { pay }, definitions);
  throws(() => define({ pya: {} }), {
    name: "TypeError",
    message: 'Cannot define task "pya" of space "shop": there is no such task among pay',
  });
  throws(() => define({ pay: { arg: {} } }), {
    name: "TypeError",
    message:
      /^Cannot define task "pay" of space "shop": unknown option "arg", expected one of args/,
  });
  throws(() => define({ toString: {} }), /there is no such task/);
  throws(() => define({ pay: { args: { parse: () => [] } } }), /args must be a schema/);
  throws(() => define({ pay: { args: { "~standard": { version: 2 } } } }), /version 1/);
  throws(() => define({ pay: 1 }), /expected options, received 1/);
  for (const what of [null, 1, []]) throws(() => define(what), /expected definitions/);
  deepStrictEqual(define({}).definitions, {});
  deepStrictEqual(define({ pay: undefined }).definitions, { pay: undefined });
});

Deno.test("entries of a space tell the definitions, of those that have one", () => {
  const args: StandardSchema<[number]> = {
    "~standard": { version: 1, vendor: "test", validate: () => ({ value: [1] }) },
  };
  const pay = (cents: number) => cents;
  const space = new TaskSpace("shop", { pay, list: pay }, { pay: { args } });
  deepStrictEqual([...space.entries()], [["shop.pay", pay, { args }], ["shop.list", pay]]);
});
