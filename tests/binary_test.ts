/**
 * The compiled `worq`, in an empty environment: what it is made of, what it finds, what it runs.
 *
 * Bun makes one anywhere. Deno needs its base binary, which `DENORT_BIN` names or Deno downloads;
 * without that, what Deno would put in is checked, and the test says so.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getQueue } from "@worq/worq";
import config from "../deno.json" with { type: "json" };
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { findBun, findDeno, removeAtEnd, runtimesPath } from "./support/runtimes.ts";
import { FROM_SOURCE, type Program, Running, worq } from "./support/worq.ts";

const EXAMPLES = fileURLToPath(new URL("../examples", import.meta.url));
const WAIT = { timeout: 30_000 };
const KINDS = ["processes", "threads", "inline"] as const;

const folder = await mkdtemp(join(tmpdir(), "worq-binary-"));
removeAtEnd(folder);
const bun = findBun();
const deno = findDeno();

/** The environment of this process, with the runtimes alone on its PATH. */
const withRuntimes = { ...process.env, PATH: runtimesPath() } as Record<string, string>;

/** A binary that is built once, by the first test that wants it. */
function binary(name: string, ...args: string[]): () => Promise<Program> {
  let built: Promise<Program> | undefined;
  const output = join(folder, name);
  return () =>
    built ??= worq({ ...FROM_SOURCE, env: withRuntimes }, "build", "-o", output, ...args)
      .then(({ code, err }) => {
        strictEqual(code, 0, err);
        // Nothing at all: no PATH, no HOME.
        return { command: [output], env: {}, cwd: tmpdir() };
      });
}

const bunBinary = binary("worq", "--runtime", "bun");

/** Files for one test, in a place without packages or settings. */
async function folderWith(files: Record<string, string>) {
  const path = await mkdtemp(join(tmpdir(), "worq-test-"));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function testBinary(name: string, body: (url: string) => Promise<void>): void {
  testOn(bun === undefined ? undefined : redisUrl, `binary: ${name}`, body);
}

/** The seed's example, end to end: ten numbers in parallel, and their sum. */
async function runExample(program: Program, url: string, ...args: string[]): Promise<void> {
  const queue = freshName();
  await using pool = new Running(program, ["run", ...args, "--url", url, "--queue", queue]);
  await pool.says(/INFO serving tasks=tasks\.num,tasks\.add /);
  await using q = getQueue(url, { name: queue });
  const numbers = Array.from({ length: 10 }, (_, i) => q.tasks.num(`${i}`));
  strictEqual(await (await q.tasks.add(numbers)).result(WAIT), 45);
  const called = await worq(
    program,
    "call",
    "tasks.add",
    "[1,2,3]",
    "--url",
    url,
    "--queue",
    queue,
  );
  deepStrictEqual(called, { code: 0, out: "6\n", err: "" });
  pool.signal("SIGTERM");
  strictEqual((await pool.ended).code, 0);
}

testBinary("it is worq, with nothing around it", async () => {
  const program = await bunBinary();
  deepStrictEqual(await worq(program, "version"), { code: 0, out: `${config.version}\n`, err: "" });
  const demo = await worq(program, "demo");
  deepStrictEqual(demo, { code: 0, out: "0 + 1 + ... + 9 = 45\n", err: "" });
});

testBinary("demo through Redis starts itself again for the worker", async (url) => {
  const demo = await worq(await bunBinary(), "demo", url);
  deepStrictEqual(demo, { code: 0, out: "0 + 1 + ... + 9 = 45\n", err: "" });
});

for (const kind of KINDS) {
  testBinary(`run --${kind} runs the example of the seed`, async (url) => {
    await using there = await folderWith({});
    await cp(join(EXAMPLES, "tasks.ts"), join(there.path, "tasks.ts"));
    await runExample(await bunBinary(), url, join(there.path, "tasks.ts"), `--${kind}`);
  });

  testBinary(
    `with --${kind} a module finds the worq inside, under each of its names`,
    async (url) => {
      const [major, minor] = config.version.split(".");
      // Another copy has no task of the moment, so this tells the two apart.
      const source = (name: string) => `
      import { currentTask } from "${name}";
      import { name } from "./part.ts";
      enum Answer { yes = "yes" } // TypeScript, not only its types
      export const who = () => [currentTask().name, name(), Answer.yes];`;
      await using there = await folderWith({
        "tasks.ts": source("@worq/worq"),
        "jsr.ts": source("jsr:@worq/worq"),
        "version.ts": source(`jsr:@worq/worq@^${major}.${minor}`),
        "part.ts": `
        import { currentTask } from "@worq/worq";
        import { encodeMessage } from "@worq/worq/backend";
        import { tracing } from "@worq/worq/otel";
        import { dashboard } from "@worq/worq/dashboard";
        export const name = () =>
          currentTask().name + [encodeMessage, tracing, dashboard].map((one) => typeof one);`,
        "node_modules/@worq/worq/package.json": '{ "name": "@worq/worq", "main": "index.js" }',
        "node_modules/@worq/worq/index.js": "export const currentTask = () => ({ name: 'wrong' });",
      });
      for (const file of ["tasks.ts", "jsr.ts", "version.ts"]) {
        const queue = freshName();
        const args = ["run", join(there.path, file), `--${kind}`, "--url", url, "--queue", queue];
        await using pool = new Running(await bunBinary(), [...args]);
        await pool.says(/serving/);
        await using q = getQueue(url, { name: queue });
        deepStrictEqual(await (await q.who()).result(WAIT), [
          "who",
          "whofunction,function,function",
          "yes",
        ]);
      }
    },
  );

  testBinary(`with --${kind} an import that it has not tells the ways out`, async (url) => {
    const { "tasks.ts": source } = foreign;
    await using there = await folderWith({ "tasks.ts": source });
    const args = ["run", join(there.path, "tasks.ts"), `--${kind}`, "--url", url];
    const { code, out, err } = await worq(await bunBinary(), ...args);
    match(err, /^worq: .*imports "leftish", which is not in worq.* --runtime .* worq build .*\n$/);
    deepStrictEqual({ code, out }, { code: 2, out: "" });
  });

  testBinary(`with --${kind} a module finds the packages beside it`, async (url) => {
    await using there = await folderWith(foreign);
    const queue = freshName();
    const args = ["run", join(there.path, "tasks.ts"), `--${kind}`, "--url", url];
    await using pool = new Running(await bunBinary(), [...args, "--queue", queue]);
    await pool.says(/serving/);
    await using q = getQueue(url, { name: queue });
    strictEqual(await (await q.pad("a")).result(WAIT), "<apad");
  });
}

testBinary("dashboard has its page inside", async (url) => {
  const args = ["dashboard", "--url", url, "--queue", freshName(), "--listen", "127.0.0.1:0"];
  await using running = new Running(await bunBinary(), args);
  await running.says(/serving/);
  const at = running.out.trim();
  const html = await (await fetch(at)).text();
  const assets = [...html.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, path]) => path!);
  ok(assets.length > 0, html);
  for (const path of assets) {
    const asset = await fetch(at + path);
    strictEqual(asset.status, 200, path);
    ok((await asset.text()).length > 0, path);
  }
});

/** A module with a package of its own. */
const foreign = {
  "tasks.ts": `
    import left from "leftish";
    import { currentTask } from "@worq/worq";
    export const pad = (text: string): string => left(text) + currentTask().name;
    export const runtimes = () => Object.keys(process.versions);`,
  "deno.json": '{ "nodeModulesDir": "manual" }',
  "package.json": '{ "type": "module", "dependencies": { "leftish": "*" } }',
  "node_modules/leftish/package.json": '{ "name": "leftish", "main": "lib/left.js" }',
  "node_modules/leftish/lib/left.js": 'module.exports = (text) => "<" + text;',
};

for (const [name, path] of [["deno", deno], ["bun", bun]] as const) {
  testOn(
    path === undefined || bun === undefined ? undefined : redisUrl,
    `binary: --runtime ${name} gives a module the packages of its own`,
    async (url) => {
      await using there = await folderWith(foreign);
      const queue = freshName();
      const program = { ...await bunBinary(), env: { PATH: withRuntimes.PATH!, HOME: there.path } };
      const args = ["run", join(there.path, "tasks.ts"), "--runtime", name, "--workers", "1"];
      await using pool = new Running(program, [...args, "--url", url, "--queue", queue]);
      await pool.says(/serving/);
      await using q = getQueue(url, { name: queue });
      strictEqual(await (await q.pad("a")).result(WAIT), "<apad");
      ok((await (await q.runtimes()).result(WAIT) as string[]).includes(name));
    },
  );
}

testBinary("worq build puts a module and its packages into a binary", async (url) => {
  await using there = await folderWith(foreign);
  // Made by the binary itself: what it needs for that is inside.
  const maker = { ...await bunBinary(), env: withRuntimes };
  const output = join(folder, "mine");
  const made = await worq(
    maker,
    "build",
    join(there.path, "tasks.ts"),
    "-o",
    output,
    "--runtime",
    "bun",
  );
  strictEqual(made.code, 0, made.err);
  match(made.err, /^\S+mine: [\d.]+ MB\n$/);
  await rm(there.path, { recursive: true });
  for (const kind of KINDS) {
    const queue = freshName();
    const program = { command: [output], env: {}, cwd: tmpdir() };
    await using pool = new Running(program, ["run", `--${kind}`, "--url", url, "--queue", queue]);
    await pool.says(/serving tasks=pad,runtimes /);
    await using q = getQueue(url, { name: queue });
    strictEqual(await (await q.pad("a")).result(WAIT), "<apad");
  }
  const elsewhere = await worq(
    { command: [output], env: withRuntimes },
    ...["run", "--runtime", "deno", "--url", url],
  );
  match(elsewhere.err, /^worq: --runtime needs a module on disk: .*\n$/);
});

testBinary("what no worker could be held to is refused", async (url) => {
  const args = ["run", join(EXAMPLES, "tasks.ts"), "--allow-net", "--url", url];
  const { code, err } = await worq(await bunBinary(), ...args);
  match(err, /^worq: --allow-… needs workers that run on Deno: add --runtime deno\n$/);
  strictEqual(code, 2);
});

testBinary("what cannot be built is told", async () => {
  const none = await worq({ ...await bunBinary(), env: {} }, "build", "-o", join(folder, "none"));
  match(none.err, /^worq: there is no (deno|bun) on the PATH: install it, .*\n$/);
  strictEqual(none.code, 2);
  await using there = await folderWith({ "tasks.ts": 'import "nowhere";' });
  const broken = await worq(
    { ...await bunBinary(), env: withRuntimes },
    ...["build", join(there.path, "tasks.ts"), "-o", join(folder, "none"), "--runtime", "bun"],
  );
  match(broken.err, /^worq: bun build failed with code 1:\n.*Could not resolve: "nowhere"/s);
  strictEqual(broken.code, 2);
  strictEqual(existsSync(join(folder, "none")), false);
});

testOn(deno === undefined ? undefined : redisUrl, "binary by deno compile", async (url) => {
  const output = join(folder, "worq-deno");
  const args = ["build", "-o", output, "--runtime", "deno", "--verbose"];
  const made = await worq({ ...FROM_SOURCE, env: withRuntimes }, ...args);
  if (made.code === 0) {
    console.log("deno compile: built, and run");
    const program = { command: [output], env: {}, cwd: tmpdir() };
    strictEqual((await worq(program, "version")).out, `${config.version}\n`);
    for (const kind of KINDS) {
      await runExample(program, url, join(EXAMPLES, "tasks.ts"), `--${kind}`);
    }
    return;
  }
  match(made.err, /Setting up base binary|denort/);
  console.log("deno compile: its base binary cannot be had here; what would be in it is checked");
  const env = { ...withRuntimes, DENORT_BIN: "/bin/true" };
  const { code, err } = await worq({ ...FROM_SOURCE, env }, ...args);
  strictEqual(code, 0, err);
  const embedded = err.slice(err.indexOf("Embedded Files"));
  const parts = ["mod", "backend", "testing", "otel", "dashboard"];
  for (const file of ["main", "cli", "thread_worker", "process_worker", ...parts]) {
    match(embedded, new RegExp(`─ ${file}\\.js `));
  }
  match(embedded, /─ kit\.json /);
});
