/** Modules that workers cannot use: the pool says why and where, and takes no task. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { WorqError } from "@worq/worq";
import { eventually } from "./support/eventually.ts";
import { type PoolOptions, type Setting, testWorkers } from "./support/worker_pools.ts";
import { worq } from "./support/worq.ts";

const WAIT = { timeout: 20_000 };
const GOOD = JSON.stringify(new URL("./support/worker_tasks.ts", import.meta.url).href);

/** What can be wrong: the text of a module, and what the reason must have in it. */
const BROKEN: Record<string, { source: string; reason: RegExp; options?: PoolOptions }> = {
  "has a syntax error": {
    source: "export const a = 1;\nexport function init( {",
    reason: /broken\.ts:2|broken\.ts:3|line 2/,
  },
  "imports what is not there": {
    source: 'import "./nowhere.ts";\nexport const init = 1;',
    reason: /nowhere\.ts.*broken\.ts|broken\.ts.*nowhere\.ts/s,
  },
  throws: {
    source: 'export const a = 1;\nthrow new RangeError("not today");',
    reason: /RangeError: not today.*broken\.ts:2/s,
  },
  "throws in init": {
    source: 'export function init() {\n  throw new RangeError("no database");\n}',
    reason: /RangeError: no database.*broken\.ts:2/s,
  },
  "never gets ready": {
    source: "export function init() {\n  return new Promise(() => {});\n}",
    reason: /init\(\) did not return within 200 ms/,
    options: { startTimeout: 200 },
  },
  exits: {
    source: 'import process from "node:process";\nprocess.exit(3);',
    reason: /exited with code 3/,
  },
  "gives no broker": {
    source: "export const init = () => 42;",
    reason: /init\(\) must return a Broker, as getBroker\(\) does; got number/,
  },
  "has no init": {
    source: "export const start = () => 1, stop = () => 1;",
    reason: /the module has no function "init": it exports start, stop/,
  },
};

/** A module with that text. */
function moduleOf({ path }: Setting, source: string): URL {
  const file = join(path(), "..", `${crypto.randomUUID()}-broken.ts`);
  writeFileSync(file, source);
  return pathToFileURL(file);
}

for (const [what, { source, reason, options }] of Object.entries(BROKEN)) {
  testWorkers(`a module that ${what} is told, and takes no task`, async (setting) => {
    const { q, log, start } = setting;
    const told = Promise.withResolvers<Error>();
    const module = moduleOf(setting, source);
    const waiting = await q.add(1, 2);
    const pool = start({ module, workers: 2, onError: told.resolve, ...options });
    const refused = await pool.ready.catch((error) => error);
    ok(refused instanceof WorqError, `${refused}`);
    match(refused.message, /^Cannot start workers of pool pool-.{8} with file:.*-broken\.ts: /);
    match(refused.message, reason);
    match(refused.message, /; failed 5 times in a row, next try in 30 s$/);
    strictEqual(await told.promise, refused, "onError hears of it, too");
    strictEqual(await waiting.status(), "enqueued");
    // Two workers at first, then one at a time: nothing respawns without end.
    const ended = log.of("worker ended").length;
    ok(ended >= 5 && ended <= 6, `${ended} workers`);
    await pool.stop();
    strictEqual(log.of("worker ended").length, ended);
  });
}

testWorkers("a module that fails once is tried again", async (setting) => {
  const { q, log, path, start } = setting;
  const source = `
    import { appendFileSync, existsSync } from "node:fs";
    import { init as good } from ${GOOD};
    const path = ${JSON.stringify(path())};
    if (!existsSync(path)) {
      appendFileSync(path, "");
      throw new Error("not yet");
    }
    export const init = good;`;
  const pool = start({ module: moduleOf(setting, source), workers: 1 });
  await pool.ready;
  strictEqual(await (await q.add(1, 2)).result(WAIT), 3);
  const [failed, ...others] = log.events.filter(({ event }) => event === "worker ended");
  strictEqual(failed?.level, "warn");
  match(String(failed.fields.how), /not yet/);
  deepStrictEqual(others, []);
});

testWorkers("a pool can be stopped while its workers start", async (setting) => {
  const source = "export const init = () => new Promise(() => {});";
  const pool = setting.start({ module: moduleOf(setting, source), workers: 2 });
  const ready = rejects(pool.ready, /Cannot get ready: the pool was stopped/);
  await pool.stop();
  await ready;
  await eventually(() => setting.log.of("worker ended").length, (ended) => ended === 2);
});

Deno.test("a worker process whose program is not there is told", async () => {
  const [evaluate, runtime] = "deno" in process.versions ? ["eval", "bun"] : ["-e", "deno"];
  const source = (more: string) => `
    import { getBroker, ProcessWorkerPool } from "@worq/worq";
    const broker = getBroker("memory://");
    const options = { module: ${GOOD}, workers: 1, runtime: "${runtime}", ${more} };
    const pool = new ProcessWorkerPool(broker, options);
    pool.start();
    await pool.ready.catch((error) => console.log(error.message));
    await pool.stop();`;
  const env = { ...process.env as Record<string, string>, PATH: "/nowhere" };
  for (const more of ["", "prefixOutput: true"]) {
    const program = { command: [process.execPath, evaluate], env };
    const { code, out, err } = await worq(program, source(more));
    match(out, /^Cannot start workers .*: could not be started: .*; failed 5 times in a row/, err);
    strictEqual(code, 0);
  }
});
