/**
 * Two or three clients on one queue in Redis, in every order of their calls, and with a client that
 * dies or an answer that gets lost at each of them. What must hold is in `support/explorer.ts`.
 */
import { ok, rejects } from "node:assert/strict";
import { redisUrl, testOn } from "./support/backends.ts";
import {
  type Actor,
  explore,
  LEASE,
  type Plant,
  type Program,
  type Scenario,
  START,
} from "./support/explorer.ts";

const pool = (count: number): Program => (actor) => actor.run(count);
const waiter = (id: string): Program => (actor) => actor.wait(id);
const enqueue = (...tasks: Parameters<Actor["driver"]["enqueue"]>): Program => (actor) =>
  actor.driver.enqueue(...tasks);
const inTurn = (...programs: Program[]): Program => async (actor) => {
  for (const program of programs) await program(actor);
};
const recover: Program = (actor) => actor.exchange({ pool: "recoverer" });

/** Claims, and is slow: its lease ends before it reports. */
const slow: Program = async (actor) => {
  const { claims } = await actor.exchange({ want: 1 });
  actor.pass(LEASE);
  await actor.exchange({ reports: claims.map((claim) => actor.report(claim)), leaving: true });
};

/** Claims a task that lived on renewals, and hands it back. */
const returns: Program = async (actor) => {
  const { claims } = await actor.exchange({ want: 1 });
  const renewals = claims.map(({ id, fence }) => ({ id, fence, lease: LEASE }));
  await actor.exchange({ renewals });
  const reports = claims.map((claim) => actor.report(claim, "returned"));
  await actor.exchange({ reports, leaving: true });
};

const b = { id: "b", origin: "1", takes: ["a"] };

/** Claims a task, which fails. */
const fails: Program = async (actor) => {
  const { claims } = await actor.exchange({ want: 1 });
  await actor.exchange({ reports: claims.map((claim) => actor.report(claim, "failed")) });
};

/** Claims a task, which fails and is to run again at once. */
const retries: Program = async (actor) => {
  const { claims } = await actor.exchange({ want: 1 });
  const reports = claims.map((claim) => ({ ...actor.report(claim, "retry"), delay: 0 }));
  await actor.exchange({ reports, leaving: true });
};

/** Looks after the time, when that of `expiresAt` has come. */
const late: Program = async (actor) => {
  actor.pass(LATE);
  await actor.exchange({ leaving: true });
};
const LATE = 1_000;

/** Claims one task, no more than one with its key at a time, and ends it. */
const limited: Program = async (actor) => {
  const limits = { perKey: { concurrency: 1 } };
  const { claims } = await actor.exchange({ want: 1, limits });
  const reports = claims.map((claim) => actor.report(claim));
  await actor.exchange({ reports, limits, leaving: true });
};

const far = { id: "far", origin: "@" };
const deliver: Program = ({ queue }) =>
  queue.deliver(far, { status: "success", text: '"far"' }, 60_000);
const replace = (origin: string): Program =>
  enqueue({ id: "a", origin, plan: { onDuplicate: "replace" } });

const GRAPH = enqueue(
  { id: "a" },
  { id: "b", takes: ["a"] },
  { id: "c", takes: ["a", "b"] },
  { id: "d", takes: ["c"], onError: "pass" },
);

const SCENARIOS: readonly Scenario[] = [
  {
    name: "a task ends while one that takes its result is added, and waited for",
    setup: enqueue({ id: "a" }),
    clients: [pool(1), inTurn(enqueue(b), waiter("b"))],
    ids: ["a", "b"],
    faults: 2,
  },
  {
    name: "three results come in while the task that takes them is added",
    setup: inTurn(enqueue({ id: "a" }, { id: "x" }, { id: "y" }), pool(1)),
    clients: [pool(2), enqueue({ id: "b", origin: "1", takes: ["a", "x", "y"] })],
    ids: ["a", "x", "y", "b"],
    faults: 1,
  },
  {
    name: "two pools end what a task takes, while it is added",
    setup: enqueue({ id: "a" }, { id: "x" }),
    clients: [pool(1), pool(1), enqueue({ id: "b", origin: "1", takes: ["a", "x"] })],
    ids: ["a", "x", "b"],
  },
  {
    name: "a result goes to five tasks, and the pool that has it dies",
    setup: enqueue(
      { id: "a" },
      ...["b", "c", "d", "e", "f"].map((id) => ({ id, takes: ["a"] })),
    ),
    clients: [pool(1), pool(1)],
    ids: ["a", "b", "c", "d", "e", "f"],
    faults: 1,
  },
  {
    name: "a failure runs down a graph, and the pool that has it dies",
    setup: GRAPH,
    steps: 4,
    clients: [fails, waiter("d"), recover],
    ids: ["a", "b", "c", "d"],
    faults: 1,
  },
  {
    name: "a failure runs down a graph that grows",
    steps: 4,
    setup: GRAPH,
    clients: [fails, inTurn(enqueue({ id: "e", origin: "1", takes: ["b", "c"] }), waiter("e"))],
    ids: ["a", "b", "c", "d", "e"],
  },
  {
    name: "a lease ends, and two pools see to it",
    setup: enqueue({ id: "a" }),
    clients: [slow, recover, pool(1)],
    ids: ["a"],
    faults: 2,
  },
  {
    name: "two slow pools take a task from each other",
    setup: enqueue({ id: "a", redeliveries: 5 }, { id: "b", takes: ["a"] }),
    clients: [slow, slow, waiter("b")],
    ids: ["a", "b"],
    faults: 1,
  },
  {
    name: "two pools sleep while two tasks are added",
    clients: [pool(1), pool(1), enqueue({ id: "a", origin: "1" }, { id: "b", origin: "1" })],
    ids: ["a", "b"],
    faults: 1,
  },
  {
    name: "two pools sleep while two tasks are added one by one",
    clients: [
      pool(1),
      pool(1),
      inTurn(enqueue({ id: "a", origin: "1" }), enqueue({ id: "b", origin: "1" })),
    ],
    ids: ["a", "b"],
  },
  {
    name: "a pool sleeps while another one makes tasks ready",
    setup: enqueue({ id: "a" }, { id: "b", takes: ["a"] }, { id: "c", takes: ["a"] }),
    clients: [pool(2), pool(1)],
    ids: ["a", "b", "c"],
    faults: 1,
  },
  {
    name: "a task is returned to a pool that sleeps",
    setup: enqueue({ id: "a" }),
    clients: [returns, pool(1), waiter("a")],
    ids: ["a"],
    faults: 1,
  },
  {
    name: "a task is cancelled while it runs and while another one takes its result",
    setup: enqueue({ id: "a" }),
    clients: [pool(1), (actor) => actor.driver.cancel("a"), inTurn(enqueue(b), waiter("b"))],
    ids: ["a", "b"],
    faults: 1,
  },
  {
    name: "a dependent is cancelled while it is added and released",
    setup: enqueue({ id: "a" }, { id: "x" }),
    clients: [
      pool(1),
      (actor) => actor.driver.cancel("b"),
      enqueue({ id: "b", origin: "1", takes: ["a", "x"] }),
    ],
    ids: ["a", "x", "b"],
  },
  {
    name: "a task is cancelled whose caller or canceller dies",
    setup: enqueue({ id: "a" }, { id: "x" }),
    clients: [
      (actor) => actor.driver.cancel("b", "a"),
      enqueue({ id: "b", origin: "1", takes: ["a", "x"] }, { id: "c", takes: ["b"] }),
    ],
    ids: ["a", "x", "b", "c"],
    faults: 1,
  },
  {
    name: "a queue is cleared while tasks are added and end",
    setup: enqueue({ id: "a" }, { id: "x" }),
    clients: [pool(1), (actor) => actor.queue.clear(), enqueue(b)],
    ids: ["a", "x", "b"],
    faults: 1,
  },
  {
    name: "a paused queue goes on while a pool falls asleep",
    setup: enqueue({ id: "a" }),
    clients: [
      pool(1),
      inTurn((actor) => actor.queue.pause(), (actor) => actor.queue.resume()),
      waiter("a"),
    ],
    ids: ["a"],
  },
  {
    name: "a task that is to be retried is cancelled, and waited for",
    setup: enqueue({ id: "a" }, { id: "b", takes: ["a"] }),
    clients: [retries, (actor) => actor.driver.cancel("a"), waiter("b")],
    ids: ["a", "b"],
    faults: 1,
  },
  {
    name: "a task is to be retried while its lease ends",
    setup: enqueue({ id: "a", redeliveries: 5 }),
    clients: [retries, slow, waiter("a")],
    ids: ["a"],
    faults: 1,
  },
  {
    name: "a task is claimed when it is too late",
    setup: enqueue({ id: "a", expiresAt: START + LATE }, { id: "b", takes: ["a"] }),
    clients: [retries, late, waiter("b")],
    ids: ["a", "b"],
    faults: 1,
  },
  {
    name: "a result of another queue comes while what takes it is added",
    clients: [
      deliver,
      inTurn(
        enqueue({ ...far, plan: { remote: true } }, { id: "b", origin: "1", takes: [far] }),
        waiter("b"),
      ),
      pool(1),
    ],
    ids: ["far", "b"],
    faults: 1,
    rescue: deliver, // a courier is given to another pool
  },
  {
    name: "a dead task is redriven while its id is chosen again",
    setup: inTurn(enqueue({ id: "a", origin: "1", resultTimeout: 0 }), async (actor) => {
      const { claims } = await actor.exchange({ want: 1 });
      const reports = claims.map((claim) => ({ ...actor.report(claim, "failed"), keep: 0 }));
      await actor.exchange({ reports });
    }),
    clients: [
      (actor) => actor.queue.redrive(["a"]),
      enqueue({ id: "a", origin: "2" }),
      pool(1),
    ],
    ids: ["a"],
    faults: 1,
    comesBack: true,
  },
  {
    name: "a task is replaced while it runs, by two calls",
    setup: enqueue({ id: "a", origin: "1", takes: [] }, { id: "b", takes: ["a"] }),
    clients: [pool(1), replace("2"), replace("3")],
    ids: ["a", "b"],
    comesBack: true,
  },
  {
    name: "two pools take tasks that share a key",
    setup: enqueue(...["a", "b", "c"].map((id) => ({ id, plan: { key: "x" } }))),
    clients: [limited, limited, (actor) => actor.driver.cancel("b")],
    ids: ["a", "b", "c"],
    faults: 1,
  },
  {
    name: "two producers choose the same id",
    clients: [
      enqueue({ id: "a", origin: "1" }, { id: "b", origin: "1", takes: ["a"] }),
      enqueue({ id: "a", origin: "2" }, { id: "c", origin: "2", takes: ["a"] }),
      pool(1),
    ],
    ids: ["a", "b", "c"],
    faults: 1,
  },
];

let orders = 0;

for (const scenario of SCENARIOS) {
  testOn(redisUrl, `in every order: ${scenario.name}`, async (url) => {
    orders += await explore(onOwn(url), scenario);
  });
}

addEventListener("unload", () => console.log(`${orders} orders of calls were tried`));

/** A mistake, and how it is noticed: otherwise the tests above would prove nothing. */
interface Mistake {
  readonly name: string;
  /** Where it shows: the scenario whose name has these words, or one with a client that is wrong. */
  readonly scenario: string | Scenario;
  /** Name of the script, the line, and what it is instead. */
  readonly edit?: readonly [script: string, line: string, to: string];
  readonly noticed: RegExp;
}

/** Asks whether the task is over before it says that it takes its result, as two calls. */
const addsInTwo: Program = async (actor) => {
  const over = (await actor.queue.inspect("a"))?.status === "success";
  if (over) return await actor.driver.enqueue({ id: "b" });
  const { prefix } = actor;
  await actor.send(
    "EVAL",
    `redis.call('MSET', KEYS[1] .. 'm:b', '\x1ft\x1f[]')
     redis.call('HSET', KEYS[1] .. 't:b', 'open', 1)
     redis.call('ZADD', KEYS[1] .. 'pending', 9, 'b')
     redis.call('HINCRBY', KEYS[1] .. 't:a', 'refs', 1)
     redis.call('RPUSH', KEYS[1] .. 'feeds:a', '9\x1fb')`,
    "1",
    prefix,
  );
};

/** Looks which leases have ended, and makes those tasks ready, as two calls. */
const recoversInTwo: Program = async (actor) => {
  const { prefix } = actor;
  const end = `${START + LEASE + 1_000}`;
  const ids = await actor.send("ZRANGEBYSCORE", `${prefix}leases`, "-inf", end) as string[];
  for (const id of ids) {
    await actor.send(
      "EVAL",
      `redis.call('ZREM', KEYS[1] .. 'leases', ARGV[1])
       redis.call('HSET', KEYS[1] .. 't:' .. ARGV[1], 'fence', '0')
       redis.call('ZADD', KEYS[1] .. 'ready', 1, ARGV[1])`,
      "1",
      prefix,
      id,
    );
  }
};

/** Looks whether the task is over, and then asks to be told, as two calls. */
const waitsInTwo: Program = (actor) =>
  actor.wait("a", async () => {
    const record = `${actor.prefix}t:a`;
    const outcome = await actor.send("HGET", record, "outcome") as string | null;
    if (outcome !== null) return { status: "success", text: outcome.slice(1) };
    await actor.send("HSET", record, "waiters", actor.id);
  });

/** Claims, and is gone for longer than its lease. */
const leaves: Program = async (actor) => {
  await actor.exchange({ want: 1 });
  actor.pass(LEASE);
};

const MISTAKES: readonly Mistake[] = [
  {
    name: "a task is released while it is still being added",
    scenario: "three results come in",
    edit: ["enqueue", "'open', 1 + ", "'open', 0 + "],
    noticed: /is ready before/,
  },
  {
    name: "a task is added after a look at what it takes",
    scenario: {
      name: "two steps",
      setup: enqueue({ id: "a" }),
      clients: [pool(1), addsInTwo],
      ids: ["a", "b"],
    },
    noticed: /never over/,
  },
  {
    name: "a pool dies between a result and those who take it",
    scenario: "a result goes to five tasks",
    edit: ["exchange", "if not through then call('RPUSH', UNSETTLED, id) end", ""],
    noticed: /never over/,
  },
  {
    name: "a lease that ended is seen to twice",
    scenario: {
      name: "two steps",
      setup: enqueue({ id: "a" }),
      clients: [inTurn(leaves, recoversInTwo), recoversInTwo, pool(1)],
      ids: ["a"],
    },
    noticed: /taken from a pool that is alive|two places/,
  },
  {
    name: "a lease that ended is left where it is",
    scenario: "a lease ends",
    edit: ["exchange", "leave(id, read(P .. 't:' .. id, 'key')[1] or nil)\n    lose(", "lose("],
    noticed: /two places/,
  },
  {
    name: "a report counts that comes too late",
    scenario: "two slow pools",
    edit: ["exchange", "if current == fence then", "if current then"],
    noticed: /no longer counts|two places/,
  },
  {
    name: "a pool that takes one of two tasks wakes nobody",
    scenario: "two pools sleep while two tasks are added",
    edit: ["exchange", "if sooner or #ids >= want then wake() end", ""],
    noticed: /sleeps, and/,
  },
  {
    name: "a pool is not to be woken for what it found nobody has",
    scenario: "two pools sleep while two tasks are added one by one",
    edit: ["exchange", "call('ZADD', IDLE, NOW, sleeper)", ""],
    noticed: /sleeps, and/,
  },
  {
    name: "a wait begins after a look at the result",
    scenario: {
      name: "two steps",
      setup: enqueue({ id: "a" }),
      clients: [pool(1), waitsInTwo],
      ids: ["a"],
    },
    noticed: /was not told/,
  },
];

for (const { name, scenario, edit, noticed } of MISTAKES) {
  testOn(redisUrl, `some order shows it when ${name}`, async (url) => {
    const chosen = typeof scenario === "string"
      ? SCENARIOS.find(({ name }) => name.includes(scenario))!
      : scenario;
    let made = edit === undefined;
    const plant: Plant = (text, script) => {
      if (script !== edit?.[0]) return text;
      const wrong = text.replace(edit[1], () => edit[2]);
      made = wrong !== text;
      return wrong;
    };
    await rejects(explore(onOwn(url), chosen, plant), noticed);
    ok(made, "the script has no such line any more");
  });
}

/** A database without the keys of other tests, which would be looked through after each order. */
function onOwn(url: string): string {
  return Object.assign(new URL(url), { pathname: "/8" }).href;
}
