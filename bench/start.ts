/**
 * How long the `worq` binary takes to start, as a Markdown table.
 *
 *     deno task compile:bun && deno run -A bench/start.ts [path of the binary] [--rounds=20]
 */
import { spawn, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { get } from "node:http";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { freePort, RedisServer } from "../tests/support/redis_server.ts";
import { cellOf, headOf, tableOf } from "./markdown.ts";

const TASKS = fileURLToPath(new URL("../examples/tasks.ts", import.meta.url));

/** Milliseconds until a command has ended. */
function timeOf(program: string, ...args: string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`worq ${args.join(" ")} ended with ${status}: ${stderr}`);
  return performance.now() - start;
}

/** Milliseconds until a pool of one worker for each core is ready for tasks. */
async function timeToReady(program: string, url: string): Promise<number> {
  const port = await freePort();
  const start = performance.now();
  const child = spawn(program, ["run", TASKS, "--url", url, "--health", `127.0.0.1:${port}`], {
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    while (await statusAt(port) !== 200) {
      if (child.exitCode !== null) throw new Error(`worq run ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return performance.now() - start;
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

function statusAt(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    get({ host: "127.0.0.1", port, path: "/readyz", agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode));
    }).on("error", () => resolve(undefined));
  });
}

if (import.meta.main) {
  const { values, positionals: [program = "dist/worq"] } = parseArgs({
    options: { rounds: { type: "string", default: "20" } },
    allowPositionals: true,
  });
  const rounds = Number(values.rounds);
  await using server = await RedisServer.start();
  const [version, demo, ready]: number[][] = [[], [], []];
  for (let round = -1; round < rounds; round++) {
    const figures = [
      timeOf(program, "version"),
      timeOf(program, "demo"),
      await timeToReady(program, server.url),
    ] as const;
    if (round < 0) continue; // the first one reads the binary from disk
    [version, demo, ready].forEach((all, i) => all!.push(figures[i]!));
  }
  const size = (statSync(program).size / 1e6).toFixed(1);
  const load = loadavg().map((one) => one.toFixed(1)).join(", ");
  console.log(
    [
      headOf("Start-up", [`worq ${spawnSync(program, ["version"]).stdout}`.trim()], rounds),
      "",
      `The binary has ${size} MB. Load of the machine over 1, 5 and 15 minutes: ${load}.`,
      "",
      tableOf(["until", "ms ↓"], [
        ["`worq version` has ended", cellOf(version!)],
        ["`worq demo` has ended", cellOf(demo!)],
        ["`worq run` answers 200 at /readyz, one worker for each core", cellOf(ready!)],
      ]),
    ].join("\n"),
  );
}
