/**
 * The image: its Dockerfile linted, built, and run as engines run it. No engine and no registry is
 * needed: it begins with stand-ins for its base images, made of what is on this machine.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getQueue } from "@worq/worq";
import { validate } from "dockerfile-utils";
import { parse } from "yaml";
import { redisUrl } from "./support/backends.ts";
import { Buildah, canContain, childrenOf, Contained, type ImageConfig } from "./support/buildah.ts";
import { eventually } from "./support/eventually.ts";
import type * as gateTasks from "./support/gate_tasks.ts";
import { freePort } from "./support/redis_server.ts";
import { BUN_VERSION, DENO_VERSION, findBun, findDeno } from "./support/runtimes.ts";
import { type StandIn, writeStandIn } from "./support/stand_ins.ts";
import { type Ended, worq } from "./support/worq.ts";

const REPOSITORY = fileURLToPath(new URL("..", import.meta.url));
const DOCKERFILE = readFileSync(join(REPOSITORY, "Dockerfile"), "utf8");
const IMAGE = "worq:test";
const WORQ = "/usr/local/bin/worq";
const USER = 65532;

/** The images that the Dockerfile begins with. */
const [BUILD, BASE] = [...DOCKERFILE.matchAll(/^FROM (\S+)/gm)].map(([, name]) => name!);
const WITH_BUN = /--from=(oven\/\S+)/.exec(DOCKERFILE)?.[1];

function lint(text: string): string[] {
  return validate(text).map(({ range, message }) => `${range.start.line + 1}: ${message}`);
}

Deno.test("the Dockerfile has nothing that a linter minds", () => {
  deepStrictEqual(lint(DOCKERFILE), []);
});

Deno.test("the linter minds what is wrong", () => {
  const wrong = DOCKERFILE
    .replace("WORKDIR /app", "WORKDIR app")
    .replace("EXPOSE 8080", "EXPOSE http")
    .replace('["run"]', "['run']")
    .replace("STOPSIGNAL", "STOPSIGNALS");
  deepStrictEqual(lint(wrong).map((line) => line.replace(/^\d+: /, "")), [
    "WORKDIR paths should be absolute",
    "Invalid containerPort: http",
    "Unknown instruction: STOPSIGNALS",
    "Instruction written as a JSON array but is using single quotes instead of double quotes",
  ]);
});

Deno.test("the image is built with the runtimes that the tests run on", () => {
  strictEqual(BUILD, `denoland/deno:${DENO_VERSION}`);
  strictEqual(WITH_BUN, `oven/bun:${BUN_VERSION}`);
});

Deno.test("examples/compose.yaml has a pool that may end in its own time", () => {
  const text = readFileSync(join(REPOSITORY, "examples/compose.yaml"), "utf8");
  const { pool, producer, redis } = parse(text, { merge: true }).services;
  strictEqual(pool.image, producer.image);
  strictEqual(pool.environment.WORQ_URL, producer.environment.WORQ_URL);
  deepStrictEqual(pool.depends_on, { redis: { condition: "service_healthy" } });
  strictEqual(redis.healthcheck.test[0], "CMD");
  const [grace, patience] = [pool.environment.WORQ_GRACE, pool.stop_grace_period].map(parseFloat);
  strictEqual(grace! < patience!, true);
});

Deno.test({
  name: "the Dockerfile builds an image, on stand-ins for its base images, that runs pools",
  // It takes root, buildah and Redis, and the image is the same whatever runs the test.
  ignore: redisUrl === undefined || !("deno" in process.versions) || !canContain(),
  async fn(t) {
    using buildah = new Buildah();
    await t.step("it builds", () => buildImage(buildah));
    const config = buildah.config(IMAGE);
    const container = buildah.container(IMAGE);
    const port = await freePort();
    const env = [`WORQ_URL=${redisUrl}`, `WORQ_HEALTH=:${port}`, `WORQ_QUEUE=image-${port}`];
    /** Runs worq once as engines do, and as a check of the container does. */
    const once = (...args: string[]): Promise<Ended> =>
      worq(buildah.inside(container.name, env, WORQ), ...args);
    /** Runs worq as process 1. */
    const start = (...args: string[]): Contained =>
      new Contained(container.root, config, env, [WORQ, ...args]);
    const addTasks = (from: string, to: string) =>
      copyFileSync(join(REPOSITORY, from), join(container.root, "app", to));

    await t.step("it says how it is run", () => checkConfig(config));

    await t.step("its command runs the main job", async () => {
      const { code, out } = await once("demo");
      strictEqual(out, "0 + 1 + ... + 9 = 45\n");
      strictEqual(code, 0);
    });

    await t.step("its default is a pool for /app/tasks.ts, whose health it tells", async () => {
      addTasks("examples/tasks.ts", "tasks.ts");
      strictEqual((await once("health")).code, 1);
      await using pool = start(...config.Cmd);
      await pool.says(/ serving tasks=tasks\.num,tasks\.add /);
      deepStrictEqual(await once("health"), { code: 0, out: "ready\n", err: "" });
      strictEqual((await once("call", "tasks.add", "[1,2,3]")).out, "6\n");
      process.kill(pool.first!, "SIGTERM");
      strictEqual(await codeOf(pool), 0);
      strictEqual((await once("health")).code, 1);
    });

    await t.step("as process 1 it finishes what runs at SIGTERM, and leaves nothing", async () => {
      addTasks("tests/support/gate_tasks.ts", "gate_tasks.ts");
      const gate = join(container.root, "tmp/gate");
      await using pool = start("run", "gate_tasks.ts", "--workers", "2");
      await pool.says(/ serving /);
      const first = pool.first!;
      const workers = childrenOf(first);
      deepStrictEqual([first, ...workers].map(uidOf), [USER, USER, USER]);
      await using q = getQueue<typeof gateTasks>(redisUrl!, { name: `image-${port}` });
      const passing = await q.pass("/tmp/gate");
      await eventually(() => passing.status(), (status) => status === "processing");
      process.kill(first, "SIGTERM");
      await pool.says(/ SIGTERM: stopping/);
      strictEqual((await once("health")).code, 1);
      writeFileSync(gate, "");
      strictEqual(await passing.result({ timeout: 10_000 }), USER);
      strictEqual(await codeOf(pool), 0);
      deepStrictEqual(workers.filter((pid) => uidOf(pid) !== undefined), []);
    });

    for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      await t.step(`as process 1 it ends on ${signal} while it waits for a result`, async () => {
        await using call = start("call", "nobody.there");
        await using q = getQueue(redisUrl!, { name: `image-${port}` });
        await eventually(() => q.size(), (size) => size > 0);
        process.kill(call.first!, signal);
        strictEqual(await codeOf(call), expected);
        await q.clear();
      });
    }
  },
});

/** How it ended, which it must do soon. */
function codeOf({ child }: Contained): Promise<number | null> {
  return eventually(() => child.exitCode, (code) => code !== null);
}

function checkConfig(config: ImageConfig): void {
  strictEqual(config.User, `${USER}:${USER}`);
  deepStrictEqual(config.Entrypoint, [WORQ]);
  deepStrictEqual(config.Healthcheck.Test, ["CMD", WORQ, "health"]);
  deepStrictEqual(Object.keys(config.ExposedPorts), ["8080/tcp"]);
  deepStrictEqual(config.Env.filter((one) => one.startsWith("WORQ_")), [
    "WORQ_MODULE=/app/tasks.ts",
    "WORQ_HEALTH=:8080",
  ]);
  strictEqual(config.StopSignal, "SIGTERM");
}

/** Builds the Dockerfile as it is; its packages come from a cache that the stand-in has. */
function buildImage(buildah: Buildah): void {
  console.log(`stand-ins, made on this machine: ${BUILD}, ${WITH_BUN}, ${BASE}`);
  const [deno, bun] = [findDeno(), findBun()];
  if (deno === undefined || bun === undefined) throw new Error("Cannot find Deno and Bun");
  const packages = downloadPackages(deno, join(buildah.folder, "packages"));
  const standIns: Record<string, StandIn> = {
    [BUILD!]: {
      files: { "usr/bin/deno": deno, "bin/sh": "/bin/sh", "deno-dir": packages },
      runs: [deno, bun, "/bin/sh"],
      env: { DENO_DIR: "/deno-dir/" },
    },
    [WITH_BUN!]: { files: { "usr/local/bin/bun": bun }, runs: [] },
    [BASE!]: { files: {}, runs: [bun] }, // what Bun makes needs what Bun needs
  };
  Object.entries(standIns).forEach(([name, standIn], i) => {
    const folder = join(buildah.folder, `stand-in-${i}`);
    writeStandIn(folder, standIn);
    buildah.build(folder, fullName(name), `${folder}.Dockerfile`);
  });
  buildah.build(REPOSITORY, IMAGE, join(REPOSITORY, "Dockerfile"));
}

/** With the host that engines add to a name without one. */
function fullName(image: string): string {
  return image.split("/")[0]!.includes(".") ? image : `docker.io/${image}`;
}

/** A cache of Deno's with the packages of the project, and nothing else. */
function downloadPackages(deno: string, folder: string): string {
  const [cwd, cache] = ["project", "cache"].map((name) => join(folder, name)) as [string, string];
  mkdirSync(cwd, { recursive: true });
  for (const name of ["deno.json", "deno.lock"]) {
    copyFileSync(join(REPOSITORY, name), join(cwd, name));
  }
  const env = { ...process.env, DENO_DIR: cache };
  const { status, stderr } = spawnSync(deno, ["install", "--frozen"], {
    cwd,
    env,
    encoding: "utf8",
  });
  strictEqual(status, 0, stderr);
  return cache;
}

/** Who runs a process; undefined when it is gone. */
function uidOf(pid: number): number | undefined {
  try {
    return Number(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return undefined;
  }
}
