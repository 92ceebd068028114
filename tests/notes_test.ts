/** What a task says while it runs is seen at once, wherever it runs, and after its end. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { currentTask, getBroker, InlineWorkerPool } from "@worq/worq";
import { freshName, redisUrl, testOn, testOnAll } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { testWorkers } from "./support/worker_pools.ts";
import { FROM_SOURCE, Running, worq } from "./support/worq.ts";

testWorkers("a task that blocks its worker is heard meanwhile", async ({ q, path, start }) => {
  start();
  const gate = path();
  const told = await q.tell(gate);
  const { part, text, at } = (await eventually(
    () => told.progress(),
    (progress) => progress !== undefined && progress.part > 0,
  ))!;
  ok(part <= 0.5);
  match(text, /^step \d+$/);
  ok(Math.abs(at.getTime() - Date.now()) < 60_000);
  deepStrictEqual((await told.log()).map(({ text }) => text), ["begins"]);
  writeFileSync(gate, "");
  await told.result();
  strictEqual((await eventually(() => told.progress(), (now) => now?.part === 1))?.text, "");
  deepStrictEqual((await told.log()).map(({ text }) => text), ["begins", "ends"]);
});

testOnAll("a handle follows what a task says until it is over", async (url, name) => {
  const go = Promise.withResolvers<void>();
  await using broker = getBroker(url, name).expose({
    async steps() {
      currentTask().log("first");
      await go.promise;
      currentTask().progress(0.5, "half");
      currentTask().log("last");
    },
    quiet: () => 1,
  });
  await using _pool = new InlineWorkerPool(broker).start();
  const steps = await broker.queue().steps();
  const said: string[] = [];
  for await (const one of steps.follow()) {
    said.push(one.kind === "line" ? one.text : `${one.part} ${one.text}`);
    if (one.text === "first") go.resolve();
  }
  deepStrictEqual(said.toSorted(), ["0.5 half", "first", "last"]);
  strictEqual(said[0], "first");
  const quiet = await broker.queue().quiet();
  for await (const one of quiet.follow()) throw new Error(`it said ${one.text}`);
  strictEqual(await quiet.progress(), undefined);
  deepStrictEqual(await quiet.log(), []);
});

testOnAll(
  "what cannot be said is refused, what is long is cut, and the end is the end",
  async (url, name) => {
    const late = Promise.withResolvers<void>();
    const said = Promise.withResolvers<void>();
    await using broker = getBroker(url, name).expose({
      bad(part: number) {
        currentTask().progress(part);
      },
      long() {
        currentTask().log(`${"x".repeat(5_000)}`);
        currentTask().log("a\x1fb\ud800");
        const task = currentTask();
        late.promise.then(() => task.log("too late")).then(said.resolve, said.reject);
      },
    });
    await using _pool = new InlineWorkerPool(broker).start();
    const q = broker.queue();
    for (const part of [-1, 1.1, NaN, "1"]) {
      const { cause } = await (await q.bad(part)).result().catch((error: Error) => error);
      match(cause.message, /^Cannot tell progress: it must be 0 to 1, received /);
    }
    const long = await q.long();
    await long.result();
    late.resolve();
    await said.promise;
    const [first, second, ...rest] = await eventually(() => long.log(), ({ length }) => length > 1);
    strictEqual(first?.text.length, 2_000);
    strictEqual(first?.text.at(-1), "…");
    strictEqual(second?.text, "a b\ufffd");
    deepStrictEqual(rest, []);
  },
);

testOn(redisUrl, "worq inspect --follow writes what a task says, until it is over", async (url) => {
  const name = freshName();
  const go = Promise.withResolvers<void>();
  await using broker = getBroker(url, name).expose({
    async page(n: number) {
      currentTask().progress(0.4, "page 4 of 10");
      currentTask().log("a line\nand more");
      await go.promise;
      return n;
    },
  });
  await using _pool = new InlineWorkerPool(broker).start();
  const page = await broker.queue().page(7);
  const at = ["--url", url, "--queue", name];
  await using following = new Running(FROM_SOURCE, ["inspect", page.id, "--follow", ...at]);
  await following.says(/40 % +page 4 of 10\n/);
  go.resolve();
  const { code, out } = await following.ended;
  strictEqual(code, 0);
  match(out, /Z {2}a line and more\n/);
  match(out, /\nstatus +success\n[^]*\nresult +7\n/);
  const json = (await worq(FROM_SOURCE, "inspect", page.id, "--follow", "--json", ...at)).out.trim()
    .split("\n");
  const kinds = json.map((line) => JSON.parse(line).kind);
  deepStrictEqual(kinds.toSorted(), ["line", "over", "progress"]);
});
