// Lets Bun run the test files: its own test function under Deno's name, and the package's own name.
import { plugin } from "bun";
import { test } from "bun:test";
import * as backend from "../../backend.ts";
import * as testing from "../../testing.ts";
import * as worq from "../../mod.ts";

const TIMEOUT = 120_000;

globalThis.Deno = {
  test(nameOrOptions, body) {
    const { name, ignore, fn } = typeof nameOrOptions === "string"
      ? { name: nameOrOptions, ignore: false, fn: body }
      : nameOrOptions;
    (ignore ? test.skip : test)(name, () => fn(), TIMEOUT);
  },
};

plugin({
  name: "worq",
  setup(build) {
    build.module("@worq/worq", () => ({ exports: { ...worq }, loader: "object" }));
    build.module("@worq/worq/backend", () => ({ exports: { ...backend }, loader: "object" }));
    build.module("@worq/worq/testing", () => ({ exports: { ...testing }, loader: "object" }));
  },
});
