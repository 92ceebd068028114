/** {@linkcode SCENARIOS}: what two or three clients do to each other on one queue. */
import { type Actor, LEASE, type Program, type Scenario, START } from "./explorer.ts";

/** Runs tasks until it had so many. */
export const pool = (count: number): Program => (actor) => actor.run(count);
const waiter = (id: string): Program => (actor) => actor.wait(id);
/** Adds tasks in one call. */
export const enqueue = (...tasks: Parameters<Actor["driver"]["enqueue"]>): Program => (actor) =>
  actor.driver.enqueue(...tasks);
/** One program after the other. */
export const inTurn = (...programs: Program[]): Program => async (actor) => {
  for (const program of programs) await program(actor);
};
const recover: Program = (actor) => actor.exchange({ pool: "recoverer" });

/** Claims, and is slow: its lease ends before it reports. */
export const slow: Program = async (actor) => {
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

/** The scenarios, each with all orders of its calls to be tried. */
export const SCENARIOS: readonly Scenario[] = [
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
