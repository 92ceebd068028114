/** {@linkcode stateCases}: a test for each pair of a place and an event of the state table. */
import { strictEqual } from "node:assert/strict";
import { type Bench, type Case, SUITE_START } from "./case.ts";
import { after, type Event, type Place, placeOf, PLACES, TRANSITIONS } from "../states.ts";
import type { Claim } from "../task_queue.ts";
import type { Ending, TaskSpec } from "./driver.ts";

const LEASE = 15_000;
const KEEP = 60_000;
/** Long enough for what comes before, by the clock of a server. */
const SHORT_KEEP = 300;
const PATIENCE = 5_000;

interface StateBench extends Pick<Bench, "driver" | "pass"> {
  /** Milliseconds to keep the result. */
  readonly keep: number;
}

/** The task, with what was done to it. */
interface Subject extends StateBench {
  readonly place: Place;
  readonly task: TaskSpec;
  /** The claim of the pool that has it or had it; else one that nobody got. */
  readonly claim: Pick<Claim, "id" | "fence">;
}

const ID = "x";
/** The task whose result it takes, while it is pending. */
const NEED = "need";
/** When it is too late for it to start. */
const LATE = 40_000;
const TASK: TaskSpec = { id: ID, origin: "1", expiresAt: SUITE_START + LATE };
const NOBODY = { id: ID, fence: 1_000_000 };

/** How a task comes to each place. */
const WAYS: Record<Place, (bench: StateBench) => Promise<Partial<Subject>>> = {
  none: () => Promise.resolve({}),
  async pending({ driver }) {
    const task = { ...TASK, takes: [NEED] };
    await driver.enqueue({ id: NEED }, task);
    return { task };
  },
  async ready(bench) {
    const { claim } = await WAYS.leases(bench);
    await bench.driver.end("returned", claim!);
    return { claim: claim! };
  },
  async leases({ driver }) {
    await driver.enqueue(TASK);
    const [claim] = await driver.claim();
    return { claim: claim! };
  },
  async over(bench) {
    const { claim } = await WAYS.leases(bench);
    const reports = [bench.driver.report("success", claim!, bench.keep)];
    await bench.driver.exchange({ reports });
    return { claim: claim! };
  },
};

const end = (kind: Ending) => ({ driver, claim }: Subject) => driver.end(kind, claim);

/** Ends what a pending task waits for. */
const endNeed = (kind: Ending) => async ({ driver, place }: Subject) => {
  if (place === "pending") await driver.end(kind, ...await driver.claim());
};

/** How each event is made to happen, or tried. */
const ACTS: Record<Event, (subject: Subject) => Promise<unknown>> = {
  "is called": ({ driver, place }) =>
    driver.enqueue({ id: ID, origin: place === "none" ? "1" : "2" }),
  "is called with a result to come": ({ driver, place }) =>
    driver.enqueue({ id: "other" }, {
      id: ID,
      origin: place === "none" ? "1" : "2",
      takes: ["other"],
    }),
  "gets its results": endNeed("success"),
  "loses a result": endNeed("failed"),
  "is claimed": ({ driver }) => driver.claim(9),
  "succeeds": end("success"),
  "fails": end("failed"),
  "is to be retried": end("retry"),
  "is returned": end("returned"),
  "loses its worker": end("lost"),
  async "loses its last worker"({ driver, claim, place }) {
    await driver.end("lost", claim);
    if (place === "leases") await driver.end("lost", ...await driver.claim());
  },
  async "outlives its lease"({ driver, pass }) {
    pass(LEASE);
    await driver.exchange({});
  },
  "is renewed": ({ driver, claim: { id, fence } }) =>
    driver.exchange({ renewals: [{ id, fence, lease: LEASE }] }),
  "is reported by another": ({ driver, claim: { id, fence } }) =>
    driver.end("success", { id, fence: fence + 1 }, { id, fence: fence - 1 }),
  "is called again": ({ driver, task }) => driver.enqueue(task),
  "is called by another": ({ driver, task }) => driver.enqueue({ id: task.id, origin: "2" }),
  "is joined": ({ driver }) =>
    driver.enqueue({ id: ID, origin: "2", plan: { onDuplicate: "join" } }),
  "is replaced": ({ driver }) =>
    driver.enqueue({ id: ID, origin: "2", plan: { onDuplicate: "replace" } }),
  "is delivered": ({ driver }) =>
    driver.queue.deliver({ id: ID, origin: "1" }, { status: "success", text: "1" }, KEEP),
  async "is too late"({ driver, pass, claim: { id, fence } }) {
    await driver.exchange({ renewals: [{ id, fence, lease: 2 * LATE }] });
    pass(LATE);
    await driver.exchange({});
  },
  "is waited for": ({ driver }) => driver.outcome(ID),
  "is cancelled": ({ driver }) => driver.cancel(ID),
  "is cleared": ({ driver }) => driver.queue.clear(),
  async "is paused"({ driver }) {
    await driver.queue.pause();
    await driver.claim(9);
    await driver.queue.resume();
  },
  async "is kept long enough"({ driver, pass, place, keep }) {
    pass(keep);
    // A server forgets by its own clock.
    const end = Date.now() + (place === "over" ? PATIENCE : 0);
    while (Date.now() < end && await driver.queue.inspect(ID) !== undefined) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
};

/** The tests, by name. */
export function stateCases(): Case[] {
  const events = Object.keys(TRANSITIONS) as Event[];
  const places = Object.keys(PLACES) as Place[];
  return events.flatMap((event) => places.map((place) => caseOf(place, event)));
}

function caseOf(place: Place, event: Event): Case {
  const to = after(place, event);
  const what = to === place ? `leaves a task in ${place}` : `takes a task from ${place} to ${to}`;
  return [` ${what} that ${event}`, async (given) => {
    const bench = { ...given, keep: event === "is kept long enough" ? SHORT_KEEP : KEEP };
    const subject = { ...bench, place, task: TASK, claim: NOBODY, ...await WAYS[place](bench) };
    const where = async () => placeOf((await bench.driver.queue.inspect(ID))?.status);
    strictEqual(await where(), place);
    await ACTS[event](subject);
    strictEqual(await where(), to);
  }];
}
