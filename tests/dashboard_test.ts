/** The dashboard's server: what each address answers, to whom, and what it costs the queue's server. */
import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { currentTask, getBroker, InlineWorkerPool, task, withContext } from "@worq/worq";
import { type Dashboard, dashboard, type DashboardOptions } from "@worq/worq/dashboard";
import { Board } from "../src/dashboard/board.ts";
import { Events } from "../src/dashboard/events.ts";
import { Looks } from "../src/dashboard/overview.ts";
import { Redaction } from "../src/dashboard/redaction.ts";
import { DEFAULT_POLICY, encodeMessage } from "../src/message.ts";
import { serveWeb } from "../src/cli/web_server.ts";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { freshName, redisUrl, testOn, testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { findRedisServer, RedisServer } from "./support/redis_server.ts";
import { FROM_SOURCE, Running, worq } from "./support/worq.ts";

const HERE = "http://localhost";

/** What an address answers, as JSON. */
// deno-lint-ignore no-explicit-any -- it is JSON, of many kinds
async function json(page: Dashboard, path: string, status = 200): Promise<any> {
  const response = await page(new Request(HERE + path));
  const text = await response.text();
  strictEqual(response.status, status, text);
  match(response.headers.get("content-type")!, /^application\/json/);
  strictEqual(response.headers.get("cache-control"), "no-store");
  strictEqual(response.headers.get("x-content-type-options"), "nosniff");
  return JSON.parse(text);
}

/** What an action needs besides its text. */
async function actionToken(page: Dashboard, headers = {}): Promise<string> {
  const html = await (await page(new Request(`${HERE}/`, { headers }))).text();
  return /<meta name="worq-token" content="([\w-]{20,})"/.exec(html)![1]!;
}

async function act(page: Dashboard, body: unknown, headers: Record<string, string> = {}) {
  const all = { "x-worq-token": await actionToken(page), ...headers };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const request = new Request(`${HERE}/api/action`, { method: "POST", headers: all, body: text });
  const response = await page(request);
  return [response.status, await response.json()];
}

/** A queue with a task in every place, and a dashboard of it. */
async function world(url: string, name: string, options: DashboardOptions = {}) {
  const stack = new AsyncDisposableStack();
  const gate = Promise.withResolvers<void>();
  const broker = stack.use(getBroker(url, name)).expose({
    slow: async () => {
      currentTask().progress(0.4, "page 4 of 10");
      currentTask().log("began");
      await gate.promise;
    },
    fails(_login: unknown) {
      throw new Error("out of paper");
    },
    login: (_user: string, _login: unknown) => ({ user: "ann", sessionToken: "t0ps3cret" }),
    add: (a: unknown, b: unknown) => [a, b],
    later: () => 1,
    mail: () => 2,
  });
  const pool = stack.use(new InlineWorkerPool(broker, { concurrency: 1, name: "own" }).start());
  stack.defer(() => gate.resolve());
  const q = broker.queue();
  const login = await withContext(
    { tenant: "t1", cookie: "c00kie" },
    () => q.login("ann", { password: "hunter2", note: "<b>" }),
  );
  await login.result();
  const failed = await q.fails({ apiKey: "k3y" });
  await failed.wait();
  const slow = await q.slow();
  await eventually(() => broker.taskQueue.stats(), ({ leased }) => leased === 1);
  const mail = await q.mail();
  const sum = await q.add(slow, mail);
  const later = await task(q.later, { delay: 3_600_000 })();
  const page = stack.use(dashboard(broker, options));
  return {
    ...{ broker, pool, gate, page, name, login, failed, slow, mail, sum, later },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

testOnAll("dashboard: the overview has queues and pools", async (url, queue) => {
  await using there = await world(url, queue);
  await eventually(() => there.broker.pools(), ([card]) => card?.running === 1);
  const { now, readOnly, server, queues, pools, error } = await json(there.page, "/api/overview");
  ok(Math.abs(Date.now() - now) < 60_000);
  deepStrictEqual([readOnly, error, queues.length], [false, undefined, 1]);
  match(server, /^(memory|redis):\/\/[^#@]*$/);
  const [{ name, stats, rates }] = queues;
  deepStrictEqual(
    [name, stats.pending, stats.scheduled, stats.ready, stats.leased, stats.dead],
    [queue, 2, 1, 1, 1, 1],
  );
  deepStrictEqual(Object.keys(rates), ["done", "failed", "p50", "p99"]);
  deepStrictEqual([pools.length, pools[0].kind, "tallies" in pools[0]], [1, "inline", false]);
  deepStrictEqual(
    pools[0].tasks.map(({ id, queue }: { id: string; queue: string }) => [id, queue]),
    [
      [there.slow.id, queue],
    ],
  );
  const metrics = await there.page(new Request(`${HERE}/metrics`));
  match(metrics.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  match(await metrics.text(), /^worq_tasks\{queue=".*",place="running"\} 1$/m);
});

testOnAll("dashboard: tasks are listed by place, page and name", async (url, queue) => {
  await using there = await world(url, queue);
  const { page } = there;
  const list = (place: string, more = "") =>
    json(page, `/api/tasks?queue=${queue}&place=${place}${more}`);
  const ids = async (place: string, more = "") =>
    (await list(place, more)).tasks.map(({ id }: { id: string }) => id);
  deepStrictEqual(await ids("ready"), [there.mail.id]);
  deepStrictEqual(await ids("pending", "&name=AD"), [there.sum.id]);
  const [running] = (await list("running")).tasks;
  const { since, ...rest } = running;
  ok(Math.abs(since - Date.now()) < 60_000);
  deepStrictEqual(rest, {
    ...{ id: there.slow.id, name: "slow", status: "processing", args: "[]", pool: there.pool.id },
  });
  const [scheduled] = (await list("scheduled")).tasks;
  ok(scheduled.due > Date.now() + 3_000_000);
  const { total, next, scanned, tasks: [dead] } = await list("dead");
  deepStrictEqual([total, next, scanned], [1, null, 1]);
  deepStrictEqual(
    [dead.name, dead.status, dead.args, dead.error, dead.pool],
    ["fails", "failed", '[{"apiKey":"•••"}]', "Error: out of paper", there.pool.id],
  );
  const [sum] = (await list("pending", "&name=add")).tasks;
  match(sum.args, /^\["\(the result of \S+\)","\(the result of \S+\)"\]$/);

  const q = there.broker.queue();
  await Promise.all(Array.from({ length: 11 }, (_, i) => i % 4 === 0 ? q.odd(i) : q.mail(i)));
  const first = await list("ready", "&count=5");
  deepStrictEqual([first.total, first.next, first.scanned, first.tasks.length], [12, 5, 5, 5]);
  const last = await list("ready", "&count=5&from=10");
  deepStrictEqual([last.from, last.next, last.tasks.length], [10, null, 2]);
  const hits = await list("ready", "&name=odd&count=2");
  deepStrictEqual([hits.total, hits.tasks.length, hits.next, hits.scanned], [null, 2, 6, 6]);
  const others = await list("ready", `&name=odd&count=2&from=${hits.next}`);
  deepStrictEqual([others.tasks.length, others.next], [1, null]);
  deepStrictEqual(await ids("ready", "&from=1000000"), []);
});

testOnAll(
  "dashboard: a search stops after 5,000 tasks and says where to go on",
  async (url, queue) => {
    await using broker = getBroker(url, queue);
    await using page = dashboard(broker);
    const q = broker.queue();
    await Promise.all(Array.from({ length: 5_200 }, (_, i) => i === 5_100 ? q.rare() : q.mail(i)));
    const path = `/api/tasks?queue=${queue}&place=ready&name=rare`;
    const { tasks, next, scanned } = await json(page, path);
    deepStrictEqual([tasks, next, scanned], [[], 5_000, 5_000]);
    strictEqual((await json(page, `${path}&from=${next}`)).tasks.length, 1);
    await broker.clear();
  },
);

testOnAll("dashboard: a task is told with all that is known of it", async (url, queue) => {
  await using there = await world(url, queue);
  const told = (id: string) =>
    json(there.page, `/api/task?queue=${queue}&id=${encodeURIComponent(id)}`);
  const login = await told(there.login.id);
  deepStrictEqual(
    [login.name, login.status, JSON.parse(login.result), login.error, login.why.cause, login.dead],
    ["login", "success", { user: "ann", sessionToken: "•••" }, null, "over", false],
  );
  const slow = await eventually(() => told(there.slow.id), ({ log }) => log.length === 1);
  deepStrictEqual(
    [slow.name, slow.status, slow.pool, slow.why.cause, slow.result, slow.ended, slow.refs],
    ["slow", "processing", there.pool.id, "running", null, null, 1],
  );
  deepStrictEqual([slow.progress.part, slow.progress.text], [0.4, "page 4 of 10"]);
  deepStrictEqual([slow.log[0].text, typeof slow.log[0].at], ["began", "number"]);
  const sum = await told(there.sum.id);
  deepStrictEqual([sum.needs, sum.status, sum.why.cause], [2, "pending", "results"]);
  deepStrictEqual(JSON.parse(sum.args)[0], `(the result of ${there.slow.id})`);
  const failed = await told(there.failed.id);
  deepStrictEqual(
    [failed.name, failed.status, failed.dead, JSON.parse(failed.args)],
    ["fails", "failed", true, [{ apiKey: "•••" }]],
  );
  strictEqual(failed.error.text, "Error: out of paper");
  match(failed.error.stack, /dashboard_test/);
  await there.later.cancel();
  const { name, status, args } = await told(there.later.id);
  deepStrictEqual([name, status, args], ["later", "expired", null]);
  match((await json(there.page, `/api/task?queue=${queue}&id=none`, 404)).error, /does not know/);
});

testOnAll("dashboard: a dead task is told when its outcome is gone", async (url, queue) => {
  await using broker = getBroker(url, queue).expose({
    fails: (_: string) => {
      throw new Error("no");
    },
  });
  await using _pool = new InlineWorkerPool(broker).start();
  await using page = dashboard(broker);
  const { id } = await task(broker.queue().fails, { resultTimeout: 1 })("x");
  await eventually(() => broker.taskQueue.inspect(id), (record) => record === undefined);
  const { name, status, args, error, attempts, ended } = await json(
    page,
    `/api/task?queue=${queue}&id=${id}`,
  );
  deepStrictEqual([name, status, JSON.parse(args), error.text], [
    "fails",
    "failed",
    ["x"],
    "Error: no",
  ]);
  deepStrictEqual([attempts.length, attempts[0].kind, typeof ended], [1, "failed", "number"]);
});

testOnAll("dashboard: a graph has the tasks around one", async (url, queue) => {
  await using broker = getBroker(url, queue);
  await using page = dashboard(broker);
  const q = broker.queue();
  const [a, b] = await Promise.all([q.a(), q.b()]);
  const c = await q.c([a, b]);
  const d = await q.d(c);
  const graph = (id: string, depth: number) =>
    json(page, `/api/graph?queue=${queue}&id=${id}&depth=${depth}`);
  const { nodes, edges, more } = await graph(c.id, 1);
  const byName = (one: { name: string }, two: { name: string }) => one.name < two.name ? -1 : 1;
  deepStrictEqual(nodes.sort(byName), [
    { id: a.id, name: "a", status: "enqueued" },
    { id: b.id, name: "b", status: "enqueued" },
    { id: c.id, name: "c", status: "pending", root: true },
    { id: d.id, name: "d", status: "pending" },
  ]);
  deepStrictEqual(edges.sort(), [[a.id, c.id], [b.id, c.id], [c.id, d.id]].sort());
  strictEqual(more, false);
  const near = await graph(d.id, 1);
  deepStrictEqual([near.nodes.length, near.edges, near.more], [2, [[c.id, d.id]], true]);
  deepStrictEqual((await graph(a.id, 3)).nodes.length, 4);
  deepStrictEqual((await graph(a.id, 0)).edges, []);
  await json(page, `/api/graph?queue=${queue}&id=none`, 404);
  await broker.clear();
});

testOnAll("dashboard: a graph has the names of tasks that are over", async (url, queue) => {
  await using broker = getBroker(url, queue).expose({
    sum: (...parts: readonly unknown[]) => parts.length,
    fails() {
      throw new Error("no");
    },
  });
  await using page = dashboard(broker);
  await using _pool = new InlineWorkerPool(broker).start();
  const q = broker.queue();
  const [good, bad] = [await q.sum(), await q.fails()];
  await Promise.all([good.wait(), bad.wait()]);
  const late = await task(q.sum, { delay: 3_600_000, onError: "pass" })(good, bad);
  const { nodes } = await json(page, `/api/graph?queue=${queue}&id=${late.id}`);
  deepStrictEqual(nodes, [
    { id: late.id, name: "sum", status: "pending", root: true },
    { id: good.id, name: "sum", status: "success" },
    { id: bad.id, name: "fails", status: "failed" },
  ]);
  await broker.clear();
  await broker.discard();
});

testOnAll("dashboard: a graph has the tasks of other queues that are shown", async (url, queue) => {
  const there = `${queue}/50%`;
  await using near = getBroker(url, queue);
  await using far = getBroker(url, there).expose({ early: () => 1 });
  await using both = dashboard([near, far]);
  await using one = dashboard(near);
  // Another queue of that name, on another server.
  await using namesake = getBroker("memory://elsewhere", there);
  await using elsewhere = dashboard([near, namesake]);
  const early = await far.queue().early();
  await using pool = new InlineWorkerPool(far).start();
  await early.wait();
  await pool.stop();
  const late = await far.queue().late();
  const sum = await near.queue().sum([early, late, await near.queue().gone()]);
  const graph = async (page: Dashboard) => {
    const { nodes } = await json(page, `/api/graph?queue=${queue}&id=${sum.id}`);
    return nodes.map(({ id: _, ...rest }: { id: string }) => rest);
  };
  deepStrictEqual(await graph(both), [
    { name: "sum", status: "pending", root: true },
    { name: "early", status: "success", queue: there, taskId: early.id },
    { name: "late", status: "enqueued", queue: there, taskId: late.id },
    { name: "gone", status: "enqueued" },
  ]);
  // Of a queue that is not shown nothing is told.
  const standIn = { name: "worq:result", status: "pending" };
  for (const page of [one, elsewhere]) {
    const known = (await graph(page)).slice(1, 3);
    deepStrictEqual(known, [{ ...standIn, status: "success" }, standIn]);
  }
  await near.clear();
  await far.clear();
});

testOnAll("dashboard: each action is done", async (url, queue) => {
  await using there = await world(url, queue);
  const { page, broker } = there;
  const stats = () => broker.taskQueue.stats();
  deepStrictEqual(await act(page, { action: "pause", queue }), [200, { done: 1 }]);
  strictEqual((await json(page, "/api/overview")).queues[0].stats.paused, true);
  deepStrictEqual(await act(page, { action: "resume", queue }), [200, { done: 1 }]);
  strictEqual((await stats()).paused, false);
  const ids = [there.later.id, there.login.id, "none"];
  deepStrictEqual(await act(page, { action: "cancel", queue, ids }), [200, { done: 1 }]);
  strictEqual(await there.later.status(), "expired");
  await act(page, { action: "pause", queue });
  const dead = [there.failed.id];
  deepStrictEqual(await act(page, { action: "redrive", queue, ids: dead }), [200, { done: 1 }]);
  deepStrictEqual(await act(page, { action: "clear", queue }), [200, { done: 3 }]);
  await act(page, { action: "resume", queue });
  there.gate.resolve();
  const failed = await broker.queue().fails(1);
  await failed.wait();
  deepStrictEqual(await act(page, { action: "discard", queue, ids: ["none"] }), [200, { done: 0 }]);
  deepStrictEqual(await act(page, { action: "discard", queue }), [200, { done: 1 }]);
  strictEqual((await stats()).dead, 0);
});

Deno.test("dashboard: actions come from the page, and from nowhere when it is read-only", async () => {
  await using broker = getBroker("memory://acts");
  await using page = dashboard(broker);
  const pause = { action: "pause", queue: "default" };
  const refused = [
    { "x-worq-token": "" },
    { "x-worq-token": "wrong" },
    { origin: "https://evil.example" },
    { origin: "null" },
    { origin: "http://localhost:81" },
  ];
  for (const headers of refused) strictEqual((await act(page, pause, headers))[0], 403);
  strictEqual((await broker.taskQueue.stats()).paused, false);
  strictEqual((await act(page, pause, { origin: HERE }))[0], 200);
  const form = await page(
    new Request(`${HERE}/api/action`, { method: "POST", body: new URLSearchParams({ a: "b" }) }),
  );
  strictEqual(form.status, 403);
  await using other = dashboard(broker, { readOnly: true });
  deepStrictEqual(await act(other, { ...pause, action: "resume" }), [403, {
    error: "this dashboard is read-only",
  }]);
  strictEqual((await json(other, "/api/overview")).readOnly, true);
  strictEqual((await broker.taskQueue.stats()).paused, true);
  await broker.resume();
});

Deno.test("dashboard: without a token it is for names of this machine alone", async () => {
  await using broker = getBroker("memory://hosts");
  await using page = dashboard(broker);
  const status = async (host: string) =>
    (await page(new Request(`http://${host}/api/overview`))).status;
  for (const host of ["localhost", "localhost:4680", "127.0.0.1", "[::1]:99", "worq.localhost"]) {
    strictEqual(await status(host), 200, host);
  }
  for (
    const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1"]
  ) {
    strictEqual(await status(host), 403, host);
  }
  await using open = dashboard(broker, {
    allow: (request) => request.headers.get("x-user") === "ann",
  });
  const visit = async (headers: HeadersInit) =>
    (await open(new Request("http://intra.example/", { headers }))).status;
  deepStrictEqual([await visit({}), await visit({ "x-user": "ann" })], [403, 200]);
});

Deno.test("dashboard: a token is asked for everywhere, and its address gives a cookie", async () => {
  const token = 'a "token"; with=signs é';
  await using broker = getBroker("memory://token");
  await using page = dashboard(broker, { token });
  const at = (path: string, headers: Record<string, string> = {}) =>
    page(new Request(`http://worq.example${path}`, { headers }));
  for (const path of ["/api/overview", "/api/events", "/metrics", "/assets/app.js"]) {
    const answer = await at(path);
    strictEqual(answer.status, 401, path);
    await answer.body?.cancel();
  }
  const locked = await at("/");
  strictEqual(locked.status, 401);
  match(await locked.text(), /needs its token/);
  strictEqual((await at("/?token=wrong")).status, 401);
  strictEqual((await at(`/api/overview?token=${encodeURIComponent(token)}`)).status, 401);
  const entry = await at(`/?token=${encodeURIComponent(token)}`);
  deepStrictEqual([entry.status, entry.headers.get("location")], [303, "./"]);
  const cookie = entry.headers.get("set-cookie")!;
  match(cookie, /; Path=\/; HttpOnly; SameSite=Strict$/);
  const kept = cookie.split("; ")[0]!;
  strictEqual((await at("/", { cookie: `other=1; ${kept}` })).status, 200);
  strictEqual((await at("/", { cookie: kept.replace(/=.*/, "=%") })).status, 401);
  await using simple = dashboard(broker, { token: "s3cret" });
  const bearer = (text: string) =>
    simple(new Request("http://worq.example/", { headers: { authorization: text } }));
  strictEqual((await bearer("Bearer s3cret")).status, 200);
  strictEqual((await bearer("Bearer s3cre")).status, 401);
  const safe = await simple(new Request("https://worq.example/a/?token=s3cret"));
  match(safe.headers.get("set-cookie")!, /; Path=\/a\/; .*; Secure$/);
  throws(() => dashboard(broker, { token: "" }), /the token is empty/);
});

Deno.test("dashboard: the page and its assets cannot be misused, and are kept", async () => {
  await using broker = getBroker("memory://assets");
  await using page = dashboard(broker);
  const index = await page(new Request(`${HERE}/`));
  const policy = index.headers.get("content-security-policy")!;
  match(policy, /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/);
  strictEqual(policy.includes("unsafe"), false);
  strictEqual(index.headers.get("referrer-policy"), "no-referrer");
  const html = await index.text();
  const used = [...html.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, path]) => path!);
  ok(used.length > 0);
  for (const path of used) {
    const asset = await page(new Request(`${HERE}/${path}`));
    strictEqual(asset.status, 200, path);
    match(asset.headers.get("cache-control")!, /immutable/, path);
    await asset.text();
  }
  const head = await page(new Request(`${HERE}/api/events`, { method: "HEAD" }));
  deepStrictEqual([head.status, head.body], [200, null]);
  const etag = (await page(new Request(`${HERE}/assets/app.js`))).headers.get("etag")!;
  const headers = { "if-none-match": etag };
  strictEqual((await page(new Request(`${HERE}/assets/app.js?v=old`, { headers }))).status, 304);
  strictEqual(await actionToken(page) === await actionToken(dashboard(broker)), false);
});

testOnAll(
  "dashboard: whatever names and values are, they stay text in JSON",
  async (url, queue) => {
    const name = `${queue}</script><img src=x onerror=alert(1)>"'&`;
    await using broker = getBroker(url, name);
    await using page = dashboard(broker);
    const args = '[{"__proto__":{"token":"x","a":1},"constructor":"\u2028","toJSON":"<i>"}]';
    const message = encodeMessage({ ...DEFAULT_POLICY, name: "<b>", args, needs: 0 });
    const id = `"><script>${queue}`;
    await broker.taskQueue.enqueue([{ id, message, needs: [] }, {
      id: "odd",
      message: "x",
      needs: [],
    }]);
    const at = `queue=${encodeURIComponent(name)}`;
    const told = await json(page, `/api/task?${at}&id=${encodeURIComponent(id)}`);
    strictEqual(JSON.stringify(JSON.parse(told.args)), args.replace('"x"', '"•••"'));
    deepStrictEqual([told.queue, told.name, told.id], [name, "<b>", id]);
    const { tasks } = await json(page, `/api/tasks?${at}&place=ready`);
    deepStrictEqual(tasks.map(({ name }: { name: string }) => name), ["<b>", "?"]);
    strictEqual((await json(page, "/api/overview")).queues[0].name, name);
    strictEqual((await json(page, `/api/task?${at}&id=odd`)).args, null);
    const missing = "<img src=x onerror=alert(1)>";
    const { error } = await json(page, `/api/task?queue=${encodeURIComponent(missing)}&id=1`, 404);
    strictEqual(error, `there is no queue "${missing}"`);
    await broker.clear();
  },
);

Deno.test("dashboard: what cannot be asked is told", async () => {
  await using broker = getBroker("memory://bad");
  await using page = dashboard(broker, { base: "/" });
  const asked: Record<string, [number, RegExp]> = {
    "/nothing": [404, /there is nothing at "nothing"/],
    "/api/nothing": [404, /nothing at/],
    "/assets/../deno.json": [404, /nothing at/],
    "/assets/%2e%2e/deno.json": [404, /nothing at/],
    "/assets/none.js": [404, /no asset "none.js"/],
    "/api/tasks?queue=default": [400, /place must be one of pending, .*, received null/],
    "/api/tasks?queue=default&place=over": [400, /place must be one of .*, received "over"/],
    "/api/tasks?place=ready": [400, /queue is missing/],
    "/api/tasks?queue=none&place=ready": [404, /there is no queue "none"/],
    "/api/tasks?queue=default&place=ready&from=-1": [400, /from must be .* received "-1"/],
    "/api/tasks?queue=default&place=ready&count=0": [400, /count must be a whole number, 1 to 500/],
    "/api/tasks?queue=default&place=ready&count=1e9": [400, /count must be/],
    "/api/tasks?queue=default&place=ready&count=99999999999999999999": [400, /count must be/],
    "/api/tasks?queue=default&place=ready&from=0x10": [400, /from must be/],
    "/api/task?queue=default": [400, /id is missing/],
    "/api/task?queue=default&id=%1f": [400, /an id is/],
    [`/api/task?queue=default&id=${"x".repeat(2_001)}`]: [400, /an id is/],
    "/api/graph?queue=default&id=a&depth=101": [400, /depth must be a whole number, 0 to 100/],
    "/api/action": [405, /takes POST alone/],
  };
  for (const [path, [status, error]] of Object.entries(asked)) {
    match((await json(page, path, status)).error, error, path);
  }
  const queue = "default";
  const bad: [unknown, RegExp][] = [
    ["{", /this is no JSON/],
    ["", /this is no JSON/],
    ["null", /action must be one of cancel, .*, received none/],
    [{ action: "drop", queue }, /action must be one of .*, received "drop"/],
    [{ action: "pause" }, /queue must be/],
    [{ action: "cancel", queue }, /ids must name/],
    [{ action: "cancel", queue, ids: [] }, /ids must be a list/],
    [{ action: "discard", queue, ids: "all" }, /ids must be a list/],
    [{ action: "cancel", queue, ids: [1] }, /an id is/],
    [{ action: "cancel", queue, ids: ["a\x1fb"] }, /an id is/],
    [{ action: "cancel", queue, ids: Array(10_001).fill("a") }, /1 to 10000/],
  ];
  for (const [body, error] of bad) {
    const [status, answer] = await act(page, body);
    strictEqual(status, 400, JSON.stringify(body));
    match(answer.error, error);
  }
  strictEqual((await act(page, { action: "pause", queue: "none" }))[0], 404);
  strictEqual((await act(page, "x".repeat(4_000_001)))[0], 413);
  throws(() => dashboard([broker, broker]), /two queues are called "default"/);
  throws(() => dashboard({ url: "nonsense" }), /not a URL/);
});

Deno.test("dashboard: it can be mounted anywhere", async () => {
  await using broker = getBroker("memory://mounted");
  const status = async (page: Dashboard, path: string) =>
    (await page(new Request(HERE + path))).status;
  await using found = dashboard(broker);
  strictEqual(await status(found, "/admin/worq/"), 200);
  strictEqual(await status(found, "/admin/worq/api/overview"), 200);
  strictEqual(await status(found, "/admin/worq"), 404);
  for (const base of ["/admin/worq", "admin/worq/"]) {
    await using page = dashboard(broker, { base });
    strictEqual(await status(page, "/admin/worq/api/overview"), 200);
    strictEqual(await status(page, "/api/overview"), 404);
    const bare = await page(new Request(`${HERE}/admin/worq`));
    deepStrictEqual([bare.status, bare.headers.get("location")], [308, "/admin/worq/"]);
  }
});

Deno.test("dashboard: what is to be hidden is, whatever it is in", () => {
  const line = (value: unknown, redaction = new Redaction()) => redaction.line("args", value);
  strictEqual(
    line([{ passWord: 1, API_KEY: [1], a: { authToken: {} } }]),
    '[{"passWord":"•••","API_KEY":"•••","a":{"authToken":"•••"}}]',
  );
  strictEqual(line(new Map([["cookie", "x"], ["a", "y"]])), '[["cookie","•••"],["a","y"]]');
  strictEqual(line([["Authorization", "Bearer x"]]), '[["Authorization","•••"]]');
  strictEqual(
    line([1n, new Date(0), new Set([1]), new Error("no")]),
    '["1","1970-01-01T00:00:00.000Z",[1],{"name":"Error","message":"no"}]',
  );
  const own = new Redaction([/^card$/g]);
  strictEqual(
    line([{ card: 1 }, { card: 2 }, { password: 3 }], own),
    '[{"card":"•••"},{"card":"•••"},{"password":3}]',
  );
  const paths: string[] = [];
  const byPath = new Redaction((path, value) => {
    paths.push(path);
    return path === "args[0].pin" ? "pin" : value;
  });
  strictEqual(line([{ pin: 1, b: [2] }], byPath), '[{"pin":"pin","b":[2]}]');
  deepStrictEqual(paths, ["args", "args[0]", "args[0].pin", "args[0].b", "args[0].b[0]"]);
  strictEqual(
    line(
      [1],
      new Redaction(() => {
        throw new Error("no");
      }),
    ),
    '"•••"',
  );
});

Deno.test("dashboard: values that are long, deep or contain themselves are cut", () => {
  const redaction = new Redaction();
  const loop: unknown[] = [];
  loop.push(loop);
  strictEqual(redaction.line("args", loop), '["(itself)"]');
  const shared = { a: 1 };
  strictEqual(redaction.line("args", [shared, shared]), '[{"a":1},{"a":1}]');
  const long = redaction.line("args", ["x".repeat(1e6)]);
  deepStrictEqual([long.length, long.at(-1)], [200, "…"]);
  ok(redaction.whole("args", Array(1e6).fill(1)).length < 300_000);
  let deep: unknown = 1;
  for (let i = 0; i < 5_000; i++) deep = [deep];
  match(redaction.whole("args", deep), /…/);
  strictEqual(redaction.whole("result", undefined), "undefined");
});

/** What a stream of events tells, one by one. */
class Heard implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async next(): Promise<string> {
    while (!this.#text.includes("\n\n")) {
      const { value, done } = await this.#reader.read();
      if (done) return "";
      this.#text += new TextDecoder().decode(value);
    }
    const [event, ...rest] = this.#text.split("\n\n");
    this.#text = rest.join("\n\n");
    return event!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {}); // it may have been cut
  }
}

Deno.test("dashboard: events have what the overview has, until it is disposed of", async () => {
  await using broker = getBroker("memory://events");
  const page = dashboard(broker);
  const answer = await page(new Request(`${HERE}/api/events`));
  strictEqual(answer.headers.get("content-type"), "text/event-stream");
  await using heard = new Heard(answer.body!);
  const [, data] = /^event: overview\ndata: (.*)$/.exec(await heard.next())!;
  const { now: _, ...seen } = JSON.parse(data!);
  const { now: __, ...own } = await json(page, "/api/overview");
  deepStrictEqual(seen, own);
  await page[Symbol.asyncDispose]();
  strictEqual(await heard.next(), "");
  strictEqual(await broker.size(), 0);
});

Deno.test("dashboard: a listener hears signs of life, and one that does not read holds nobody up", async () => {
  let looks = 0;
  using events = new Events(() => Promise.resolve({ queues: [], look: ++looks }), {
    look: 1,
    sign: 1,
  });
  const slow = events.listen();
  await using heard = new Heard(events.listen());
  const all: string[] = [];
  while (looks < 20) all.push(await heard.next());
  ok(all.includes(":"));
  await using late = new Heard(slow);
  const backlog = Promise.all([late.next(), late.next(), late.next(), late.next()]);
  ok((await backlog).length === 4);
});

testOn(
  findRedisServer() === undefined ? undefined : redisUrl,
  "dashboard: the server is asked once for all listeners, and not at all without",
  async () => {
    await using server = await RedisServer.start();
    await using broker = getBroker(server.url);
    await broker.size();
    const looks = new Looks(new Board(broker), false);
    using events = new Events(() => looks.overview(), { look: 50, sign: 10_000 });
    await using client = await openClient(server.url);
    const listeners = [1, 2, 3].map(() => new Heard(events.listen()));
    for (const one of listeners) await one.next();
    const before = await client.scripts();
    const told = 5;
    for (let i = 0; i < told; i++) await Promise.all(listeners.map((one) => one.next()));
    // One script for each look; one look may be under way at either end.
    const asked = await client.scripts() - before;
    ok(asked >= told - 1 && asked <= told + 2, `${asked} looks for ${told} events`);
    for (const one of listeners) await one[Symbol.asyncDispose]();
    await looks.overview(); // what was under way is over
    const after = await client.scripts();
    await new Promise((resolve) => setTimeout(resolve, 300));
    strictEqual(await client.scripts(), after);
  },
);

async function openClient(url: string) {
  const client = await openRedisClient(url, { connectTimeout: 5_000 });
  return {
    /** Scripts that the server has run. */
    async scripts(): Promise<number> {
      const stats = String(await client.send("INFO", ["commandstats"]));
      return [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)]
        .reduce((sum, [, calls]) => sum + Number(calls), 0);
    },
    async [Symbol.asyncDispose]() {
      await client.close();
    },
  };
}

testOn(
  findRedisServer() === undefined ? undefined : redisUrl,
  "dashboard: a URL shows all queues of a server, new ones too, and tells when it is away",
  async () => {
    await using server = await RedisServer.start();
    await using broker = getBroker(server.url, "one");
    await broker.queue().a();
    await using page = dashboard({ url: server.url });
    const names = async () =>
      (await json(page, "/api/overview")).queues.map(({ name }: { name: string }) => name);
    await eventually(names, (all) => all.join() === "one");
    await using other = getBroker(server.url, "two");
    await other.queue().a();
    await eventually(names, (all) => all.join() === "one,two");
    await using named = dashboard({ url: server.url, queues: ["two", "three"] });
    deepStrictEqual((await json(named, "/api/overview")).queues.length, 2);
    await json(named, "/api/tasks?queue=one&place=ready", 404);
    await server.stop();
    const { queues, error } = await json(named, "/api/overview");
    deepStrictEqual([queues, typeof error], [[], "string"]);
  },
);

Deno.test("the command's server reads no answer ahead, and tells when a visitor has gone", async () => {
  const aborted = Promise.withResolvers<void>();
  const cancelled = Promise.withResolvers<void>();
  await using server = await serveWeb(
    { host: "127.0.0.1", port: 0 },
    "--listen",
    ({ signal }) => {
      signal.addEventListener("abort", () => aborted.resolve());
      const pull = (controller: ReadableStreamDefaultController) =>
        controller.enqueue(new Uint8Array(65_536));
      const cancel = () => cancelled.resolve();
      // Without an end: it is over only because nobody reads on.
      return Promise.resolve(new Response(new ReadableStream({ pull, cancel })));
    },
  );
  const { body } = await fetch(`http://127.0.0.1:${server.port}/`);
  const reader = body!.getReader();
  await reader.read();
  await reader.cancel();
  await Promise.all([aborted.promise, cancelled.promise]);
});

testOn(redisUrl, "worq dashboard: serves until Ctrl-C, for this machine alone", async (url) => {
  const queue = freshName();
  const args = ["dashboard", "--url", url, "--queue", queue, "--listen", "127.0.0.1:0"];
  await using running = new Running(FROM_SOURCE, args);
  await running.says(/serving/);
  const [, at] = /^(http:\/\/127\.0\.0\.1:\d+\/)\n$/.exec(running.out)!;
  const { queues } = await (await fetch(`${at}api/overview`)).json();
  strictEqual(queues[0].name, queue);
  const html = await (await fetch(at!)).text();
  const [, token] = /name="worq-token" content="([^"]+)"/.exec(html)!;
  const answer = await fetch(`${at}api/action`, {
    method: "POST",
    headers: { "x-worq-token": token! },
    body: JSON.stringify({ action: "pause", queue }),
  });
  deepStrictEqual(await answer.json(), { done: 1 });
  await using heard = new Heard((await fetch(`${at}api/events`)).body!);
  match(await heard.next(), /"paused":true/);
  const { port } = new URL(at!);
  const taken = await worq(FROM_SOURCE, ...args.slice(0, -1), `127.0.0.1:${port}`);
  deepStrictEqual(taken, {
    code: 2,
    out: "",
    err: `worq: cannot listen on 127.0.0.1:${port}: the port is taken; choose another --listen\n`,
  });
  running.signal("SIGINT");
  await heard.next().catch(() => {});
  strictEqual((await running.ended).code, 0);
});

testOn(redisUrl, "worq dashboard: for other machines it has a token", async (url) => {
  const args = ["dashboard", "--url", url, "--queue", freshName(), "--listen", "0.0.0.0:0"];
  await using running = new Running(FROM_SOURCE, [...args, "--read-only"]);
  await running.says(/serving/);
  const [, port, token] = /^http:\/\/0\.0\.0\.0:(\d+)\/\?token=([\w-]{24})\n$/.exec(running.out)!;
  const at = `http://127.0.0.1:${port}/`;
  const status = async (path: string, headers = {}) => {
    const answer = await fetch(at + path, { headers, redirect: "manual" });
    await answer.body?.cancel();
    return answer.status;
  };
  deepStrictEqual([await status(""), await status(`?token=${token}`)], [401, 303]);
  strictEqual(await status("api/overview", { authorization: `Bearer ${token}` }), 200);
});

Deno.test("worq dashboard: what it cannot show is told in a line", async () => {
  const memory = await worq(FROM_SOURCE, "dashboard", "--url", "memory://");
  match(memory.err, /^worq: cannot look at the queues on memory:\/\/: .*\n$/);
  const none = await worq(FROM_SOURCE, "dashboard", "--url", "redis://127.0.0.1:1", "--queue", "a");
  match(none.err, /^worq: .*; another server: --url\n$/);
  strictEqual(none.code, 3);
});
