/** `worq map`, as a process of its own, and its parts. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { type Deferred, getBroker, InlineWorkerPool, listQueues } from "@worq/worq";
import { type Input, readInputs } from "../src/cli/map_inputs.ts";
import { Mapping, type MappingOptions } from "../src/cli/mapping.ts";
import { freshName, redisUrl, testOn } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { isAlive } from "./support/processes.ts";
import { type Ended, FROM_SOURCE, Running } from "./support/worq.ts";

const CLI = fileURLToPath(new URL("../cli.ts", import.meta.url));
const TASKS = fileURLToPath(new URL("support/map_tasks.ts", import.meta.url));
const POOLS = [["--workers", "2"], ["--threads", "--workers", "2"], ["--inline"]];

/** Starts `worq map`. */
function start(...args: string[]): Running {
  const run = new Running(FROM_SOURCE, ["map", ...args]);
  run.child.stdin!.on("error", () => {}); // it reads no further
  return run;
}

/** Runs it to its end with this standard input. */
async function map(input: string | Uint8Array, ...args: string[]): Promise<Ended> {
  await using run = start(...args);
  run.child.stdin!.end(input);
  return await run.ended;
}

/** Resolves with the first lines that it writes. */
async function firstLines(run: Running, count: number): Promise<string[]> {
  await run.says(new RegExp(`^(.*\\n){${count}}`));
  return run.out.split("\n").slice(0, count);
}

for (const pool of POOLS) {
  Deno.test(`worq map ${pool[0]}: results as JSON lines, in the order of the inputs`, async () => {
    const { code, out, err } = await map("", `${TASKS}:late`, "1", "2", "3", "4", ...pool);
    strictEqual(out, `"1"\n"2"\n"3"\n"4"\n`);
    strictEqual(err, ""); // neither colour nor bar: this is no terminal
    strictEqual(code, 0);
  });
}

Deno.test("worq map: lines are inputs, the last one without its end, too; empty ones are none", async () => {
  const input = "\ufeffone\n\n\r\ntwo\r\n  \nthree";
  for (const inputs of [[], ["-"]]) {
    const { code, out } = await map(input, `${TASKS}:texts.upper`, ...inputs, "--workers", "1");
    strictEqual(out, `"ONE"\n"TWO"\n"  "\n"THREE"\n`);
    strictEqual(code, 0);
  }
  deepStrictEqual(await map("", `${TASKS}:echo`, "--inline"), { code: 0, out: "", err: "" });
});

Deno.test("worq map: failures are told at the end, and in the exit code", async () => {
  const { code, out, err } = await map("", `${TASKS}:half`, "1", "2", "3", "--workers", "1");
  strictEqual(out, "1\n");
  match(
    err,
    /^argument 1 \(1\): RangeError: 1 is odd\nargument 3 \(3\): RangeError: 3 is odd\n1 done, 2 failed in [\d.]+s\n$/,
  );
  strictEqual(code, 1);
});

Deno.test("worq map: of many failures, the first are shown", async () => {
  const input = Array.from({ length: 30 }, (_, i) => `${2 * i + 1}\n`).join("");
  const { code, err } = await map(input, `${TASKS}:half`, "--workers", "1");
  const lines = err.trimEnd().split("\n");
  strictEqual(lines.length, 22);
  strictEqual(lines[19], "line 20 (39): RangeError: 39 is odd");
  strictEqual(lines[20], "and 10 more");
  match(lines[21]!, /^0 done, 30 failed in /);
  strictEqual(code, 1);
});

Deno.test("worq map --input json --with-input: a line for each, also for what is no JSON", async () => {
  const args = [`${TASKS}:echo`, "--input", "json", "--with-input", "--workers", "1"];
  const { code, out, err } = await map(`1\n{"a":[null]}\n\n{b}\n"x"\n`, ...args);
  const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  match(lines[2].error, /^not JSON: /);
  delete lines[2].error;
  deepStrictEqual(lines, [
    { input: 1, result: 1 },
    { input: { a: [null] }, result: { a: [null] } },
    { input: "{b}" },
    { input: "x", result: "x" },
  ]);
  match(err, /^line 4 \(\{b\}\): not JSON: .*\n3 done, 1 failed in /);
  strictEqual(code, 1);
});

Deno.test("worq map: a line that is not UTF-8 fails, and the others go on", async () => {
  const input = new Uint8Array([97, 10, 0xff, 0xfe, 10, 98]);
  const { code, out, err } = await map(input, `${TASKS}:echo`, "--workers", "1");
  strictEqual(out, `"a"\n"b"\n`);
  match(err, /^line 2 \(\ufffd+\): not UTF-8\n2 done, 1 failed in /);
  strictEqual(code, 1);
});

Deno.test("worq map --fail-fast: the first failure ends it", async () => {
  const args = ["--fail-fast", "--workers", "1", "--concurrency", "2"];
  const { code, out, err } = await map("", `${TASKS}:half`, ...args, "2", "1", ..."4".repeat(999));
  ok(out.startsWith("1\n"));
  match(err, /^argument 2 \(1\): RangeError: 1 is odd\nstopped at the first failure: \d+ done, 1 /);
  strictEqual(code, 1);
});

Deno.test("worq map: what tasks print is not among the results", async () => {
  for (const pool of [["--workers", "1"], ["--inline"]]) {
    const { out, err } = await map("", `${TASKS}:print`, "a", ...pool);
    strictEqual(out, "null\n");
    strictEqual(err, "printed a\n");
  }
});

Deno.test("worq map: what cannot be run is told in a line, before any input is run", async () => {
  const cases: [args: string[], message: RegExp][] = [
    [[TASKS], /^worq: which task of .*map_tasks\.ts\? write it as in \.\/tasks\.ts:resize\n$/],
    [[`${TASKS}:ecko`], /^worq: there is no task ecko in .*, did you mean echo\?\n$/],
    [[`${TASKS}:nothing.like`], /^worq: there is no task nothing\.like in .*; it has echo, .*\n$/],
    [[TASKS.replace("map_t", "map_d") + ":echo"], /no module .*, did you mean map_tasks\.ts\?\n$/],
    [[`${CLI.replace("cli.ts", "LICENSE")}:x`], /^worq: cannot run .*LICENSE: .*\n$/],
    [[`${TASKS}:echo`, "--queue", "q"], /^worq: cannot use --queue on memory:.*redis:\/\/ URL\n$/],
    [
      ["echo", "--queue", "q", "--url", "redis://localhost", "--workers", "2"],
      /^worq: --workers is for a pool of this command, .*\n$/,
    ],
    [[`${TASKS}:echo`, "--input", "jsn"], /'jsn' is invalid\. .* did you mean json\?\n$/],
  ];
  for (const [args, message] of cases) {
    const { code, out, err } = await map("a\n", ...args);
    match(err, message);
    strictEqual(out, "");
    strictEqual(code, 2);
  }
});

Deno.test("worq map: the reader of the output may leave, and everything ends in silence", async () => {
  await using run = start(`${TASKS}:pid`, "--workers", "2");
  const { stdin, stdout } = run.child;
  const feed = () => {
    while (stdin!.writable && stdin!.write("input\n".repeat(1_000)));
  };
  stdin!.on("drain", feed);
  feed();
  const pids = await firstLines(run, 2);
  stdout!.destroy();
  const { code, err } = await run.ended;
  strictEqual(err, "");
  strictEqual(code, 141);
  deepStrictEqual(pids.filter((pid) => isAlive(Number(pid))), []);
});

for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test(`worq map: ${signal} ends the tasks, and tells what was done`, async () => {
    await using run = start(`${TASKS}:unlessStay`, "--workers", "2");
    run.child.stdin!.write("a\nstay\nb\n"); // and more may come
    const [pid] = await firstLines(run, 1);
    run.signal(signal);
    const { code, out, err } = await run.ended;
    match(out, /^\d+\n(\d+\n)?$/); // b, if it was done
    match(err, /^interrupted: [12] done in [\d.]+s\n$/);
    strictEqual(code, exitCode);
    strictEqual(isAlive(Number(pid)), false);
  });
}

Deno.test("worq map --grace: tasks get their time after a signal, but for a second one", async () => {
  await using run = start(
    `${TASKS}:unlessStay`,
    "a",
    "stay",
    "--workers",
    "1",
    "--grace",
    "1h",
  );
  const [pid] = await firstLines(run, 1);
  run.signal("SIGINT");
  await run.says(/waiting for the tasks that run/);
  run.signal("SIGINT");
  strictEqual((await run.ended).code, 130);
  // Workers notice within a moment that their pool is gone.
  await eventually(() => isAlive(Number(pid)), (alive) => !alive);
});

testOn(redisUrl, "worq map --url: through a queue of its own on a server", async (url) => {
  const input = Array.from({ length: 1_500 }, (_, i) => `${i}\n`).join("");
  const args = [`${TASKS}:echo`, "--input", "json", "--url", url, "--workers", "2"];
  const before = await listQueues(url);
  deepStrictEqual(await map(input, ...args), { code: 0, out: input, err: "" });
  const { code } = await map("x", `${TASKS}:nothing`, "--url", url);
  strictEqual(code, 2);
  const maps = (await listQueues(url)).filter((name) => name.startsWith("map-"));
  deepStrictEqual(maps.filter((name) => !before.includes(name)), []);
});

testOn(redisUrl, "worq map --queue: run by the pools that serve that queue", async (url) => {
  const queue = freshName();
  await using broker = getBroker(url, queue);
  broker.expose({ twice: (text: string) => text + text });
  await using _pool = new InlineWorkerPool(broker).start();
  const { code, out } = await map("", "twice", "a", "b", "--url", url, "--queue", queue);
  strictEqual(out, `"aa"\n"bb"\n`);
  strictEqual(code, 0);
});

testOn(redisUrl, "worq map --queue: SIGINT cancels what is in that queue", async (url) => {
  const queue = freshName();
  await using broker = getBroker(url, queue);
  await using run = start("anything", "--url", url, "--queue", queue);
  run.child.stdin!.write("a\nb\n");
  await eventually(() => broker.size(), (size) => size === 2);
  run.signal("SIGINT");
  strictEqual((await run.ended).code, 130);
  strictEqual(await broker.size(), 0);
});

Deno.test("lines are the same however they come in", async () => {
  const text = new TextEncoder().encode("ä\r\nöü\n\n€uro\n😀");
  for (let size = 1; size <= text.length; size++) {
    const chunks = Array.from(
      { length: Math.ceil(text.length / size) },
      (_, i) => text.subarray(i * size, (i + 1) * size),
    );
    const inputs = await Array.fromAsync(readInputs(stream(chunks), "text"));
    deepStrictEqual(inputs.flat().map(({ number, value }) => [number, value]), [
      [1, "ä"],
      [2, "öü"],
      [4, "€uro"],
      [5, "😀"],
    ]);
  }
});

Deno.test("a line of any length takes the memory of the longest that can be run", async () => {
  const chunk = new Uint8Array(1_000_000).fill(97);
  const chunks = [...Array(5).fill(chunk), new TextEncoder().encode("\nb\n")];
  const inputs = (await Array.fromAsync(readInputs(stream(chunks), "text"))).flat();
  deepStrictEqual(inputs, [
    { number: 1, text: "", value: "", problem: "longer than 4000000 bytes" },
    { number: 2, text: "b", value: "b" },
  ]);
});

Deno.test("a mapping has no more inputs under way than its window", async () => {
  const inputs = new Counted(30);
  const first = Promise.withResolvers<number>();
  let written = "";
  const mapping = new Mapping({
    ...options,
    call: (value) => handle(value === 1 ? first.promise : Promise.resolve(value)),
    write: (lines) => Promise.resolve(void (written += lines)),
  });
  const run = mapping.run(inputs);
  await eventually(() => mapping.done, (done) => done === 9);
  strictEqual(inputs.read, 11); // one waits for room
  strictEqual(written, "");
  first.resolve(1);
  await run;
  strictEqual(written, Array.from({ length: 30 }, (_, i) => `${i + 1}\n`).join(""));
});

Deno.test("a mapping does not read on when nobody takes its lines", async () => {
  const inputs = new Counted(100);
  const mapping = new Mapping({
    ...options,
    call: (value) => handle(Promise.resolve(value)),
    write: () => new Promise(() => {}),
  });
  const run = mapping.run(inputs);
  await eventually(() => mapping.done, (done) => done >= 10);
  ok(inputs.read <= 21, `${inputs.read} inputs were read`);
  mapping.stop();
  await run;
});

/** Inputs, one at a time, that tell how many were taken. */
class Counted {
  read = 0;
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  *[Symbol.iterator](): Generator<Input[]> {
    while (this.read < this.#count) yield [{ number: ++this.read, text: "x", value: this.read }];
  }
}

const options: Omit<MappingOptions, "call" | "write"> = {
  window: 10,
  withInput: false,
  failFast: false,
  total: undefined,
};

function handle(result: Promise<unknown>): Promise<Deferred<unknown>> {
  return Promise.resolve({ result: () => result } as unknown as Deferred<unknown>);
}

async function* stream<T>(chunks: Iterable<T>): AsyncGenerator<T> {
  yield* chunks;
}
