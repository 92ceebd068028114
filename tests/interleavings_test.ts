/**
 * Two or three clients on one queue in Redis, in every order of their calls, and with a client that
 * dies or an answer that gets lost at each of them. Who does what is in `support/scenarios.ts`,
 * what must hold in `support/explorer.ts`.
 */
import { ok, rejects } from "node:assert/strict";
import { UNIT } from "../src/message.ts";
import { redisUrl, testOn } from "./support/backends.ts";
import {
  explore,
  LEASE,
  type Plant,
  type Program,
  type Scenario,
  START,
} from "./support/explorer.ts";
import { enqueue, inTurn, pool, SCENARIOS, slow } from "./support/scenarios.ts";

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
     redis.call('INCRBY', KEYS[1] .. 'refs:a', 1)
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
       redis.call('HDEL', KEYS[1] .. 'runs', ARGV[1])
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
    const result = await actor.send("GET", `${actor.prefix}r:a`) as string | null;
    if (result !== null) return { status: "success", text: result.slice(1, result.indexOf(UNIT)) };
    await actor.send("HSET", record, "waiters", actor.id);
  });

/** Claims, and is gone for longer than its lease. */
const leaves: Program = async (actor) => {
  await actor.exchange({ want: 1 });
  actor.pass(LEASE);
};

/** Comes once, and wants nothing: so what it does next is later than the first call of another. */
const looks: Program = (actor) => actor.exchange({});

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
    edit: [
      "exchange",
      "leave(id, read(P .. 't:' .. id, 'key')[1] or nil)",
      "call('HGET', RUNS, id)",
    ],
    noticed: /two places/,
  },
  {
    name: "a report counts that comes too late",
    scenario: {
      name: "two steps",
      setup: enqueue({ id: "a" }),
      clients: [slow, inTurn(looks, pool(1))],
      ids: ["a"],
    },
    edit: ["exchange", "if is_run(run, ARGV[at + 1])", "if run"],
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
