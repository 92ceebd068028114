/** The command, as a process of its own. */
import { match, strictEqual } from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { redisUrl, testOn } from "./support/backends.ts";
import { freePort } from "./support/redis_server.ts";

const CLI = fileURLToPath(new URL("../cli.ts", import.meta.url));

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `worq` with these arguments. */
function worq(...args: string[]): Promise<Ended> {
  const runtime = "deno" in process.versions ? ["run", "-A", CLI] : [CLI];
  return new Promise((resolve) => {
    execFile(process.execPath, [...runtime, ...args], (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

Deno.test("worq demo runs the main job in one process", async () => {
  const { code, out, err } = await worq("demo");
  strictEqual(err, "");
  strictEqual(out, "0 + 1 + ... + 9 = 45\n");
  strictEqual(code, 0);
});

testOn(redisUrl, "worq demo runs the main job through Redis, in two processes", async (url) => {
  const { code, out, err } = await worq("demo", url);
  strictEqual(err, "");
  strictEqual(out, "0 + 1 + ... + 9 = 45\n");
  strictEqual(code, 0);
});

Deno.test("worq tells its version and its commands", async () => {
  strictEqual((await worq("--version")).out, `${config.version}\n`);
  strictEqual((await worq("version")).out, `${config.version}\n`);
  match((await worq("--help")).out, /\n {2}demo \[options\] \[url\] /);
  const { code, out, err } = await worq();
  strictEqual(code, 2);
  strictEqual(out, "");
  match(err, /\n {2}demo \[options\] \[url\] /);
});

Deno.test("worq answers a mistake in one line, and with code 2", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [["dmo"], /^worq: unknown command 'dmo', did you mean demo\?\n$/],
    [["run", "--wrkers", "2"], /^worq: unknown option '--wrkers', did you mean --workers\?\n$/],
    [["run", "--pool", "thread"], /'thread' is invalid\. .* did you mean threads\?\n$/],
    [["demo", "memory://", "x"], /^worq: too many arguments for 'demo'.*\n$/],
    [
      ["demo", "http://x"],
      /^worq: Cannot connect to "http:\/\/x": unknown scheme "http:\/\/"; .*\n$/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await worq(...args);
    strictEqual(code, 2);
    strictEqual(out, "");
    match(err, message);
  }
});

Deno.test("worq tells a server that cannot be reached in one line, and with code 3", async () => {
  const port = await freePort();
  const { code, err } = await worq("demo", `redis://:secret@127.0.0.1:${port}/0`);
  strictEqual(code, 3);
  match(err, new RegExp(`^worq: Cannot use Redis at 127\\.0\\.0\\.1:${port}: .*\n$`));
  strictEqual(err.includes("secret"), false);
});
