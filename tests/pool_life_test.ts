/** The life of a process that runs a pool of workers: signals, sudden ends, output, permissions. */
import { match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getBroker, InlineWorkerPool, ProcessWorkerPool, startPools } from "@worq/worq";
import { isDeno } from "../src/runtime.ts";
import { freshName, redisUrl, testOn, testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { PoolHost, type PoolHostOptions } from "./support/pool_host.ts";
import { KINDS, makePool, MODULE } from "./support/worker_pools.ts";
import { isAlive } from "./support/processes.ts";
import type { tasks } from "./support/worker_tasks.ts";

const WAIT = { timeout: 20_000 };
const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A path in a folder that goes with the test. */
async function inFolder(body: (path: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "worq-life-"));
  try {
    await body((name) => join(folder, name));
  } finally {
    await rm(folder, { recursive: true });
  }
}

for (const kind of KINDS) {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    testOnAll(
      `${kind}: ${signal} lets the running task finish`,
      (url, queue) =>
        inFolder(async (path) => {
          const calls = [["finish", path("gate"), path("file")]] as const;
          await using host = new PoolHost({ kind, url, queue, calls });
          await eventually(() => existsSync(path("file.begun")), (begun) => begun);
          host.kill(signal);
          await eventually(() => host.stderr, (text) => text.includes(`${signal}: stopping`));
          writeFileSync(path("gate"), "");
          strictEqual(await host.ended, 0, host.stderr);
          strictEqual(readFileSync(path("file"), "utf8"), "finished");
          match(host.stdout, /^finish gave ".{8}"\n$/);
        }),
    );
  }

  testOn(
    redisUrl,
    `${kind}: a second signal ends the grace at once`,
    (url) =>
      inFolder(async (path) => {
        const queue = freshName();
        await using broker = getBroker(url, queue);
        const held = await broker.queue<typeof tasks>().finish(path("gate"), path("file"));
        await using host = new PoolHost({ kind, url, queue, pool: { grace: 60_000 } });
        await eventually(() => existsSync(path("file.begun")), (begun) => begun);
        host.kill("SIGTERM");
        await eventually(() => host.stderr, (text) => text.includes("SIGTERM: stopping\n"));
        host.kill("SIGTERM");
        strictEqual(await host.ended, 0, host.stderr);
        match(host.stderr, /SIGTERM: stopping at once\n/);
        strictEqual(await held.status(), "enqueued", "handed back");
        strictEqual((await broker.taskQueue.inspect(held.id))?.losses, 0);
      }),
  );

  testOnAll(
    `${kind}: workers end when their pool is killed, also in a loop`,
    (url, queue) =>
      inFolder(async (path) => {
        const calls = [["who"], ["finish", path("gate"), path("file")], [
          "misbehave",
          "spin",
        ]] as const;
        await using host = new PoolHost({ kind, url, queue, calls, pool: { workers: 3 } });
        await eventually(() => existsSync(path("file.begun")), (begun) => begun);
        const pids = await eventually(
          () => childrenOf(host.pid),
          (pids) => kind === "thread" ? pids.length === 0 : pids.length === 3,
        );
        host.kill("SIGKILL");
        strictEqual(await host.ended, "SIGKILL");
        await eventually(() => pids.filter(isAlive), (alive) => alive.length === 0);
      }),
  );

  testOnAll(
    `${kind}: too many threads that cannot be stopped end the process`,
    async (url, queue) => {
      const calls = [["misbehave", "spin"], ["misbehave", "spin"], ["who"]] as const;
      const pool = { taskTimeout: 100, maxLostWorkers: 1 };
      await using host = new PoolHost({ kind, url, queue, calls, pool });
      if (kind === "thread" && isDeno) {
        strictEqual(await host.ended, 70);
        match(host.stderr, /has lost 2 threads that cannot be stopped.*ProcessWorkerPool/);
        strictEqual(host.stdout.match(/took longer than the taskTimeout/g)?.length, 2);
      } else {
        // What can be stopped is replaced.
        await eventually(() => host.stdout, (text) => text.includes("who gave"));
        strictEqual(host.stdout.match(/took longer than the taskTimeout/g)?.length, 2);
        host.kill("SIGTERM");
        strictEqual(await host.ended, 0);
      }
    },
  );

  Deno.test(`${kind}: what tasks write appears where the pool writes`, async () => {
    const frame = '["done",1,true,"1",0,0]';
    const calls = [["say", frame], ["warn", "careful"], ["add", 1, 2]] as const;
    await using host = new PoolHost({ kind, url: "memory://", queue: "out", calls });
    await eventually(() => host.stdout, (text) => text.includes("add gave"));
    host.kill("SIGTERM");
    await host.ended;
    const lines = host.stdout.split("\n");
    ok(lines.includes(frame));
    ok(lines.includes("add gave 3"));
    ok(host.stderr.split("\n").includes("careful"));
  });
}

Deno.test("prefixOutput says which worker wrote a line", async () => {
  const calls = [["say", "one\ntwo"], ["warn", "careful"], ["add", 1, 2]] as const;
  const pool = { prefixOutput: true, name: "p" };
  await using host = new PoolHost({ kind: "process", url: "memory://", queue: "out", calls, pool });
  await eventually(() => host.stdout, (text) => text.includes("add gave"));
  host.kill("SIGTERM");
  await host.ended;
  match(host.stdout, /^\[p-.{8}:1\] one\n\[p-.{8}:1\] two\n/m);
  match(host.stderr, /^\[p-.{8}:1\] careful$/m);
});

Deno.test("a pool writes one line for each event, and no debugging", async () => {
  await using host = new PoolHost({ kind: "process", url: "memory://", queue: "log" });
  await eventually(() => host.stderr, (text) => text.includes("ready"));
  host.kill("SIGTERM");
  await host.ended;
  const lines = host.stderr.trimEnd().split("\n");
  strictEqual(lines.length, 2, host.stderr);
  match(lines[0]!, /^\d{4}-\S+Z INFO ready pools=/);
  match(lines[1]!, /^\d{4}-\S+Z INFO "?SIGTERM: stopping"?$/);
});

for (const kind of KINDS) {
  testOnAll(
    `${kind}: a pool that is prepared has workers, and takes no tasks`,
    async (url, name) => {
      await using broker = getBroker(url, name);
      const sum = await broker.queue<typeof tasks>().add(1, 2);
      await using pool = makePool(kind, broker, { workers: 1 }).prepare();
      await pool.ready;
      strictEqual(await sum.status(), "enqueued");
      strictEqual(pool.prepare().start(), pool);
      strictEqual(await sum.result(WAIT), 3);
    },
  );
}

Deno.test("a pool that is prepared leaves a core to its own process until it starts", async () => {
  const cores = availableParallelism();
  await using broker = getBroker("memory://life", freshName());
  await using pool = makePool("process", broker, { workers: cores + 1 }).prepare();
  const count = () => pool.cards.get(broker.name)!.workers.length;
  strictEqual(count(), Math.max(1, cores - 1));
  pool.start();
  strictEqual(count(), cores + 1);
});

Deno.test("a pool that was prepared ends without having started", async () => {
  await using broker = getBroker("memory://life", freshName());
  const pool = makePool("process", broker, { workers: 1 }).prepare();
  await pool.ready;
  await pool.stop();
  throws(() => pool.prepare(), /Cannot start pool .*: it was stopped/);
  throws(() => pool.start(), /Cannot start pool .*: it was started before/);
});

Deno.test("startPools() refuses a pool that was started, and stops the others", async () => {
  await using broker = getBroker("memory://life", freshName());
  const started = makePool("process", broker).start();
  const fresh = new InlineWorkerPool(broker);
  await rejects(startPools(fresh, started), /Cannot start pool .*: it was started before/);
  await rejects(startPools(fresh), /it was started before/);
});

Deno.test("permissions need Deno, and are checked", async () => {
  await using broker = getBroker("memory://life", freshName());
  const make = (permissions: unknown) => () =>
    new ProcessWorkerPool(broker, { module: MODULE, permissions: permissions as { env: false } });
  if (!isDeno) {
    return throws(make({ env: false }), /permissions need Deno/);
  }
  throws(make({ nett: true }), /permissions.nett must be one of env, ffi/);
  throws(make({ net: "x" }), /permissions.net must be true, false or a list/);
  throws(make({ net: [1] }), /permissions.net must be true, false or a list/);
});

Deno.test({
  name: "a task that goes beyond its permissions fails, and says which one it needs",
  ignore: !isDeno, // others have no permissions
  fn: () =>
    inFolder(async (path) => {
      writeFileSync(path("data"), "ours");
      writeFileSync(path("secret"), "theirs");
      await using broker = getBroker("memory://life", freshName());
      await using _pool = new ProcessWorkerPool(broker, {
        module: MODULE,
        workers: 1,
        permissions: { read: [path("data")], net: ["127.0.0.1:1"], env: false },
      }).start();
      const q = broker.queue<typeof tasks>();
      strictEqual(await (await q.read(path("data"))).result(WAIT), "ours");
      const refused = async (call: Promise<{ result(options: typeof WAIT): Promise<unknown> }>) => {
        const error = await (await call).result(WAIT).then(() => "allowed", String);
        return /Requires (\w+) access/.exec(error)?.[1] ?? error;
      };
      strictEqual(await refused(q.read(path("secret"))), "read");
      strictEqual(await refused(q.write(path("data"), "x")), "write");
      strictEqual(await refused(q.env("HOME")), "env");
      strictEqual(await refused(q.fetch("http://127.0.0.1:9999/")), "net");
      match(await refused(q.fetch("http://127.0.0.1:1/")), /port 1/, "it may try");
    }),
});

Deno.test({
  name: "workers may what the pool's process may, and no more",
  ignore: !isDeno, // others have no permissions
  fn: () =>
    inFolder(async (path) => {
      writeFileSync(path("data"), "ours");
      const flags = [
        `--allow-read=${ROOT},${path("data")}`,
        "--allow-env",
        `--allow-run=${process.execPath}`,
      ];
      const calls: PoolHostOptions["calls"] = [
        ["read", path("data")],
        ["read", path("other")],
        ["write", path("data"), "x"],
        ["add", 1, 2],
      ];
      const url = "memory://";
      await using host = new PoolHost({ kind: "process", url, queue: "p", calls, flags });
      await eventually(() => host.stdout, (text) => text.includes("add gave"), 20_000);
      match(host.stdout, /read gave "ours"/);
      match(host.stdout, /NotCapable: Requires read access/);
      match(host.stdout, /NotCapable: Requires write access/);
    }),
});

function childrenOf(pid: number): number[] {
  const path = `/proc/${pid}/task/${pid}/children`;
  return existsSync(path)
    ? readFileSync(path, "utf8").trim().split(/\s+/).filter(Boolean).map(Number)
    : [];
}
