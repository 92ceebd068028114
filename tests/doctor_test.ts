/** The doctor: each thing that can be wrong with a real server is named, and a sound one has nothing. */
import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { readdirSync } from "node:fs";
import { rm, symlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { getBroker, InlineWorkerPool } from "@worq/worq";
import { RedisTaskQueue } from "@worq/worq/backend";
import { privacy, version } from "../src/doctor/access.ts";
import { diagnose, type Diagnosis, type Level } from "../src/doctor/diagnosis.ts";
import { examine, type ExamineOptions } from "../src/doctor/examine.ts";
import { parseInfo } from "../src/doctor/server_facts.ts";
import { DEFAULT_POLICY, encodeMessage } from "../src/message.ts";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { parseRedisUrl } from "../src/queues/redis_url.ts";
import { Driver } from "../src/testing/driver.ts";
import { testOn } from "./support/backends.ts";
import { documentedRights } from "./support/documented_rights.ts";
import { eventually } from "./support/eventually.ts";
import { ClusterOfRedis, startPair, tell, WatchedRedis } from "./support/redis_fleet.ts";
import { findRedisServer, freePort, RedisServer } from "./support/redis_server.ts";
import { FROM_SOURCE, worq as run } from "./support/worq.ts";

const OWN = findRedisServer() && "own server";
const VALKEY = findRedisServer(["valkey-server"]);
const MEGABYTE = 1024 ** 2;

/** A server with which nothing is wrong; that the machine is slow is not its fault. */
const SOUND = ["--appendonly", "yes", "--maxmemory", "1gb", "--slowlog-log-slower-than", "-1"];
/** What a primary with a replica has besides. */
const SAFE = ["min-replicas-to-write", "1"];

/** What is not as it should be. */
async function wrong(url: string, options: ExamineOptions = {}): Promise<Diagnosis[]> {
  return (await examine(url, options)).filter(({ level }) => level !== "ok");
}

/** The only thing that is wrong is this. */
function isOnly(found: readonly Diagnosis[], level: Level, check: string, text: RegExp): void {
  const told = JSON.stringify(found);
  deepStrictEqual(found.map((one) => [one.check, one.level]), [[check, level]], told);
  match(found[0]!.text, text);
  ok(found[0]!.why && found[0]!.remedy, told);
}

/** One of the things that are wrong is this. */
function has(found: readonly Diagnosis[], level: Level, check: string, text: RegExp): void {
  ok(
    found.some((one) => one.check === check && one.level === level && text.test(one.text)),
    `${check} ${text}: ${JSON.stringify(found)}`,
  );
}

testOn(OWN, "the doctor finds nothing wrong with a sound server and its queues", async () => {
  await using server = await RedisServer.start(SOUND);
  await using broker = getBroker(server.url, "sound").expose({ twice: (n: number) => 2 * n });
  await using _pool = new InlineWorkerPool(broker).start();
  const twice = await broker.queue<{ twice(n: number): number }>().twice(2);
  strictEqual(await twice.result({ timeout: 10_000 }), 4);
  broker.schedule("often", { every: 1_000 }, broker.queue().twice, 1);
  const found = await examine(server.url);
  deepStrictEqual(found.filter(({ level }) => level !== "ok"), []);
  const named = new Set(found.map(({ check }) => check));
  for (const check of ["version", "rights", "persistence", "memory", "clock", "served"]) {
    ok(named.has(check), check);
  }
  match(found.find(({ check }) => check === "version")!.text, /^(Redis|Valkey) \d+\.\d+\.\d+$/);
});

testOn(VALKEY, "the doctor names Valkey", async (program) => {
  await using server = await RedisServer.start(SOUND, program);
  const found = await examine(server.url);
  deepStrictEqual(found.filter(({ level }) => level !== "ok"), []);
  match(found.find(({ check }) => check === "version")!.text, /^Valkey \d/);
});

type Named = readonly [level: Level, check: string, text: RegExp];

/** Settings that are wrong, and what the doctor says. */
const SETTINGS: readonly (readonly [settings: Record<string, string>, ...named: Named])[] = [
  [{ "maxmemory-policy": "allkeys-lru" }, "error", "eviction", /is allkeys-lru$/],
  [{ "maxmemory-policy": "volatile-ttl" }, "error", "eviction", /is volatile-ttl$/],
  [{ appendonly: "no" }, "warning", "persistence", /^nothing is written to disk/],
  [{ appendonly: "no", save: "3600 1" }, "note", "persistence", /only snapshots .*save 3600 1\)$/],
  [{ appendfsync: "no" }, "warning", "persistence", /^appendfsync is no$/],
  [{ maxmemory: "0" }, "note", "memory", /^there is no maxmemory$/],
  [{ timeout: "5" }, "warning", "timeout", /^timeout is 5 s$/],
  [{ "lua-time-limit": "20" }, "warning", "patience", /is 20 ms$/],
  [
    { "client-output-buffer-limit": "pubsub 1mb 512kb 60" },
    ...["warning", "buffers", /is pubsub 1048576 524288 60$/] as const,
  ],
  [
    { "client-output-buffer-limit": "normal 1mb 0 0" },
    ...["warning", "buffers", /is normal 1048576 0 0$/] as const,
  ],
  [{ "min-replicas-to-write": "1" }, "error", "replicas", /^0 replicas are there, and min-rep/],
];

for (const [settings, ...named] of SETTINGS) {
  testOn(OWN, `the doctor names ${JSON.stringify(settings)}`, async () => {
    await using server = await RedisServer.start(SOUND);
    await tell(server.url, "CONFIG", "SET", ...Object.entries(settings).flat());
    isOnly(await wrong(server.url), ...named);
  });
}

testOn(OWN, "the doctor names a snapshot that failed", async () => {
  await using server = await RedisServer.start([...SOUND, "--save", "3600", "1000"]);
  await rm(server.folder, { recursive: true });
  await tell(server.url, "BGSAVE");
  await eventually(
    () => tell(server.url, "INFO", "persistence"),
    (info) => `${info}`.includes("rdb_last_bgsave_status:err"),
  );
  has(await wrong(server.url), "error", "persistence", /^the last snapshot failed/);
});

testOn(OWN, "the doctor names an append-only file that cannot be written", async () => {
  await using server = await RedisServer.start(SOUND);
  await server.stop();
  const folder = join(server.folder, "appendonlydir");
  const file = readdirSync(folder).find((name) => name.endsWith(".incr.aof"))!;
  await rm(join(folder, file));
  await symlink("/dev/full", join(folder, file));
  await server.start();
  await tell(server.url, "SET", "x", "1");
  await eventually(
    () => tell(server.url, "INFO", "persistence"),
    (info) => `${info}`.includes("aof_last_write_status:err"),
  );
  has(await wrong(server.url), "error", "persistence", /^the last write to the append-only file/);
});

testOn(OWN, "the doctor names a server that is nearly full", async () => {
  await using server = await RedisServer.start(SOUND);
  await tell(server.url, "SETRANGE", "big", `${40 * MEGABYTE}`, "x");
  const info = `${await tell(server.url, "INFO", "memory")}`;
  const used = Number(/used_memory:(\d+)/.exec(info)?.[1]);
  await tell(server.url, "CONFIG", "SET", "maxmemory", `${Math.round(used / 0.87)}`);
  isOnly(await wrong(server.url), "warning", "memory", /^8\d % of \d\d MB is used$/);
  await tell(server.url, "CONFIG", "SET", "maxmemory", `${Math.round(used / 0.98)}`);
  has(await wrong(server.url), "error", "memory", /^\d+ % of \d\d MB is used$/);
});

testOn(OWN, "the doctor names memory that is in pieces", async () => {
  await using server = await RedisServer.start();
  const fill = "for i = 1, 100000 do redis.call('SET', i, string.rep('x', 1000)) end";
  const thin = "for i = 1, 100000 do if i % 8 > 0 then redis.call('DEL', i) end end";
  for (const script of [fill, thin]) await tell(server.url, "EVAL", script, "0");
  await eventually(
    () => tell(server.url, "INFO", "memory"),
    (info) => Number(/mem_fragmentation_ratio:([\d.]+)/.exec(`${info}`)?.[1]) > 1.5,
  );
  has(await wrong(server.url), "warning", "memory", /^the memory is in pieces: \d+ MB more/);
});

testOn(OWN, "the doctor names clients that are nearly too many", async () => {
  await using server = await RedisServer.start(SOUND);
  const options = { connectTimeout: 5_000 };
  const open = () => openRedisClient(server.url, options); // with two connections each
  const others = await Promise.all([open(), open(), open(), open()]);
  try {
    await others[0]!.send("CONFIG", ["SET", "maxclients", "11"]);
    isOnly(await wrong(server.url), "warning", "clients", /^9 of 11 clients/);
    await others[0]!.send("CONFIG", ["SET", "maxclients", "9"]);
    has(await wrong(server.url), "error", "clients", /^9 of 9 clients/);
  } finally {
    await Promise.all(others.map((client) => client.close()));
  }
});

testOn(OWN, "the doctor names a server without rights, each right that is missing", async () => {
  await using server = await RedisServer.start(SOUND);
  const rights = await documentedRights();
  const url = `redis://app:secret@127.0.0.1:${server.port}/0`;
  const change = (...more: string[]) =>
    tell(server.url, "ACL", "SETUSER", "app", ...rights, ...more);
  await change();
  const least = await wrong(url);
  deepStrictEqual(least.map(({ check, level, text }) => [level, check, text]), [
    ["note", "asked", "the server refuses CONFIG, SLOWLOG"],
    ["note", "rights", 'user "app" may not run WAIT'],
  ]);

  await change("+wait", "+config|get", "+slowlog|get");
  deepStrictEqual(await wrong(url), []);
  const all = rights.filter((right) => right.startsWith("+"));
  for (const right of new Set(all)) {
    await change("+wait", "+config|get", "+slowlog|get", `-${right.slice(1)}`);
    const found = await wrong(url);
    const name = right.slice(1).replace("|", " ").toUpperCase();
    const named = found.filter(({ check, text, remedy }) =>
      check === "rights" && new RegExp(`may not run (.*, )?${name}(,|$)`).test(text) &&
      remedy!.includes(right)
    );
    strictEqual(named.length > 0, true, `${right}: ${JSON.stringify(found)}`);
    const { level } = named[0]!;
    const isExtra = /^\+(info|ping|scan|hscan|lpos|pttl|type|zrank|zscan)$/.test(right);
    strictEqual(level, isExtra ? "note" : "error", right);
    strictEqual(found.some((one) => one.level === "error"), !isExtra, JSON.stringify(found));
    ok(!JSON.stringify(found).includes("secret"));
  }
});

testOn(OWN, "the doctor names what the default user may not run", async () => {
  await using server = await RedisServer.start(SOUND);
  await tell(server.url, "ACL", "SETUSER", "default", "-time");
  const found = await wrong(server.url, { queue: "mail" });
  has(found, "error", "rights", /^user "default" may not run TIME$/);
});

testOn(OWN, "the doctor names keys and channels out of reach", async () => {
  await using server = await RedisServer.start(SOUND);
  const rights = [...await documentedRights(), "+wait", "+config|get", "+slowlog|get"];
  const url = (user: string) => `redis://${user}:secret@127.0.0.1:${server.port}/0`;
  const make = (user: string, ...more: string[]) =>
    tell(server.url, "ACL", "SETUSER", user, ...rights, ...more);
  await make("other", "resetkeys", "~other:*");
  await make("deaf", "resetchannels");
  await make("mail", "resetkeys", "~worq:{mail}:*");
  has(await wrong(url("other")), "error", "rights", /may not touch the keys worq:\*$/);
  const deaf = await wrong(url("deaf"));
  has(deaf, "error", "rights", /may not listen to the channels worq:client:\*$/);
  strictEqual(deaf.filter(({ check }) => check === "rights").length, 1, JSON.stringify(deaf));
  await using mail = new RedisTaskQueue(url("mail"), "mail");
  await new Driver(mail).enqueue({ id: "a" });
  isOnly(await wrong(url("mail"), { queue: "mail" }), "warning", "served", /^1 task/);
  has(await wrong(url("mail"), { queue: "x" }), "error", "rights", /the keys worq:\{x\}:\*$/);
  await make("mail", "resetkeys", "~worq:{mail}:*", "-zadd");
  const found = await wrong(url("mail"), { queue: "mail" });
  has(found, "error", "rights", /may not run ZADD$/);
});

/** Passes on what comes, `wait` milliseconds after it came; that is for answer number `n`. */
async function slowWay(
  to: number,
  wait: (n: number) => number,
): Promise<AsyncDisposable & { url: string }> {
  const port = await freePort();
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createServer((here) => {
    const there = connect(to, "127.0.0.1");
    let answers = 0;
    for (const socket of [here, there]) {
      socket.on("error", () => {});
      sockets.add(socket);
    }
    here.on("data", (data) => there.write(data));
    here.on("close", () => there.destroy());
    there.on("data", (data) => setTimeout(() => here.write(data), wait(answers++)));
    there.on("close", () => here.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `redis://127.0.0.1:${port}/0`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

testOn(OWN, "the doctor names a way that is slow, always or now and then", async () => {
  await using server = await RedisServer.start(SOUND);
  await using far = await slowWay(server.port, () => 25);
  isOnly(await wrong(far.url), "warning", "latency", /^round trips take \d+ ms, the longest/);
  await using shaky = await slowWay(server.port, (n) => n === 10 ? 1_100 : 0);
  isOnly(await wrong(shaky.url), "warning", "latency", /the longest \d{4} ms$/);
});

testOn(OWN, "the doctor tells scripts of worq that were slow", async () => {
  await using server = await RedisServer.start(SOUND);
  const busy = (milliseconds: number) => `
    local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end
    local begin = now()
    while now() < begin + ${milliseconds} do end`;
  const runs = (script: string, ...keys: string[]) =>
    tell(server.url, "EVAL", script, `${keys.length}`, ...keys);
  await tell(server.url, "CONFIG", "SET", "slowlog-log-slower-than", "10000");
  await runs(busy(60), "mine");
  deepStrictEqual(await wrong(server.url), []);
  await runs(busy(60), "worq:{mail}:", "worq:{mail}:meta");
  isOnly(await wrong(server.url), "note", "scripts", /^1 of worq's .*\d+ ms \(queue "mail"\)$/);
  await runs(busy(300), "worq:{mail}:", "worq:{mail}:meta");
  isOnly(await wrong(server.url), "warning", "scripts", /^2 of worq's .* took \d\d\d ms/);
});

testOn(OWN, "the doctor names clocks that differ", async () => {
  await using server = await RedisServer.start(SOUND);
  const off = (by: number) => wrong(server.url, { now: () => Date.now() + by });
  deepStrictEqual(await off(400), []);
  isOnly(await off(3_000), "warning", "clock", /clock is [23]\.\d s behind the one here$/);
  isOnly(await off(-60_000), "error", "clock", /clock is (60\.\d|59\.9) s ahead of the one here$/);
});

Deno.test("the doctor names a server that is too old, and Valkey", () => {
  const target = parseRedisUrl("redis://host");
  const say = (info: string) => {
    const facts = { where: "host", info: parseInfo(info), target };
    const rest = { config: new Map(), refused: [], trips: [], ahead: 0, slow: [] };
    return diagnose([version], { ...facts, ...rest });
  };
  isOnly(say("redis_version:6.0.16\r\n"), "error", "version", /^it is Redis 6\.0\.16$/);
  deepStrictEqual(say("redis_version:6.2.0\r\n").map(({ text }) => text), ["Redis 6.2.0"]);
  const valkey = say("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n");
  deepStrictEqual(valkey.map(({ text }) => text), ["Valkey 8.1.1"]);
});

Deno.test("the doctor tells what others on the network can read", () => {
  const say = (url: string) => diagnose([privacy], { where: "host", target: parseRedisUrl(url) });
  isOnly(say("redis://host"), "note", "privacy", /has no password, and no TLS$/);
  isOnly(say("redis://:secret@host"), "note", "privacy", /has a password, but no TLS$/);
  for (
    const url of ["rediss://host", "redis://localhost", "redis://127.0.0.1:7", "redis://[::1]"]
  ) {
    deepStrictEqual(say(url).map(({ level }) => level), ["ok"]);
  }
});

testOn(OWN, "the doctor names a server that is another one than the URL says", async () => {
  const { primary, replica } = await startPair(SOUND);
  await using _primary = primary;
  await using _replica = replica;
  deepStrictEqual(await wrong(primary.url), []);
  const found = await wrong(replica.url);
  has(found, "error", "version", new RegExp(`is a replica of 127\\.0\\.0\\.1:${primary.port}$`));
  await rejects(examine(primary.url.replace("redis:", "redis+cluster:")), /write redis:\/\/ for/);
  await using server = await RedisServer.start([...SOUND, "--cluster-enabled", "yes"]);
  has(await wrong(server.url), "error", "version", /^it is part of a cluster$/);
});

testOn(OWN, "the doctor names a replica that is behind", async () => {
  const { primary, replica } = await startPair(SOUND);
  await using _primary = primary;
  await using _replica = replica;
  await tell(primary.url, "CONFIG", "SET", "min-replicas-max-lag", "2");
  process.kill(replica.pid, "SIGSTOP");
  await eventually(
    () => tell(primary.url, "INFO", "replication"),
    (info) => Number(/lag=(\d+)/.exec(`${info}`)?.[1]) > 2,
  );
  isOnly(await wrong(primary.url), "warning", "replicas", /^replica 127.0.0.1:\d+ is behind$/);
});

testOn(OWN, "the doctor looks at every server of a cluster", async () => {
  const options = [...SOUND, "--cluster-require-full-coverage", "no"];
  await using cluster = await ClusterOfRedis.start(1, 1, options);
  const [primary, replica] = cluster.servers;
  for (const { url } of cluster.servers) await tell(url, "CONFIG", "SET", ...SAFE);
  deepStrictEqual(await wrong(cluster.url), []);
  await tell(primary!.url, "CONFIG", "SET", "cluster-require-full-coverage", "yes");
  isOnly(await wrong(cluster.url), "note", "coverage", /full-coverage is yes$/);
  await tell(primary!.url, "CONFIG", "SET", "cluster-require-full-coverage", "no");
  await tell(primary!.url, "CONFIG", "SET", "min-replicas-to-write", "0");
  isOnly(await wrong(cluster.url), "note", "replicas", /^min-replicas-to-write is 0$/);
  await tell(primary!.url, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  const [evicts] = await wrong(cluster.url);
  strictEqual(evicts!.where, `127.0.0.1:${primary!.port}`);
  await tell(primary!.url, "CONFIG", "SET", "maxmemory-policy", "noeviction");
  await replica!.stop();
  await eventually(
    () => tell(primary!.url, "CLUSTER", "NODES"),
    (nodes) => `${nodes}`.includes("fail"),
  );
  const alone = await wrong(cluster.url);
  has(alone, "warning", "cluster", new RegExp(`^127.0.0.1:${replica!.port} counts as gone$`));
  has(alone, "warning", "replicas", /^it has no replica$/);
  await tell(primary!.url, "CLUSTER", "DELSLOTSRANGE", "0", "99");
  has(await wrong(cluster.url), "error", "cluster", /^100 of 16384 slots belong to no server$/);
});

testOn(OWN, "the doctor names a server of a cluster that is gone, and missing rights", async () => {
  await using cluster = await ClusterOfRedis.start(3, 0, SOUND);
  const [first, second] = cluster.servers;
  const rights = [...await documentedRights(), "+cluster|slots", "+asking"];
  for (const { url } of cluster.servers) await tell(url, "ACL", "SETUSER", "app", ...rights);
  await tell(second!.url, "ACL", "SETUSER", "app", "-zadd");
  const found = await wrong(cluster.url.replace("//", "//app:secret@"));
  const errors = found.filter(({ level }) => level === "error");
  isOnly(errors, "error", "rights", /^user "app" may not run ZADD$/);
  strictEqual(errors[0]!.where, `127.0.0.1:${second!.port}`);
  for (const { url } of cluster.servers) {
    await tell(url, "ACL", "SETUSER", "mail", ...rights, "resetkeys", "~worq:{mail}:*");
  }
  const mail = await wrong(cluster.url.replace("//", "//mail:secret@"), { queue: "mail" });
  deepStrictEqual(mail.filter(({ level }) => level === "error"), []);
  await second!.stop();
  const broken = await wrong(cluster.url);
  has(broken, "error", "reachable", /^this primary cannot be reached: /);
  await eventually(
    () => tell(first!.url, "CLUSTER", "INFO"),
    (info) => `${info}`.includes("cluster_state:fail"),
  );
  has(await wrong(cluster.url), "error", "cluster", /^its state is fail$/);
});

testOn(OWN, "the doctor asks every sentinel", async () => {
  await using watched = await WatchedRedis.start(3, [], SOUND);
  const { url, sentinels, servers: [primary] } = watched;
  await tell(primary!.url, "CONFIG", "SET", ...SAFE);
  deepStrictEqual(await wrong(url), []);
  const some = url.replace(`,127.0.0.1:${sentinels[2]!.port}`, "");
  isOnly(await wrong(some), "note", "sentinels", /^the URL names 2 of 3 sentinels$/);
  await sentinels[0]!.stop();
  const gone = new RegExp(`^sentinel 127.0.0.1:${sentinels[0]!.port}: .*ECONNREFUSED`);
  isOnly(await wrong(url), "warning", "sentinels", gone);
  await sentinels[1]!.stop();
  const found = await wrong(url);
  has(found, "error", "sentinels", gone);
  has(found, "error", "sentinels", /^1 sentinels answer, and the quorum is 2$/);
  await rejects(examine(url.replace("/mymaster", "/nobody")), /QueueUnavailable|no sentinel|ECONN/);
});

testOn(
  OWN,
  "the doctor tells when there is but one sentinel, and servers that disagree",
  async () => {
    await using watched = await WatchedRedis.start(1, [], SOUND);
    await tell(watched.servers[0]!.url, "CONFIG", "SET", ...SAFE);
    await using other = await RedisServer.start(SOUND);
    isOnly(await wrong(watched.url), "warning", "sentinels", /^there is one sentinel$/);
    await using astray = await RedisServer.startSentinel([
      `sentinel monitor ${WatchedRedis.NAME} 127.0.0.1 ${other.port} 1`,
    ]);
    const both = watched.url.replace(/,|\/mymaster/, `,127.0.0.1:${astray.port}$&`);
    has(await wrong(both), "error", "sentinels", /^they name different primaries: /);
  },
);

testOn(OWN, "the doctor says what a server waits for that answers nothing else", async () => {
  await using server = await RedisServer.start([...SOUND, "--lua-time-limit", "1"]);
  const endless = tell(server.url, "EVAL", "while true do end", "0").catch((error) => error);
  await eventually(
    () => tell(server.url, "PING").catch((error) => error.message),
    (answer) => /^BUSY /.test(`${answer}`),
  );
  await rejects(examine(server.url), /^QueueUnavailable: Cannot use Redis at .*BUSY /);
  await tell(server.url, "SCRIPT", "KILL");
  match(`${await endless}`, /killed/);
});

/** A queue on a sound server of its own, and what is wrong with it. */
async function onQueue(
  body: (parts: { queue: RedisTaskQueue; driver: Driver; url: string }) => Promise<void>,
): Promise<void> {
  await using server = await RedisServer.start(SOUND);
  await using queue = new RedisTaskQueue(server.url, "mail");
  await body({ queue, driver: new Driver(queue), url: server.url });
}

testOn(
  OWN,
  "the doctor names a queue that nobody serves",
  () =>
    onQueue(async ({ driver, url }) => {
      await driver.enqueue({ id: "a" }, { id: "b" });
      isOnly(await wrong(url), "warning", "served", /^2 tasks, and no pool runs/);
      deepStrictEqual(await wrong(url, { queue: "other" }), []);
      await driver.claim();
      deepStrictEqual(await wrong(url), []); // a pool has one of them
    }),
);

testOn(
  OWN,
  "the doctor names pools of different versions, and with different limits",
  () =>
    onQueue(async ({ queue, driver, url }) => {
      await driver.enqueue({ id: "a" });
      const card = { queues: ["mail"], tasks: [], workers: [], tallies: {} };
      const announce = (id: string, version: string, limits: object) =>
        queue.announce(id, JSON.stringify({ ...card, id, version, limits }), 60_000);
      await driver.exchange({ want: 1 });
      await announce("one", "1.0.0", {});
      await announce("two", "1.0.0", {});
      deepStrictEqual(await wrong(url), []);
      await announce("three", "1.1.0", {});
      isOnly(await wrong(url), "warning", "versions", /1\.0\.0 in two, 1\.1\.0 in three$/);
      await announce("three", "1.0.0", { concurrency: 3 });
      isOnly(await wrong(url), "warning", "limits", /\{"concurrency":3\} in three/);
    }),
);

testOn(
  OWN,
  "the doctor names a queue whose last pool died",
  () =>
    onQueue(async ({ driver, url }) => {
      await driver.enqueue({ id: "a" });
      await driver.exchange({ want: 1, lease: 1 });
      isOnly(await wrong(url), "warning", "served", /^1 task, and no pool runs/);
    }),
);

testOn(OWN, "the doctor names a queue of which nobody sees what is due", async () => {
  await using server = await RedisServer.start(SOUND);
  const clock = () => Date.now() - 3_600_000;
  await using queue = new RedisTaskQueue(server.url, "mail", { clock });
  await new Driver(queue).enqueue({ id: "a", plan: { delay: 1_000 } });
  isOnly(await wrong(server.url), "warning", "served", /^tasks are due, and no pool runs$/);
});

testOn(
  OWN,
  "the doctor names a queue that is paused, and has tasks",
  () =>
    onQueue(async ({ queue, driver, url }) => {
      await queue.pause();
      deepStrictEqual(await wrong(url), []);
      await driver.enqueue({ id: "a" });
      isOnly(await wrong(url), "warning", "paused", /^it is paused, with 1 task$/);
    }),
);

testOn(OWN, "the doctor counts dead tasks", () =>
  onQueue(async ({ driver, url }) => {
    await driver.enqueue({ id: "a" });
    await driver.end("failed", ...await driver.claim());
    isOnly(await wrong(url), "note", "dead", /^1 task failed for good$/);
  }));

testOn(
  OWN,
  "the doctor names a schedule that ticks no more",
  () =>
    onQueue(async ({ queue, driver, url }) => {
      const message = encodeMessage({ ...DEFAULT_POLICY, name: "tick", args: "[]", needs: 0 });
      const at = Date.now() - 3_600_000;
      const tick = { spec: '{"every":1000,"task":"tick"}', at, task: { id: "tick", message } };
      await queue.schedule([{ name: "often", tick: { ...tick, priority: 0 } }]);
      await driver.exchange({ want: 0 });
      await driver.run();
      isOnly(await wrong(url), "warning", "schedules", /^schedule often ticked last at 20\d\d-/);
    }),
);

testOn(
  OWN,
  "the doctor names what is left to do, and gets done by nobody",
  () =>
    onQueue(async ({ queue, driver, url }) => {
      await driver.enqueue({ id: "a" });
      const many = Array.from({ length: 900 }, (_, i) => ({ id: `n${i}`, takes: ["a"] }));
      await driver.enqueue(...many);
      const claims = await driver.claim();
      await queue.exchange({
        ...{ pool: "gone", number: 1, renewals: [], want: 0, lease: 1, leaving: true },
        reports: [driver.report("success", claims[0]!)],
      });
      has(await wrong(url), "warning", "unsettled", /^1 task still to be told/);
      await driver.exchange({ want: 900 });
      deepStrictEqual(await wrong(url), []);
    }),
);

testOn(
  OWN,
  "worq doctor ends with 0 for warnings, with 1 for errors, and with --strict",
  async () => {
    const doctor = (...args: string[]) => run(FROM_SOURCE, "doctor", ...args);
    await using server = await RedisServer.start(SOUND);
    const at = ["--url", server.url];
    const sound = await doctor(...at);
    deepStrictEqual([sound.code, sound.err], [0, ""]);
    match(sound.out, /^✓ version +127\.0\.0\.1:\d+: (Redis|Valkey) .*\nnothing is wrong\n$/ms);

    await tell(server.url, "CONFIG", "SET", "appendfsync", "no");
    const warned = await doctor(...at);
    deepStrictEqual([warned.code, warned.err], [0, ""]);
    match(
      warned.out,
      /^! persistence +\S+: appendfsync is no\n +a crash .*\n +→ CONFIG SET appendfsync.*\nno error, 1 warning\n$/m,
    );
    const strict = await doctor("--strict", ...at);
    deepStrictEqual([strict.code, strict.err], [1, "worq: 1 warning found, see above\n"]);

    await tell(server.url, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
    const failed = await doctor("--json", "--queue", "mail", ...at);
    deepStrictEqual([failed.code, failed.err], [
      1,
      "worq: 1 error and 1 warning found, see above\n",
    ]);
    const lines = failed.out.trimEnd().split("\n").map((line) => JSON.parse(line) as Diagnosis);
    deepStrictEqual(
      lines.filter(({ level }) => level === "error").map(({ check, where }) => [check, where]),
      [["eviction", `127.0.0.1:${server.port}`]],
    );
    await server.stop();
    const gone = await doctor(...at);
    deepStrictEqual([gone.code, gone.out], [3, ""]);
    match(gone.err, /^worq: Cannot use Redis at 127\.0\.0\.1:\d+: .*; another server: --url\n$/);
  },
);
