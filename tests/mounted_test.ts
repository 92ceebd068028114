/** The dashboard's handler in the servers that users have: of the runtime, and below Hono. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { getBroker } from "@worq/worq";
import { type Dashboard, dashboard, type DashboardOptions } from "@worq/worq/dashboard";
import { Hono } from "hono";
import { Events } from "../src/dashboard/events.ts";
import { eventually } from "./support/eventually.ts";
import { type Handler, serveHere } from "./support/runtime_server.ts";

interface Mount {
  /** Path of the page. */
  readonly at: string;
  readonly options?: DashboardOptions;
  readonly serve?: (page: Dashboard) => Handler;
}

const MOUNTS: Record<string, Mount> = {
  "at the root": { at: "/" },
  "below a path": { at: "/admin/worq/" },
  "below a path that it is told": { at: "/admin/worq/", options: { base: "/admin/worq" } },
  "as a route of Hono": {
    at: "/worq/",
    serve: (page) => new Hono().all("/worq/*", (c) => page(c.req.raw)).fetch,
  },
  "as a route of Hono that it is told": {
    at: "/admin/worq/",
    options: { base: "/admin/worq/" },
    serve: (page) => {
      const admin = new Hono().all("/worq/*", (c) => page(c.req.raw));
      return new Hono().route("/admin", admin).fetch;
    },
  },
  "by mount() of Hono, which takes its path away": {
    at: "/worq/",
    serve: (page) => new Hono().mount("/worq", page).fetch,
  },
};

/** It is a handler already. */
const itself = (page: Dashboard): Handler => page;

for (const [name, { at, options = {}, serve = itself }] of Object.entries(MOUNTS)) {
  Deno.test(`dashboard, ${name}: page, assets, data, events and actions are there`, async () => {
    await using broker = getBroker("memory://mounted-for-real", "mail");
    await using page = dashboard(broker, options);
    await using server = serveHere(serve(page));
    const home = server.origin + at;
    const html = await (await fetch(home)).text();
    const links = [...html.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, path]) => path!);
    ok(links.length > 3);
    for (const link of links) {
      const asset = await fetch(new URL(link, home));
      strictEqual(asset.status, 200, link);
      match(asset.headers.get("content-type")!, /^text\/(css|javascript)/);
      await asset.body!.cancel();
    }
    const { queues } = await (await fetch(`${home}api/overview`)).json();
    strictEqual(queues[0].name, "mail");
    const [, token] = /name="worq-token" content="([^"]+)"/.exec(html)!;
    const action = await fetch(`${home}api/action`, {
      method: "POST",
      headers: { "x-worq-token": token!, origin: server.origin },
      body: JSON.stringify({ action: "pause", queue: "mail" }),
    });
    deepStrictEqual([action.status, await action.json()], [200, { done: 1 }]);
    const reader = (await fetch(`${home}api/events`)).body!.getReader();
    match(
      new TextDecoder().decode((await reader.read()).value),
      /^event: overview\ndata: .*"paused":true/,
    );
    await reader.cancel();
    const missing = await fetch(`${home}api/nothing`);
    deepStrictEqual([missing.status, typeof (await missing.json()).error], [404, "string"]);
    await broker.resume();
  });

  Deno.test(`dashboard, ${name}: its token gives a cookie that all of it takes`, async () => {
    await using broker = getBroker("memory://mounted-for-real", "mail");
    await using page = dashboard(broker, { ...options, token: "known to few" });
    await using server = serveHere(serve(page));
    const home = server.origin + at;
    const ask = async (url: string | URL, headers: HeadersInit = {}) => {
      const answer = await fetch(url, { headers, redirect: "manual" });
      await answer.body?.cancel();
      return answer;
    };
    strictEqual((await ask(home)).status, 401);
    const entry = await ask(`${home}?token=known%20to%20few`);
    strictEqual(entry.status, 303);
    strictEqual(new URL(entry.headers.get("location")!, home).href, home);
    const [cookie, path] = entry.headers.get("set-cookie")!.split("; ") as [string, string];
    ok(at.startsWith(path.replace("Path=", "")), path);
    for (const one of ["", "assets/app.js", "api/overview", "api/events", "metrics"]) {
      strictEqual((await ask(home + one, { cookie })).status, 200, one);
      strictEqual((await ask(home + one)).status, 401, one);
    }
  });

  if (options.base === undefined) continue;
  Deno.test(`dashboard, ${name}: its address without the last slash leads to it`, async () => {
    await using broker = getBroker("memory://mounted-for-real");
    await using page = dashboard(broker, options);
    await using server = serveHere(serve(page));
    const answer = await fetch(server.origin + at.slice(0, -1));
    deepStrictEqual([answer.status, answer.url], [200, server.origin + at]);
    await answer.body!.cancel();
  });
}

Deno.test("dashboard: nothing is looked at any more once a visitor has gone", async () => {
  let looks = 0;
  using events = new Events(() => Promise.resolve({ queues: [], look: ++looks }), {
    look: 2,
    sign: 10_000,
  });
  await using server = serveHere(() => new Response(events.listen()));
  const visits = await Promise.all([fetch(server.origin), fetch(server.origin)]);
  for (const { body } of visits) {
    const reader = body!.getReader();
    await reader.read();
    await reader.cancel();
  }
  await eventually(async () => {
    const before = looks;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return looks - before;
  }, (more) => more === 0);
});
