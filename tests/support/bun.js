// Lets Bun run the test files: its own test function under Deno's name.
import { afterAll, test } from "bun:test";

const TIMEOUT = 120_000;

globalThis.Deno = {
  test(nameOrOptions, body) {
    const { name, ignore, fn } = typeof nameOrOptions === "string"
      ? { name: nameOrOptions, ignore: false, fn: body }
      : nameOrOptions;
    (ignore ? test.skip : test)(name, () => fn(), TIMEOUT);
  },
};

// Deno tells its test files so.
afterAll(() => dispatchEvent(new Event("unload")));
