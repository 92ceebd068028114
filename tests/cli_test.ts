/** The command, as a process of its own: what it tells, and how it answers mistakes. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };
import { type Deferred, getBroker, InlineWorkerPool, task, withContext } from "@worq/worq";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { prefixOf } from "../src/queues/redis_lua.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { freePort } from "./support/redis_server.ts";
import { type Ended, FROM_SOURCE, Running, worq as run } from "./support/worq.ts";

const EXAMPLES = fileURLToPath(new URL("../examples", import.meta.url));
const TASKS = fileURLToPath(new URL("../examples/tasks.ts", import.meta.url));

const worq = (...args: string[]): Promise<Ended> => run(FROM_SOURCE, ...args);

/** A folder that is gone after the test. */
async function folder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "worq-test-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

Deno.test("worq demo runs the main job in one process", async () => {
  deepStrictEqual(await worq("demo"), { code: 0, out: "0 + 1 + ... + 9 = 45\n", err: "" });
});

testOn(redisUrl, "worq demo runs the main job through Redis, in two processes", async (url) => {
  deepStrictEqual(await worq("demo", url), { code: 0, out: "0 + 1 + ... + 9 = 45\n", err: "" });
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

Deno.test("every command tells how it is used, with examples", async () => {
  const { out } = await worq("--help");
  const commands = out.slice(out.indexOf("Commands:"), out.indexOf("Examples"));
  const names = [...commands.matchAll(/^ {2}([a-z]+) .* {2}/gm)].map(([, name]) => name!)
    .filter((name) => !["version", "help", "completions"].includes(name));
  ok(names.includes("run") && names.includes("bench"), names.join());
  const helps = await Promise.all(names.map((name) => worq(name, "--help")));
  for (const [i, { code, out, err }] of helps.entries()) {
    strictEqual(code, 0);
    strictEqual(err, "");
    match(out, new RegExp(`^Usage: worq ${names[i]} .*\n {2}worq ${names[i]}`, "s"));
  }
});

Deno.test("worq completes its own command line", async () => {
  const { out } = await worq("complete", "--", "run", "--thr");
  match(out, /^--threads\t/);
  strictEqual((await worq("complete", "--", "run", "--pool", "th")).out, "threads\t\n:4\n");
  strictEqual((await worq("complete", "--", "run", "./ta")).out, ":0\n"); // files
  match((await worq("completions", "bash")).out, /complete .*worq/);
});

/** What is wrong, how worq is called, the code and the line that it answers with. */
const MISTAKES: Record<string, [args: string[], code: number, line: RegExp]> = {
  "an unknown command": [["dmo"], 2, /^worq: unknown command 'dmo', did you mean demo\?$/],
  "help for an unknown command": [
    ["help", "rn"],
    2,
    /^worq: unknown command 'rn', did you mean run\?$/,
  ],
  "an unknown flag": [
    ["run", "--wrkers", "2"],
    2,
    /^worq: unknown option '--wrkers', did you mean --workers\?$/,
  ],
  "a rate without a time": [
    ["run", TASKS, "--rate", "10"],
    2,
    /^worq: option '--rate <n\/time>' argument '10' is invalid\. It takes a number for a time, as in 10\/1s\.$/,
  ],
  "weights for other queues": [
    ["run", TASKS, "--queue", "a,b", "--weights", "1"],
    2,
    /^worq: --weights needs as many numbers as there are queues: 2 for a,b$/,
  ],
  "an unknown value": [
    ["run", TASKS, "--pool", "thread"],
    2,
    /'thread' is invalid\. It takes one of .*, did you mean threads\?$/,
  ],
  "a number that is none": [["run", TASKS, "--workers", "0"], 2, /whole number, 1 or more\.$/],
  "too many workers": [["run", TASKS, "--workers", "9999"], 2, /It takes 1024 at most; /],
  "a time without a unit": [
    ["call", "tasks.add", "1", "--timeout", "30"],
    2,
    /It takes a number with a unit \(ms, s, m, h, d\), write 30s for seconds\.$/,
  ],
  "a delay without a unit": [
    ["call", "tasks.add", "1", "--delay", "30"],
    2,
    /It takes a number with a unit \(ms, s, m, h, d\), write 30s for seconds\.$/,
  ],
  "a time that is none": [
    ["call", "tasks.add", "1", "--at", "tomorrow"],
    2,
    /It takes a time as in 2027-01-31T18:00, or with its zone as in 2027-01-31T18:00Z\.$/,
  ],
  "a day that is none": [
    ["call", "tasks.add", "--at", "2027-02-41T18:00"],
    2,
    /It takes a time as/,
  ],
  "an end without a unit": [["call", "tasks.add", "--expires", "30"], 2, /write 30s for seconds/],
  "retries below zero": [["call", "tasks.add", "--retries=-1"], 2, /whole number, 0 or more\.$/],
  "a priority beyond all": [["call", "tasks.add", "--priority", "256"], 2, /number, 0 to 255\.$/],
  "a redrive of nothing": [
    ["redrive"],
    2,
    /^worq: which tasks\? name their ids, or all of them with --all$/,
  ],
  "a discard of some and all": [["discard", "a", "--all"], 2, /with --all, not both$/],
  "dead tasks that nobody shares": [
    ["dead", "--url", "memory://"],
    2,
    /^worq: cannot look at dead tasks on memory:\/\/: /,
  ],
  "a check of what nobody shares": [["fsck", "--url", "memory://"], 2, /cannot check a queue on/],
  "a doctor for what nobody shares": [["doctor", "--url", "memory://"], 2, /look at a server on/],
  "a doctor for no queue": [["doctor", "--queue", "a{b"], 2, /^worq: Cannot open queue "a\{b": /],
  "a doctor who is too strict": [["doctor", "--strct"], 2, /, did you mean --strict\?$/],
  "a limit that is none": [["dead", "--limit", "0"], 2, /It takes a whole number, 1 or more\.$/],
  "an end of no schedule": [["unschedule"], 2, /missing required argument 'names'/],
  "schedules that nobody shares": [["schedules", "--url", "memory://"], 2, /look at schedules on/],
  "two kinds of pool": [["run", TASKS, "--threads", "--inline"], 2, /cannot be used with option/],
  "too many arguments": [["demo", "memory://", "x"], 2, /^worq: too many arguments for 'demo'/],
  "no module": [["run"], 2, /^worq: which tasks\? name a module/],
  "a missing module": [
    ["run", TASKS.replace("tasks.ts", "task.ts")],
    2,
    /^worq: there is no module .*task\.ts, did you mean tasks\.ts\?$/,
  ],
  "a folder as module": [["run", EXAMPLES], 2, /^worq: .* is a folder: name the module in it$/],
  "a bad URL": [["status", "--url", "localhost"], 2, /^worq: Cannot connect to "localhost": not a/],
  "an unknown scheme": [["demo", "http://x"], 2, /unknown scheme "http:\/\/"; expected memory/],
  "a queue that nobody shares": [
    ["call", "tasks.add", "1", "--url", "memory://"],
    2,
    /^worq: cannot call on memory:\/\/: .*; name a redis:\/\/ URL$/,
  ],
  "bad JSON": [["call", "tasks.add", "[1,2"], 2, /^worq: argument 1 is not JSON: [^;]*$/],
  "a text without quotes": [
    ["call", "tasks.num", "1", "seven"],
    2,
    /^worq: argument 2 is not JSON: .*; a text needs quotes: '"seven"'$/,
  ],
  "no name of a task": [["call", "tasks..add"], 2, /^worq: "tasks\.\.add" is no name of a task/],
  "a method in place of a task": [["call", "clear"], 2, /"clear" cannot be the name of a task$/],
  "an address that is none": [["health", "8080"], 2, /It takes \[HOST\]:PORT/],
  "permissions without processes": [
    ["run", TASKS, "--threads", "--allow-net"],
    2,
    /^worq: --allow-… needs processes: leave out --threads$/,
  ],
  "a watch on nothing that can restart": [["run", TASKS, "--inline", "--watch"], 2, /--inline$/],
  "a program in the place of a folder": [
    ["build", TASKS, "-o", EXAMPLES],
    2,
    /examples\/? is a folder: name the file to make with --output$/,
  ],
  "a program in the place of its module": [
    ["build", TASKS, "-o", TASKS],
    2,
    /tasks\.ts is the module itself: name another file with --output$/,
  ],
  "a program that can be nowhere": [
    ["build", "-o", `${TASKS}/x/worq`],
    2,
    /^worq: cannot make the folder /,
  ],
  "a time that no timer can wait": [
    ["status", "--watch", "--interval", "30d"],
    2,
    /It takes at most 24d\.$/,
  ],
  "a settings file that is not there": [
    ["run", TASKS, "--config", "/nowhere.json"],
    2,
    /^worq: cannot read the settings file \/nowhere\.json: /,
  ],
};

for (const [what, [args, code, line]] of Object.entries(MISTAKES)) {
  Deno.test(`worq answers ${what} in one line`, async () => {
    const needsServer = ["--threads", "--inline"].some((flag) => args.includes(flag)) && redisUrl;
    const ended = await worq(...args, ...(needsServer ? ["--url", redisUrl!] : []));
    match(ended.err, /^[^\n]+\n$/);
    match(ended.err.trimEnd(), line);
    deepStrictEqual({ ...ended, err: "" }, { code, out: "", err: "" });
  });
}

Deno.test("worq tells a server that cannot be reached in one line, and with code 3", async () => {
  const port = await freePort();
  const url = `redis://:secret@127.0.0.1:${port}/0`;
  const commands = [
    ["demo", url],
    ["run", TASKS, "--url", url],
    ["call", "tasks.add", "1", "--url", url],
    ["status", "--url", url],
    ["inspect", "x", "--url", url],
    ["why", "x", "--url", url],
    ["cancel", "x", "--url", url],
    ["clear", "--url", url],
    ["dead", "--url", url],
    ["redrive", "--all", "--url", url],
    ["discard", "x", "--url", url],
    ["fsck", "--url", url],
    ["doctor", "--url", url],
  ];
  for (const { code, out, err } of await Promise.all(commands.map((args) => worq(...args)))) {
    match(
      err,
      new RegExp(`^worq: Cannot .*127\\.0\\.0\\.1:${port}: .*; another server: --url\n$`),
    );
    strictEqual(err.includes("secret"), false);
    strictEqual(code, 3);
    strictEqual(out, "");
  }
});

testOn(redisUrl, "worq run tells in one line what it cannot begin with", async (url) => {
  await using dir = await folder();
  const files = {
    "broken.ts": "export function init( {",
    "throws.ts": 'throw new RangeError("not now");',
    "plain.ts": "export const one = () => 1, two = () => 2;",
    "empty.ts": "export const a = 1;",
    "foreign.ts": 'import "no-such-package-anywhere";\nexport const a = () => 1;',
    "worq.json": '{ "workrs": 2 }',
    "number.json": '{ "workers": "many" }',
    "text.json": "workers: 2",
    "object.json": '{ "queue": {} }',
    "array.json": '{ "workers": [2] }',
    "list.json": '{ "runtimeArgs": [1] }',
    "kinds.json": '{ "processes": true, "prefixOutput": true }',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir.path, name), text);
  const at = (name: string) => join(dir.path, name);
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const { port } = taken.address() as { port: number };
  const cases: [args: string[], line: RegExp][] = [
    [[at("broken.ts")], /cannot run .*broken\.ts: .*broken\.ts:1/],
    [[at("broken.ts"), "--inline"], /cannot run .*broken\.ts: .*broken\.ts:1/],
    [[at("throws.ts"), "--inline"], /cannot run .*: RangeError: not now \(at .*throws\.ts:1/],
    [[at("empty.ts"), "--inline"], /cannot run .*: the module has no tasks: export functions/],
    [[at("empty.ts")], /cannot run .*: the module has no tasks: export functions, .* a broker$/],
    [[at("foreign.ts")], /imports "no-such-package-anywhere".* --runtime .* worq build/],
    [[TASKS, "--config", at("worq.json")], /unknown name "workrs", did you mean workers\?$/],
    [[TASKS, "--config", at("number.json")], /has workers: "many"\. It takes a whole number/],
    [[TASKS, "--config", at("text.json")], /text\.json is not JSON/],
    [[TASKS, "--config", at("object.json")], /has queue: {}\. It takes a text, or a list of texts/],
    [[TASKS, "--config", at("array.json")], /has workers: \[2\]\. It takes a text or a number/],
    [[TASKS, "--config", at("list.json")], /has runtimeArgs: \[1\]\. It takes texts/],
    [[TASKS, "--config", at("kinds.json"), "--threads"], /--prefix-output needs processes/],
    [[""], /which module\? its name is empty/],
    [[TASKS, "--health", `127.0.0.1:${port}`], new RegExp(`127.0.0.1:${port}: the port is taken`)],
    [[TASKS, "--init", "start"], /has no function "start": it exports init/],
    [[at("plain.ts"), "--init", "start"], /has no function "start": it exports one, two \(/],
  ];
  for (const [args, line] of cases) {
    const workers = args.includes("--inline") ? [] : ["--workers", "1"];
    const { code, out, err } = await worq("run", ...args, "--url", url, ...workers);
    match(err, /^worq: [^\n]+\n$/);
    match(err.trimEnd(), line);
    strictEqual(out, "");
    strictEqual(code, 2);
  }
  taken.close();
});

testOn(redisUrl, "worq call, status, inspect, cancel and clear see one queue", async (url) => {
  const queue = freshName();
  const at = ["--url", url, "--queue", queue];
  const id = (await worq("call", "shop.pay", '{"cents":[1,2]}', "--no-wait", ...at)).out.trim();
  match(id, /^[\w.]+$/); // an id that looks like an option could not be named
  const stats = async () => JSON.parse((await worq("status", "--json", ...at)).out);
  deepStrictEqual(await stats(), {
    queue,
    pending: 0,
    scheduled: 0,
    ready: 1,
    leased: 0,
    idle: 0,
    unsettled: 0,
    dead: 0,
    paused: false,
  });
  match((await worq("status", "--url", url)).out, new RegExp(`${queue} +0 +0 +1 +0 +0 +0\n`));
  deepStrictEqual(JSON.parse((await worq("inspect", id, "--json", ...at)).out), {
    id,
    queue,
    status: "enqueued",
    task: "shop.pay",
    args: [{ cents: [1, 2] }],
  });
  const why = await worq("why", id, ...at);
  strictEqual(why.out, `shop.pay ${id} waits because no pool serves queue "${queue}"\n`);
  strictEqual(JSON.parse((await worq("why", id, "--json", ...at)).out).cause, "no pool");
  await using broker = getBroker(url, queue);
  const traced = await withContext({ traceId: "1" }, () => broker.queue().shop.pay(1));
  const { context } = JSON.parse((await worq("inspect", traced.id, "--json", ...at)).out);
  deepStrictEqual(context, { traceId: "1" });
  await traced.cancel();
  const late = await worq("call", "shop.pay", "1", "--timeout", "1ms", ...at);
  strictEqual(late.code, 4);
  match(late.err, /^worq: Cannot get the result of shop\.pay .*: none after 1 ms/);
  strictEqual((await worq("pause", ...at)).out, `queue "${queue}" is paused\n`);
  match((await worq("status", ...at)).out, new RegExp(`${queue} \\(paused\\) +0 +0 +2 `));
  strictEqual((await worq("resume", ...at)).out, `queue "${queue}" goes on\n`);
  strictEqual((await stats()).paused, false);
  const cancelled = await worq("cancel", id, "nobody", ...at);
  strictEqual(cancelled.out, `${id}  cancelled\nnobody  unknown\n`);
  match(cancelled.err, /^worq: 1 of 2 tasks were not cancelled: .*\n$/);
  strictEqual(cancelled.code, 1);
  match((await worq("inspect", id, ...at)).out, /^status +expired\n.*error +.*cancelled\n$/ms);
  const refused = await worq("clear", ...at);
  match(refused.err, /^worq: this would remove 1 task from queue .*: say so with --yes\n$/);
  strictEqual(refused.code, 2);
  const cleared = await worq("clear", "--yes", ...at);
  deepStrictEqual(cleared, { code: 0, out: `1 task removed from queue "${queue}"\n`, err: "" });
  for (const command of ["inspect", "why"]) {
    const unknown = await worq(command, "nobody", ...at);
    match(unknown.err, /^worq: queue ".*" does not know task nobody: .*\n$/);
    strictEqual(unknown.code, 1);
  }
});

testOn(
  redisUrl,
  "worq call says when a task runs and how often, and inspect tells",
  async (url) => {
    const queue = freshName();
    const at = ["--url", url, "--queue", queue];
    const call = async (...options: string[]) =>
      (await worq("call", "a.b", "--no-wait", ...options, ...at)).out.trim();
    const inspect = async (id: string) =>
      JSON.parse((await worq("inspect", id, "--json", ...at)).out);
    const before = Date.now();
    const [delayed, timed] = await Promise.all([
      call("--delay", "50d", "--priority", "9", "--expires", "60d"),
      call("--at", "2099-01-31T18:00Z", "--retries", "3", "--expires", "2099-02-01T00:00+01:00"),
    ]);
    const { due, priority, expires, ...rest } = await inspect(delayed!);
    deepStrictEqual(rest, { id: delayed, queue, status: "pending", task: "a.b", args: [] });
    strictEqual(priority, 9);
    const days = (time: string) => Math.round((Date.parse(time) - before) / 86_400_000);
    deepStrictEqual([days(due), days(expires)], [50, 60]);
    const record = await inspect(timed!);
    strictEqual(record.due, "2099-01-31T18:00:00.000Z");
    strictEqual(record.expires, "2099-01-31T23:00:00.000Z");
    match((await worq("status", ...at)).out, new RegExp(`${queue} +2 +2 +0 +0 +0 +0\n`));

    await using broker = getBroker(url, queue);
    broker.expose({ fail: () => Promise.reject(new RangeError("no\nmoney")) });
    const again = await task(broker.queue().fail, { retries: 2, backoff: 3_600_000 })();
    await using pool = new InlineWorkerPool(broker).start();
    await eventually(() => broker.taskQueue.inspect(again.id), (task) => task?.failures === 1);
    await pool.stop();
    const facts = await inspect(again.id);
    deepStrictEqual([facts.status, facts.failures, facts.attempts.length], ["pending", 1, 1]);
    ok(Date.parse(facts.due) > before + 3_000_000);
    match(
      (await worq("inspect", again.id, ...at)).out,
      /^failures +1\n.*^attempts +20.*Z {2}failed after \d+ ms in pool-.*: RangeError: no money\n$/ms,
    );
    await broker.clear();
  },
);

testOn(redisUrl, "worq dead, redrive and discard see tasks that failed for good", async (url) => {
  const queue = freshName();
  const at = ["--url", url, "--queue", queue];
  strictEqual((await worq("dead", ...at)).out, "no task is dead in this queue\n");
  await using broker = getBroker(url, queue);
  const fail = (text: string) => Promise.reject(new RangeError(`${text}\nno \x1b[31mmoney`));
  broker.expose({ fail });
  const q = broker.queue<{ fail(text: string): never }>();
  const calls: Deferred<never>[] = [];
  {
    await using _pool = new InlineWorkerPool(broker).start();
    for (const text of ["a", "b", "c", "d"]) {
      const call = await q.fail(text);
      await call.wait({ timeout: 10_000 });
      calls.push(call);
    }
  }
  const [a, b, c, d] = calls.map(({ id }) => id) as [string, string, string, string];
  const list = await worq("dead", "--limit", "3", ...at);
  const [head, ...rows] = list.out.trimEnd().split("\n");
  match(head!, /^ID +TASK +ENDED +ATTEMPTS +ERROR$/);
  deepStrictEqual(rows.map((row) => row.split(/ {2,}/)[0]), [d, c, b]);
  match(rows[0]!, / {2}fail {2}20\d\d-.*Z +1 {2}RangeError: d no money$/);
  strictEqual(list.err, "and 1 more: --limit\n");
  const [row] = (await worq("dead", "--limit", "1", "--json", ...at)).out.trim().split("\n")
    .map((line) => JSON.parse(line));
  deepStrictEqual({ ...row, ended: Date.parse(row.ended) > 0 }, {
    id: d,
    task: "fail",
    ended: true,
    attempts: 1,
    error: "RangeError: d\nno \x1b[31mmoney",
  });
  const full = await worq("dead", a, ...at);
  match(
    full.out,
    /^id +.*^task +fail\nargs +\["a"\]\n.*^stack +RangeError: a\n.*^attempts +20.*$/ms,
  );
  const { attempts, error } = JSON.parse((await worq("dead", a, "--json", ...at)).out);
  deepStrictEqual([attempts.length, attempts[0].text], [1, error]);
  const unknown = await worq("dead", "nobody", ...at);
  match(unknown.err, /^worq: task nobody is not among the dead of queue ".*"; another queue: /);
  deepStrictEqual([unknown.code, unknown.out], [1, ""]);

  const redriven = await worq("redrive", a, "nobody", ...at);
  strictEqual(redriven.out, `${a}  redriven\nnobody  unknown\n`);
  match(redriven.err, /^worq: 1 of 2 tasks were not redriven: not among the dead of queue, or /);
  strictEqual(redriven.code, 1);
  match((await worq("status", ...at)).out, new RegExp(`${queue} +0 +0 +1 +0 +3 +0\n`));
  const discarded = await worq("discard", b, "nobody", "--json", ...at);
  deepStrictEqual(discarded.out.trim().split("\n").map((line) => JSON.parse(line)), [
    { id: b, answer: "discarded" },
    { id: "nobody", answer: "unknown" },
  ]);
  strictEqual(discarded.code, 1);
  const refused = await worq("redrive", "--all", ...at);
  match(refused.err, /^worq: this would enqueue 2 tasks of queue ".*" again: say so with --yes\n$/);
  strictEqual(refused.code, 2);
  match((await worq("discard", "--all", ...at)).err, /^worq: this would drop 2 tasks of queue/);
  const some = await worq("redrive", "--all", "--yes", ...at);
  deepStrictEqual(some, { code: 0, out: `2 tasks redriven in "${queue}"\n`, err: "" });
  const none = await worq("discard", "--all", ...at);
  deepStrictEqual(none, { code: 0, out: `0 tasks discarded from "${queue}"\n`, err: "" });
  await broker.clear();
});

testOn(redisUrl, "worq fsck tells what is wrong with a queue, and repairs it", async (url) => {
  const queue = freshName();
  const at = ["--url", url, "--queue", queue];
  const sound = { code: 0, out: `queue "${queue}" is sound\n`, err: "" };
  await using broker = getBroker(url, queue);
  await broker.queue().one();
  deepStrictEqual(await worq("fsck", ...at), sound);
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  try {
    await client.send("UNLINK", [`${prefixOf(queue)}ready`]);
    await client.send("SET", [`${prefixOf(queue)}mine\x1b[31m`, "1"]);
    const found = await worq("fsck", ...at);
    const [head, ...rows] = found.out.trimEnd().split("\n");
    match(head!, /^INVARIANT +ID +STATE +PROBLEM$/);
    match(rows.sort()[0]!, /^owner +mine\S* +no repair +it is nothing that worq makes$/);
    match(rows[1]!, /^place +\S+ +can be repaired +it is in no place, .*: puts it back$/);
    strictEqual(
      found.err,
      `worq: 2 findings in queue "${queue}"; --repair repairs 1 of them\n`,
    );
    strictEqual(found.code, 1);
    const refused = await worq("fsck", "--repair", ...at);
    match(refused.err, /^worq: this would repair 1 finding of queue ".*": say so with --yes\n$/);
    strictEqual(await broker.size(), 0);
    const some = await worq("fsck", "--repair", "--yes", ...at);
    match(some.out, /^place +\S+ +repaired +it is in no place/m);
    strictEqual(some.err, `worq: 1 finding in queue "${queue}" could not be repaired\n`);
    strictEqual(some.code, 1);
    strictEqual(await broker.size(), 1);
    const left = await worq("fsck", "--json", ...at);
    deepStrictEqual(JSON.parse(left.out), {
      invariant: "owner",
      id: "mine\x1b[31m",
      problem: "it is nothing that worq makes",
      repaired: false,
    });
    match(left.err, /^worq: 1 finding in queue ".*", which nothing repairs\n$/);
    await client.send("UNLINK", [`${prefixOf(queue)}mine\x1b[31m`]);
    deepStrictEqual(await worq("fsck", "--repair", ...at), sound);
  } finally {
    await client.close();
  }
  await broker.clear();
});

testOn(redisUrl, "worq status --watch goes on until it is told to end", async (url) => {
  const queue = freshName();
  const args = [
    "status",
    "--watch",
    "--interval",
    "10ms",
    "--json",
    "--queue",
    queue,
    "--url",
    url,
  ];
  await using watching = new Running(FROM_SOURCE, args);
  await watching.says(/"ready":0/);
  await worq("call", "a.b", "1", "--no-wait", "--url", url, "--queue", queue);
  await watching.says(/"ready":1/);
  watching.signal("SIGINT");
  strictEqual((await watching.ended).err, "");
});

Deno.test("worq bench gives figures, for people and for programs", async () => {
  match((await worq("bench", "--tasks", "200")).out, /^[\d,]+ tasks a second, .*\n[\d.]+ ms .*\n$/);
  const { tasksPerSecond, ...rest } = JSON.parse((await worq("bench", "--json")).out);
  ok(tasksPerSecond > 0);
  deepStrictEqual(Object.keys(rest), ["roundTripMedian", "roundTrip99"]);
});
