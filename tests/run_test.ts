/** `worq run`, from source: pools of every kind, settings, changes, health and its end. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getQueue } from "@worq/worq";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { findRedisServer, freePort, RedisServer } from "./support/redis_server.ts";
import { findBun, findDeno, runtimesPath } from "./support/runtimes.ts";
import { isAlive } from "./support/processes.ts";
import { FROM_SOURCE, Running, worq } from "./support/worq.ts";

const TASKS = fileURLToPath(new URL("../examples/tasks.ts", import.meta.url));
const SLOW = fileURLToPath(new URL("./support/run_tasks.ts", import.meta.url));
const WAIT = { timeout: 30_000 };
const ownEnv = process.env as Record<string, string>;
const isDeno = "deno" in process.versions;

/** Two workers, and a queue of its own. */
function start(url: string, queue: string, ...args: string[]): Running {
  return new Running(FROM_SOURCE, ["run", ...args, "--url", url, "--queue", queue]);
}

/** A folder with these files, which is gone after the test. */
async function folderWith(files: Record<string, string>) {
  const path = await mkdtemp(join(tmpdir(), "worq-test-"));
  for (const [name, text] of Object.entries(files)) await writeFile(join(path, name), text);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

for (const kind of ["processes", "threads", "inline"]) {
  testOn(
    redisUrl,
    `worq run --${kind} serves a module, tells its health, and drains`,
    async (url) => {
      const queue = freshName();
      const at = `127.0.0.1:${await freePort()}`;
      const before = await worq(FROM_SOURCE, "health", at);
      strictEqual(before.code, 1);
      match(before.err, /^worq: no pool answers at .*\n$/);
      await using pool = start(url, queue, SLOW, `--${kind}`, "--health", at);
      await pool.says(
        /INFO serving tasks=hello,math\.square,nap,versions queues=test-\S+ module=\S+\n/,
      );
      strictEqual((await worq(FROM_SOURCE, "health", at)).out, "ready\n");
      strictEqual(await textAt(`http://${at}/livez`), "200 ok\n");
      strictEqual(await textAt(`http://${at}/`), "404 try /livez, /readyz or /metrics\n");
      await using q = getQueue(url, { name: queue });
      strictEqual(await (await q.hello("Ann")).result(WAIT), "hello Ann, says hello");
      strictEqual(await (await q.math.square(12)).result(WAIT), 144);
      const metrics = await textAt(`http://${at}/metrics`);
      match(
        metrics,
        new RegExp(
          `^worq_attempts_total\\{queue="${queue}",task="hello",outcome="success"\\} 1$`,
          "m",
        ),
      );
      match(metrics, new RegExp(`^worq_tasks\\{queue="${queue}",place="ready"\\} 0$`, "m"));
      const nap = await q.nap(300);
      await pool.says(/napping/);
      pool.signal("SIGTERM");
      strictEqual(await nap.result(WAIT), "slept");
      const { code, out, err } = await pool.ended;
      strictEqual(code, 0);
      strictEqual(out, "");
      match(err, /INFO SIGTERM: stopping\n$/);
    },
  );
}

testOn(redisUrl, "worq call tells in one line why there is no result", async (url) => {
  await using dir = await folderWith({
    "tasks.ts": `
      export const fail = () => { throw new Error("one\\n\\x1b[31mtwo"); };
      export const ring = () => { const ring = []; ring.push(ring); return ring; };
      export const kinds = () => [new Map([[1, 2n]]), new Set("a"), /b/g, Uint8Array.of(1).buffer];`,
  });
  const at = ["--url", url, "--queue", freshName()];
  await using pool = new Running(FROM_SOURCE, ["run", join(dir.path, "tasks.ts"), ...at]);
  await pool.says(/INFO serving/);
  const failed = await worq(FROM_SOURCE, "call", "fail", ...at);
  match(failed.err, /^worq: fail \[.*\] Error: one two\n$/);
  strictEqual(failed.code, 1);
  const ring = await worq(FROM_SOURCE, "call", "ring", ...at);
  match(ring.err, /^worq: cannot write the result as JSON: it contains itself; .*\n$/);
  strictEqual(ring.code, 1);
  const kinds = await worq(FROM_SOURCE, "call", "kinds", ...at);
  strictEqual(kinds.out, '[[[1,"2"]],["a"],"/b/g",[1]]\n');
});

testOn(redisUrl, "flags win over the environment, and that over the settings file", async (url) => {
  const [a, b, c] = [freshName(), freshName(), freshName()];
  await using folder = await folderWith({
    "worq.json": JSON.stringify({ url, module: TASKS, queue: [a], name: "file", workers: 1 }),
  });
  const { WORQ_QUEUE: _, ...env } = ownEnv;
  const serve = async (env: Record<string, string>, ...args: string[]) => {
    await using pool = new Running({ ...FROM_SOURCE, env, cwd: folder.path }, ["run", ...args]);
    await pool.says(/serving/);
    return pool.err;
  };
  const file = await serve(env);
  match(file, new RegExp(`ready pools=file-.* queues=${a} module=`, "s"));
  const empty = await serve({ ...env, WORQ_QUEUE: "", WORQ_WORKERS: "" });
  match(empty, new RegExp(`ready pools=file-.* queues=${a} module=`, "s"));
  const environment = await serve({ ...env, WORQ_QUEUE: b, WORQ_NAME: "env" });
  match(environment, new RegExp(`ready pools=env-.* queues=${b} module=`, "s"));
  const flag = await serve({ ...env, WORQ_QUEUE: b }, "--queue", c, "--name", "flag");
  match(flag, new RegExp(`ready pools=flag-.* queues=${c} module=`, "s"));
});

for (const kind of ["processes", "threads"]) {
  testOn(redisUrl, `worq run --${kind} --watch takes up a change`, async (url) => {
    const queue = freshName();
    const source = (answer: string) => `export const answer = () => ${JSON.stringify(answer)};\n`;
    await using folder = await folderWith({ "tasks.ts": source("old") });
    const module = join(folder.path, "tasks.ts");
    await using pool = start(url, queue, module, `--${kind}`, "--workers", "1", "--watch");
    await pool.says(/serving/);
    await using q = getQueue(url, { name: queue });
    strictEqual(await (await q.answer()).result(WAIT), "old");
    await writeFile(module, "export const answer = () => {"); // half a file is not the end
    await pool.says(/changed: new workers file=tasks\.ts.*WARN worker ended/s);
    await writeFile(module, source("new"));
    await pool.says(/changed: new workers.*changed: new workers/s);
    strictEqual(await (await q.answer()).result(WAIT), "new");
  });
}

testOn(redisUrl, "SIGINT ends worq run, too, and its workers with it", async (url) => {
  await using pool = start(url, freshName(), SLOW, "--workers", "2", "--log-level", "debug");
  await pool.says(/worker ready.*worker ready/s);
  const pids = [...pool.err.matchAll(/worker ready .*pid=(\d+)/g)].map(([, pid]) => Number(pid));
  strictEqual(pids.length, 2);
  pool.signal("SIGINT");
  strictEqual((await pool.ended).code, 0);
  for (const pid of pids) await eventually(() => isAlive(pid), (alive) => !alive);
});

Deno.test({
  name: "worq run --allow-… holds workers to it",
  ignore: !isDeno || redisUrl === undefined, // others have no permissions
  async fn() {
    const queue = freshName();
    await using pool = start(redisUrl!, queue, SLOW, "--allow-read", "--workers", "1");
    await pool.says(/serving/);
    await using q = getQueue(redisUrl!, { name: queue });
    const failed = await (await q.hello("x", "HOME")).result(WAIT).catch(String);
    match(failed, /Requires env access to "HOME"/);
  },
});

Deno.test({
  name: "permissions are refused where nothing would hold workers to them",
  ignore: isDeno || redisUrl === undefined, // Deno holds them to it
  async fn() {
    const { code, err } = await worq(FROM_SOURCE, "run", SLOW, "--allow-net", "--url", redisUrl!);
    strictEqual(code, 2);
    match(err, /^worq: --allow-… needs workers that run on Deno: add --runtime deno\n$/);
  },
});

for (const [name, find] of [["deno", findDeno], ["bun", findBun]] as const) {
  const program = find();
  Deno.test({
    name: `worq run --runtime ${name} runs workers on it`,
    ignore: program === undefined || redisUrl === undefined, // not on this machine
    async fn() {
      const queue = freshName();
      await using pool = new Running(
        { ...FROM_SOURCE, env: { ...ownEnv, PATH: runtimesPath() } },
        ["run", SLOW, "--runtime", name, "--workers", "1", "--url", redisUrl!, "--queue", queue],
      );
      await pool.says(/serving/);
      await using q = getQueue(redisUrl!, { name: queue });
      const versions = await (await q.versions()).result(WAIT) as string[];
      ok(versions.includes(name), versions.join());
    },
  });
}

testOn(redisUrl, "a runtime that is not there is told", async (url) => {
  const program = { command: FROM_SOURCE.command, env: { PATH: "/nowhere" } };
  const other = isDeno ? "bun" : "deno";
  const ended = await worq(program, "run", TASKS, "--runtime", other, "--url", url);
  const line = `worq: there is no ${other} on the PATH: install it, or use another --runtime\n`;
  deepStrictEqual(ended, { code: 2, out: "", err: line });
});

Deno.test({
  name: "a pool whose server is gone lives, and is not ready",
  ignore: findRedisServer() === undefined, // it stops one of its own
  async fn() {
    await using server = await RedisServer.start();
    const at = `127.0.0.1:${await freePort()}`;
    await using pool = start(server.url, "default", SLOW, "--workers", "1", "--health", at);
    await pool.says(/INFO serving/);
    await server.stop();
    strictEqual(await textAt(`http://${at}/livez`), "200 ok\n");
    const { code, err } = await worq(FROM_SOURCE, "health", at);
    match(err, /^worq: the pool is not ready: .*\n$/);
    strictEqual(code, 1);
    await server.start();
    await eventually(() => worq(FROM_SOURCE, "health", at), ({ code }) => code === 0);
  },
});

async function textAt(url: string): Promise<string> {
  const response = await fetch(url);
  return `${response.status} ${await response.text()}`;
}
