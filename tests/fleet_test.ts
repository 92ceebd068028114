/** Sentinel, TLS, users with few rights, writes that wait for replicas, and Valkey. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import process from "node:process";
import {
  all,
  getBroker,
  getQueue,
  InlineWorkerPool,
  listQueues,
  map,
  NotDurable,
  type QueueOptions,
  QueueUnavailable,
  type RedisTls,
  task,
} from "@worq/worq";
import { openRedisClient } from "../src/queues/redis_client.ts";
import { scriptCommands } from "../src/queues/redis_rights.ts";
import { testOn } from "./support/backends.ts";
import { eventually } from "./support/eventually.ts";
import { makeCertificates } from "./support/certificates.ts";
import { documentedRights } from "./support/documented_rights.ts";
import { startPair, tell, WatchedRedis } from "./support/redis_fleet.ts";
import { findRedisServer, freePort, RedisServer } from "./support/redis_server.ts";

const OWN = findRedisServer() && "own server";
const VALKEY = findRedisServer(["valkey-server"]);
const WAIT = { timeout: 60_000 };
const quiet = () => {};

const tasks = {
  twice: (n: number) => 2 * n,
  sum: (ns: number[]) => ns.reduce((a, b) => a + b, 0),
};

testOn(
  OWN,
  "a primary that dies is followed by its replica, and no durable call is lost",
  async () => {
    await using watched = await WatchedRedis.start();
    const { url, servers: [primary, replica] } = watched;
    await using worker = getBroker(url).expose(tasks);
    const leases = { heartbeatInterval: 4_000, redeliveries: 100 };
    await using durable = getQueue<typeof tasks>(url, { durable: true, ...leases });
    await using plain = getQueue<typeof tasks>(url, leases);
    await using _pool = new InlineWorkerPool(worker, { concurrency: 20, onError: quiet }).start();
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const waiting = { durable: [] as Promise<number>[], plain: [] as Promise<number>[] };
    let running = true;
    const calls = async (kind: keyof typeof waiting, q: typeof plain) => {
      while (running) {
        // After the failover there is no replica that could confirm.
        const handles = await map(q.twice, numbers).catch((error) => {
          strictEqual(error.name, "NotDurable", `${error}`);
          return [];
        });
        const results = handles.map((handle) => handle.result(WAIT));
        results.forEach((result) => result.catch(quiet));
        waiting[kind].push(...results);
      }
    };
    const all = Promise.all([calls("durable", durable), calls("plain", plain)]);
    await eventually(() => waiting.durable.length, (length) => length > 1_000);
    await primary!.stop("SIGKILL");
    // Who connects meanwhile, to a primary that is gone, waits for the next one.
    await using late = getQueue<typeof tasks>(url, { ...leases, connectTimeout: 20_000 });
    strictEqual(await (await late.twice(4)).result(WAIT), 8);
    const before = waiting.plain.length;
    await eventually(() => waiting.plain.length, (length) => length > before + 500, 20_000);
    running = false;
    await all;
    // What was confirmed is there; and everyone who waits hears, of what is lost, too.
    deepStrictEqual((await Promise.all(waiting.durable)).slice(0, 2), [0, 2]);
    for (const result of await Promise.allSettled(waiting.plain)) {
      if (result.status === "rejected") strictEqual(result.reason.name, "TaskExpired");
    }
    strictEqual((await tell(replica!.url, "ROLE") as string[])[0], "master");
  },
);

testOn(OWN, "a primary that becomes a replica by order is left at once", async () => {
  const watcher = await documentedRights("watcher");
  await using watched = await WatchedRedis.start(1, [`user watcher ${watcher.join(" ")}`]);
  const { url, servers: [, replica], sentinels: [sentinel] } = watched;
  const login = { sentinel: { username: "watcher", password: "secret" } };
  await using worker = getBroker(url, "default", login).expose(tasks);
  await using q = getQueue<typeof tasks>(url, login);
  const clients = () => tell(sentinel!.url, "CLIENT", "LIST");
  await using _pool = new InlineWorkerPool(worker, { onError: quiet }).start();
  strictEqual(await (await q.twice(1)).result(WAIT), 2);
  await eventually(clients, (list) => / sub=1 .* user=watcher /.test(`${list}`));
  const order = () => tell(sentinel!.url, "SENTINEL", "FAILOVER", WatchedRedis.NAME);
  // It needs some moments until it trusts the replica.
  await eventually(() => order().catch((error) => error.message), (answer) => answer === "OK");
  await eventually(() => watched.primary(), (server) => server === replica, 20_000);
  // The old one takes calls for some seconds more, which are lost; so it must be left at once.
  const heard = () => tell(replica!.url, "PUBSUB", "CHANNELS", "worq:client:*");
  await eventually(heard, (channels) => (channels as string[]).length > 0, 2_000);
  deepStrictEqual(await all(await map(q.twice, [1, 2]), WAIT), [2, 4]);
  deepStrictEqual(await listQueues(url, login), ["default"]);
  const { port } = sentinel!;
  await rejects(listQueues(`redis+sentinel://127.0.0.1:${port}/other/0`), {
    name: "QueueUnavailable",
    message: `Cannot use Redis at 127.0.0.1:${port}: no sentinel knows a primary "other"`,
  });
});

testOn(OWN, "rediss:// takes authorities and a certificate of the user's own", async () => {
  await using certificates = await makeCertificates();
  const { files, ca, cert, key } = certificates;
  const port = await freePort();
  const listens = ["--port", "0", "--tls-port", `${port}`, "--tls-auth-clients", "yes"];
  await using _server = await RedisServer.start([
    ...listens,
    "--tls-ca-cert-file",
    files.ca,
    "--tls-cert-file",
    files.cert,
    "--tls-key-file",
    files.key,
  ]);
  const url = `rediss://127.0.0.1:${port}/0`;
  {
    const tls = { ca, cert, key };
    await using worker = getBroker(url, "default", { tls }).expose(tasks);
    await using q = getQueue<typeof tasks>(url, { tls });
    await using _pool = new InlineWorkerPool(worker).start();
    strictEqual(await (await q.twice(2)).result(WAIT), 4);
    deepStrictEqual(await listQueues(url, { tls }), ["default"]);
  }
  const host = `127.0.0.1:${port}`;
  const cases: [RedisTls | undefined, RegExp][] = [
    [undefined, /certificate|issuer/i],
    [{ cert, key }, /certificate|issuer/i],
    [{ ca, cert, key, servername: "elsewhere" }, /elsewhere|altname|NotValidForName|host/i],
  ];
  for (const [tls, reason] of cases) {
    await rejects(
      listQueues(url, { connectTimeout: 2_000, ...(tls ? { tls } : {}) }),
      (error: Error) => {
        strictEqual(error.name, "QueueUnavailable");
        ok(error.message.startsWith(`Cannot use Redis at ${host}: `), error.message);
        ok(reason.test(error.message), error.message);
        return true;
      },
    );
  }
});

testOn(OWN, "rediss+cluster:// and rediss+sentinel:// use TLS on every connection", async () => {
  await using certificates = await makeCertificates();
  const { files, ca } = certificates;
  const port = await freePort();
  const secure = [
    ["port", "0"],
    ["tls-auth-clients", "no"],
    ["tls-replication", "yes"],
    ["tls-ca-cert-file", files.ca],
    ["tls-cert-file", files.cert],
    ["tls-key-file", files.key],
  ] as const;
  const args = secure.flatMap(([name, value]) => [`--${name}`, value]);
  const options = { tls: { ca } };
  {
    const bus = ["--tls-cluster", "yes", "--cluster-port", `${await freePort()}`];
    const cluster = ["--cluster-enabled", "yes", ...bus];
    await using _server = await RedisServer.start([...args, "--tls-port", `${port}`, ...cluster]);
    const at = `rediss://127.0.0.1:${port}/0`;
    const secretly = async (command: string, ...args: string[]) => {
      const client = await openRedisClient(at, { connectTimeout: 5_000, ...options });
      return await client.send(command, args).finally(() => client.close());
    };
    await secretly("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    const state = () => secretly("CLUSTER", "INFO");
    await eventually(state, (info) => `${info}`.includes("cluster_state:ok"));
    await using q = getQueue(`rediss+cluster://127.0.0.1:${port}`, options);
    await q.f();
    strictEqual(await q.clear(), 1);
  }
  await using _server = await RedisServer.start([...args, "--tls-port", `${port}`]);
  const sentinelPort = await freePort();
  await using _sentinel = await RedisServer.startSentinel([
    ...secure.map((line) => line.join(" ")),
    `tls-port ${sentinelPort}`,
    `sentinel monitor safe 127.0.0.1 ${port} 1`,
  ]);
  await using q = getQueue(`rediss+sentinel://127.0.0.1:${sentinelPort}/safe`, options);
  await q.f();
  strictEqual(await q.clear(), 1);
});

testOn(OWN, "the documented rights are enough, and each one that is missing is named", async () => {
  await using server = await RedisServer.start();
  const rights = await documentedRights();
  const url = `redis://app:secret@127.0.0.1:${server.port}/0`;
  await tell(server.url, "ACL", "SETUSER", "app", ...rights);
  const graph = async () => {
    await using worker = getBroker(url).expose(tasks);
    await using q = getQueue<typeof tasks>(url);
    await using _pool = new InlineWorkerPool(worker, { onError: quiet }).start();
    const sum = await q.sum([q.twice(1), q.twice(2)]);
    strictEqual(await sum.result(WAIT), 6);
    const late = await q.twice(sum);
    await late.cancel();
    strictEqual((await late.why()).cause, "over");
    strictEqual((await worker.taskQueue.stats()).leased, 0);
    ok((await listQueues(url)).includes("default"));
    await using other = getBroker(url, "waiting");
    const waiting = other.queue<typeof tasks>();
    await waiting.sum([waiting.twice(1)]);
    deepStrictEqual(await other.fsck(), []);
    await other.clear();
    await q.clear();
  };
  await graph();
  const scripts = scriptCommands().map((command) => `+${command.toLowerCase()}`);
  deepStrictEqual(scripts.filter((right) => !rights.includes(right)), []);
  for (const right of rights.filter((right) => right.startsWith("+"))) {
    await tell(server.url, "ACL", "SETUSER", "app", ...rights, `-${right.slice(1)}`);
    const error = await graph().catch((error) => error);
    if (right === "+info" || right === "+ping") {
      strictEqual(error, undefined, right);
      continue;
    }
    strictEqual(error?.name, "QueueUnavailable", `${right}: ${error}`);
    ok(
      new RegExp(`: \\S+: NOPERM .*\\b${RegExp.escape(right.slice(1))}\\b`, "i").test(
        error.message,
      ),
      `${error}`,
    );
    ok(error.message.endsWith("; docs/redis.md tells what worq needs"), error.message);
  }
});

testOn(OWN, "a wrong password, none, and keys or channels out of reach are told", async () => {
  await using server = await RedisServer.start(["--requirepass", "sesame"]);
  const host = `127.0.0.1:${server.port}`;
  const tellIt = (...args: string[]) =>
    tell(`redis://:sesame@${host}/0`, "ACL", "SETUSER", ...args);
  const rights = await documentedRights();
  await tellIt("app", ...rights, "resetkeys", "~other:*");
  await tellIt("deaf", ...rights, "resetchannels");
  await tellIt("mail", ...rights, "resetkeys", "~worq:{mail}:*");
  const cases: [login: string, message: RegExp][] = [
    ["", /: connect: NOAUTH .*; the server asks for a password/],
    [":wrong@", /: connect: WRONGPASS .*; the user or the password of the URL is wrong/],
    ["app:secret@", /: enqueue_plain: NOPERM .*keys.*; docs\/redis.md/],
    ["deaf:secret@", /: connect: NOPERM .*(PUBLISH|channel).*; docs\/redis.md/],
  ];
  for (const [login, message] of cases) {
    await using q = getQueue(`redis://${login}${host}/0`);
    await rejects(q.f(), (error: Error) => {
      strictEqual(error.name, "QueueUnavailable");
      ok(error.message.startsWith(`Cannot use Redis at ${host}: `), error.message);
      ok(message.test(error.message), error.message);
      ok(!/wrong@|secret|sesame/.test(error.message), error.message);
      return true;
    });
  }
  await rejects(listQueues(`redis+cluster://:sesame@${host}`), {
    name: "QueueUnavailable",
    message: /cluster support disabled; this server is no cluster: write redis:\/\/ for/,
  });
  await using mail = getQueue(`redis://mail:secret@${host}/0`, { name: "mail" });
  await mail.f();
  strictEqual(await mail.clear(), 1);
});

testOn(
  OWN,
  "a durable call is stored when replicas have it, and NotDurable otherwise",
  async () => {
    const { primary, replica } = await startPair();
    await using stack = new AsyncDisposableStack();
    stack.use(primary);
    stack.use(replica);
    const waits = async () => {
      const stats = await tell(primary.url, "INFO", "commandstats");
      return Number(/cmdstat_wait:calls=(\d+)/.exec(`${stats}`)?.[1] ?? 0);
    };
    await using broker = getBroker(primary.url, "default", { durable: true }).expose(tasks);
    await using q = getQueue<typeof tasks>(primary.url, { durable: { replicas: 1, timeout: 200 } });
    await using two = getQueue<typeof tasks>(primary.url, {
      durable: { replicas: 2, timeout: 50 },
    });
    // One WAIT for a batch of several scripts.
    const handles = await map(q.twice, Array.from({ length: 1_000 }, (_, i) => i));
    strictEqual(await waits(), 1);
    const copied = () => tell(replica.url, "ZCARD", "worq:{default}:ready");
    strictEqual(await copied(), 1_000);
    await rejects(two.twice(1), {
      name: "NotDurable",
      message: /^Cannot confirm the call: 1 of 2 replicas had it after 50 ms; its task is stored/,
    });
    // A replica that hangs.
    process.kill(replica.pid, "SIGSTOP");
    const same = () => task(q.twice, { id: "same" })(7);
    await rejects(same(), (error: Error) => {
      ok(error instanceof NotDurable && error instanceof QueueUnavailable);
      ok(/: 0 of 1 replicas had it after 200 ms; /.test(error.message), error.message);
      return true;
    });
    await rejects(same(), { name: "NotDurable" }); // again: it is there, and still not confirmed
    process.kill(replica.pid, "SIGCONT");
    await eventually(() => same().catch((error) => error.name), (name) => name === "DuplicateTask");
    strictEqual(await copied(), 1_002);
    // Connections that break: all is stored once, and confirmed.
    const more: Promise<unknown[]>[] = [];
    for (let i = 0; i < 20; i++) {
      more.push(map(q.twice, [i, i, i]));
      if (i % 5 === 0) await tell(primary.url, "CLIENT", "KILL", "TYPE", "normal");
    }
    strictEqual((await Promise.all(more)).flat().length, 60);
    strictEqual(await copied(), 1_062);
    await using _pool = new InlineWorkerPool(broker, { concurrency: 100, onError: quiet }).start();
    strictEqual((await all(handles, WAIT)).length, 1_000);
    strictEqual(await (await broker.queue<typeof tasks>().twice(4)).result(WAIT), 8);
  },
);

Deno.test("durable is accepted on memory://, and checked everywhere", async () => {
  await using q = getQueue("memory://durable", { durable: true });
  await q.f();
  strictEqual(await q.clear(), 1);
  const wrong: [unknown, RegExp][] = [
    ["yes", /durable must be true, false or \{ replicas, timeout \}, received yes/],
    [{ replicas: 0 }, /durable.replicas must be a whole number, 1 or more, received 0/],
    [{ timeout: Infinity }, /durable.timeout must be a whole number, 1 or more, received Inf/],
  ];
  for (const [durable, message] of wrong) {
    throws(() => getQueue("memory://durable", { durable } as QueueOptions), message);
    throws(() => getBroker("redis://host", "default", { durable } as QueueOptions), message);
  }
});

testOn(VALKEY, "Valkey runs graphs of tasks, and its replicas confirm", async (program) => {
  await using server = await RedisServer.start([], program);
  await using replica = await RedisServer.start(
    ["--replicaof", "127.0.0.1", `${server.port}`],
    program,
  );
  const url = server.url;
  await using worker = getBroker(url).expose(tasks);
  await using q = getQueue<typeof tasks>(url, { durable: { replicas: 1, timeout: 10_000 } });
  await using _pool = new InlineWorkerPool(worker).start();
  const sum = await q.sum(await map(q.twice, Array.from({ length: 500 }, (_, i) => i)));
  strictEqual(await sum.result(WAIT), 249_500);
  deepStrictEqual(await listQueues(url), ["default"]);
  ok(`${await tell(replica.url, "INFO", "server")}`.includes("valkey"));
});
