/**
 * Runs every test on Deno or on Bun: `run.ts deno|bun [arguments of the test command]`.
 *
 * Starts a Redis server of its own, unless WORQ_TEST_REDIS_URL names one. Without a server program
 * it installs Debian's where it may; where it may not, the tests that need Redis do not run, their
 * names are told at the end, and with CI set that is a failure.
 */
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { findRedisServer, RedisServer } from "./support/redis_server.ts";
import { BUN_VERSION } from "./support/runtimes.ts";

interface Result {
  readonly code: number;
  readonly passed: number;
  readonly failed: number;
  readonly ignored: readonly string[];
}

async function main([runtime = "deno", ...args]: string[]): Promise<number> {
  const given = process.env.WORQ_TEST_REDIS_URL;
  await using server = given || !haveRedis() ? undefined : await RedisServer.start();
  const url = given || server?.url;
  const { code, passed, failed, ignored } = await run(
    runtime === "bun" ? bunCommand(args) : denoCommand(args),
    { ...process.env, ...(url ? { WORQ_TEST_REDIS_URL: url } : {}) },
  );
  for (const name of ignored) console.log(`not run: ${name}`);
  const redisMissing = url === undefined;
  if (redisMissing) {
    console.log("There is no Redis server on this machine: see above what was not run");
  }
  console.log(`${passed} passed, ${failed} failed`);
  if (passed === 0 && failed === 0) return 1;
  return redisMissing && process.env.CI ? 1 : code;
}

function denoCommand(args: string[]): string[] {
  return [process.execPath, "test", "--doc", "-A", "--parallel", ...args];
}

function bunCommand(args: string[]): string[] {
  // Bun finds the packages where Deno puts them.
  spawnSync(process.execPath, ["install", "--frozen"], { stdio: "inherit" });
  const bun = spawnSync("bun", ["--version"]).status === 0
    ? ["bun"]
    : ["npx", "-y", `bun@${BUN_VERSION}`];
  return [
    ...bun,
    "test",
    "--parallel",
    "--preload",
    "./tests/support/bun.js",
    ...(args.length > 0 ? args : ["tests"]),
  ];
}

function haveRedis(): boolean {
  if (findRedisServer() !== undefined) return true;
  if (process.getuid?.() !== 0 || spawnSync("apt-get", ["--version"]).status !== 0) return false;
  console.log("No Redis server found: installing Debian's redis-server");
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const args of [["update", "-qq"], ["install", "-y", "-qq", "redis-server"]]) {
    spawnSync("apt-get", args, { env, stdio: ["ignore", "ignore", "inherit"] });
  }
  return findRedisServer() !== undefined;
}

/** Runs the command, shows what it says, and counts. */
async function run([program = "", ...args]: string[], env: NodeJS.ProcessEnv): Promise<Result> {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      text += data;
      process.stdout.write(data);
    });
  }
  const code = await new Promise<number>((resolve) => {
    child.once("close", (code) => resolve(code ?? 1));
  });
  // deno-lint-ignore no-control-regex -- colours
  const plain = text.replace(/\x1b\[[\d;]*m/g, "");
  return {
    code,
    passed: count(plain, /(\d+) passed/) || count(plain, /^\s*(\d+) pass$/m),
    failed: count(plain, /(\d+) failed/) || count(plain, /^\s*(\d+) fail$/m),
    ignored: [...plain.matchAll(/^(?:\(skip\) (.+)|(.+) \.\.\. ignored.*)$/gm)]
      .map(([, bun, deno]) => bun ?? deno ?? ""),
  };
}

function count(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

process.exitCode = await main(process.argv.slice(2));
