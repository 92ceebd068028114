/** `worq top` on a real terminal, that of tmux, beside a real server. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import process from "node:process";
import { getBroker, InlineWorkerPool, type PoolCard } from "@worq/worq";
import { screenOf, type TopState } from "../src/cli/top_screen.ts";
import { quantile, ratesOf } from "../src/rates.ts";
import { TALLY_BOUNDS } from "../src/cards.ts";
import { freshName, redisUrl } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { KEPT, RedisServer } from "./support/redis_server.ts";
import { Terminal, testInTerminal } from "./support/terminal.ts";
import { FROM_SOURCE, worq } from "./support/worq.ts";

testInTerminal("worq top: shows queues, pools and tasks, and keys act", async () => {
  if (redisUrl === undefined) return;
  const name = freshName();
  const end = Promise.withResolvers<void>();
  await using broker = getBroker(redisUrl, name).expose({ slow: () => end.promise });
  await using pool = new InlineWorkerPool(broker, { concurrency: 1, name: "mail" }).start();
  const q = broker.queue();
  const slow = await q.slow();
  await q.slow();
  const args = ["top", "--url", redisUrl, "--queue", name, "--interval", "200ms"];
  using terminal = new Terminal(120, ...FROM_SOURCE.command, ...args);
  const shows = (pattern: RegExp) =>
    eventually(() => terminal.screen, (text) => pattern.test(text));
  await shows(new RegExp(`^> ${name} +0 +1 +1 +0 `, "m"));
  await shows(new RegExp(`^ {2}${pool.id} +inline +1 +1 `, "m"));
  await shows(new RegExp(`^ {2}slow +\\d.* ${slow.id} +${pool.id} `, "m"));
  terminal.press("p");
  await shows(new RegExp(`^Pause queue "${name}"\\? \\[y/N\\]`, "m"));
  terminal.press("n");
  await shows(/^q quit/m);
  terminal.press("p");
  await shows(/^Pause/m);
  terminal.press("y");
  await shows(/\(paused\)/);
  strictEqual((await broker.taskQueue.stats()).paused, true);
  terminal.press("p");
  await eventually(() => broker.taskQueue.stats(), ({ paused }) => !paused);
  terminal.press("s");
  await shows(/by ready/);
  terminal.press("c");
  terminal.press("y");
  await shows(new RegExp(`^> ${name} +0 +0 +1 +0 `, "m"));
  terminal.resize(60);
  await shows(new RegExp(`^> ${name.slice(0, 20)}`, "m"));
  terminal.press("q");
  await shows(/^ended with 0$/m);
  end.resolve();
});

testInTerminal("worq top: a server may go away and come back", async () => {
  if (redisUrl === undefined) return;
  await using server = await RedisServer.start(KEPT);
  await using broker = getBroker(server.url, "mail");
  const q = broker.queue();
  await Promise.all([q.a(), q.b(), q.c()]);
  const args = ["top", "--url", server.url, "--interval", "200ms"];
  using one = new Terminal(120, ...FROM_SOURCE.command, ...args);
  using other = new Terminal(120, ...FROM_SOURCE.command, ...args);
  const shows = (terminal: Terminal, pattern: RegExp) =>
    eventually(() => terminal.screen, (text) => pattern.test(text));
  const silent = /^The server does not answer since \d\d:\d\d:\d\d, trying again/m;
  for (const terminal of [one, other]) await shows(terminal, /^> mail +0 +3 /m);

  await server.stop();
  for (const terminal of [one, other]) await shows(terminal, silent);
  one.press("p");
  one.press("s");
  const screen = await shows(one, /by ready/);
  match(screen, /^> mail +0 +3 /m);
  match(screen, silent);
  other.press("C-c");
  await shows(other, /^ended with 0$/m);

  await server.start();
  await q.d();
  await shows(one, /^> mail +0 +4 [^]*^q quit/m);

  // One that hangs takes connections, and says nothing.
  process.kill(server.pid, "SIGSTOP");
  await shows(one, silent);
  one.press("q");
  await shows(one, /^ended with 0$/m);
});

testInTerminal("worq top: without a server it does not begin", async () => {
  const args = ["top", "--url", "redis://127.0.0.1:1"];
  using terminal = new Terminal(120, ...FROM_SOURCE.command, ...args);
  const screen = await eventually(() => terminal.screen, (text) => /^ended with/m.test(text));
  match(screen, /^worq: Cannot use Redis at 127.0.0.1:1: .*; another server: --url$/m);
  match(screen, /^ended with 3$/m);
});

Deno.test("worq top wants a terminal", async () => {
  const { code, err } = await worq(FROM_SOURCE, "top", "--url", "redis://127.0.0.1:1");
  match(err, /^worq: this needs a terminal; for a program: worq status --json\n$/);
  strictEqual(code, 2);
});

const STATS = {
  pending: 0,
  scheduled: 0,
  ready: 0,
  leased: 0,
  idle: 0,
  unsettled: 0,
  dead: 0,
  paused: false,
};
const NONE = { done: 0, failed: 0, p50: undefined, p99: undefined };

Deno.test("the screen never has more lines and columns than there are", () => {
  const queues = Array.from(
    { length: 100 },
    (_, i) => ({ name: `queue ${i} ${"x".repeat(200)}`, stats: STATS, rates: NONE }),
  );
  const tasks = queues.map(({ name }, i) => ({
    name: `\x1b[31m${name}`,
    id: `${i}`,
    since: 0,
    queue: name,
    pool: "p",
  }));
  const state: TopState = {
    ...{ server: "redis://s", now: new Date(), queues, pools: [], tasks, sort: "name" },
    ...{ selected: queues[70]!.name, message: "", silence: undefined },
  };
  for (const [columns, rows] of [[80, 24], [20, 5], [300, 60], [10, 2]] as const) {
    const lines = screenOf(state, columns, rows);
    strictEqual(lines.length, rows);
    strictEqual(lines.some((line) => line.length > columns), false);
    strictEqual(lines.some((line) => line.includes("\x1b")), false);
  }
  match(screenOf(state, 80, 24).join("\n"), /^> queue 70 /m);
});

Deno.test("rates are of the time between two cards of a pool", () => {
  const times = (fill: Record<number, number>) =>
    Array.from({ length: TALLY_BOUNDS.length + 1 }, (_, i) => fill[i] ?? 0);
  const card = (id: string, written: number, success: number, failed: number, more = {}) =>
    ({
      ...{ id, started: 1_000, written },
      tallies: {
        a: { success, failed, retry: 0, lost: 0, time: 0, times: times({ 0: success, 3: failed }) },
      },
      ...more,
    }) as unknown as PoolCard;
  const before = [card("one", 3_000, 100, 0)];
  const after = [card("one", 5_000, 120, 2), card("new", 2_000, 5, 0)];
  const { done, failed, p50, p99 } = ratesOf(before, after);
  deepStrictEqual([done, failed], [22 / 2 + 5, 1]);
  deepStrictEqual([p50! < 1, p99! > 5 && p99! <= 10], [true, true]);
  // One that was started again counts from its start.
  strictEqual(ratesOf(before, [card("one", 5_000, 8, 0, { started: 4_000 })]).done, 8);
  strictEqual(ratesOf(after, after).done, 0);
  strictEqual(quantile(times({ [TALLY_BOUNDS.length]: 1 }), 0.5), TALLY_BOUNDS.at(-1));
  strictEqual(quantile(times({}), 0.5), undefined);
});
