/**
 * {@linkcode explore}: runs the programs of a few clients in every order of their calls to Redis, and
 * with a fault at each of them. Each order is a run of its own, on a queue of its own.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { RedisTaskQueue } from "@worq/worq/backend";
import { UNIT } from "../../src/message.ts";
import type { RedisClient, RedisFactory } from "../../src/queues/redis_client.ts";
import { channelOf, prefixOf } from "../../src/queues/redis_lua.ts";
import { SCRIPTS, textFor } from "../../src/queues/redis_scripts.ts";
import { Driver } from "../../src/testing/driver.ts";
import type { Claim, Exchange, ExchangeAnswer, Outcome, Report } from "../../src/task_queue.ts";
import { freshName } from "./backends.ts";
import { keysOf } from "./redis_keys.ts";
import { rewriting, withSteps } from "./scripts.ts";

/** What one client does. */
export type Program = (actor: Actor) => Promise<unknown>;

/** A few clients on one queue. */
export interface Scenario {
  readonly name: string;
  /** What was done before. */
  readonly setup?: Program;
  readonly clients: readonly Program[];
  /** Every task there may be. */
  readonly ids: readonly string[];
  /** Faults in one run: a client dies before one of its calls, or the answer to one gets lost. */
  readonly faults?: number;
  /** Edges that a script walks at most; few of them have several calls for what else takes wide graphs. */
  readonly steps?: number;
  /** Whether a task that is over may be replaced, or run again. */
  readonly comesBack?: boolean;
  /** What somebody does in the end, whoever died. */
  readonly rescue?: Program;
}

/** What makes the scripts wrong, to see that it is noticed. */
export type Plant = (text: string, name: string) => string;

/** Milliseconds of the lease of a claim. */
export const LEASE = 15_000;
/** Milliseconds of the clock when a run begins. */
export const START = 1_000_000_000_000;
/** Calls of one order, which none of the programs comes near. */
const MOST = 100;
/** More of them take too long: the scenario is to be made smaller. */
const MOST_ORDERS = 4_000;
const FENCE = "fence";
/** While one lane waits for Redis, the others go on. */
const LANES = 4;

const LOOK = `
local rows = {}
for n = 2, #ARGV do
  local id = ARGV[n]
  local run = redis.call('HGET', ARGV[1] .. 'runs', id)
  local result = redis.call('GET', ARGV[1] .. 'r:' .. id)
  rows[n - 1] = { redis.call('EXISTS', ARGV[1] .. 'm:' .. id), run and string.match(run, '^ *(%d+)') or '',
    result and string.match(result, '^[^${UNIT}]*') or '',
    redis.call('ZSCORE', ARGV[1] .. 'pending', id) or '',
    redis.call('ZSCORE', ARGV[1] .. 'ready', id) or
      redis.call('ZSCORE', ARGV[1] .. 'keyed', id) or '',
    redis.call('ZSCORE', ARGV[1] .. 'leases', id) or '',
    table.concat(redis.call('LRANGE', ARGV[1] .. 'needs:' .. id, 0, -1), ' ') }
end
return rows`;

/** A task after a call: where it is, and what is written of it. */
interface Row {
  readonly place: "none" | "pending" | "ready" | "leases" | "over";
  readonly fence: string;
  readonly outcome: string;
  readonly deadline: number;
  /** The tasks whose results it takes. */
  readonly needs: readonly string[];
}

/** Not over, and not gone. */
const WAITS: readonly string[] = ["pending", "ready", "leases"];

interface Call {
  readonly command: string;
  readonly args: readonly string[];
  readonly answer: PromiseWithResolvers<unknown>;
}

/** Holds back the calls of a client until it is their turn. */
class Gate {
  readonly factory: RedisFactory;
  readonly calls: Call[] = [];
  /** Names of the loaded scripts by their hash. */
  readonly names = new Map<string, string>();
  /** Hashes of the loaded scripts by their text. */
  readonly #hashes = new Map<string, string>();
  client!: RedisClient;
  channel = "";
  open = true;
  /** Hears nothing, and its calls go nowhere. */
  dead = false;
  #fence = Promise.withResolvers<void>();

  constructor(plant: Plant, steps = 2) {
    const few = withSteps(steps);
    const load = rewriting((text, name) => few(plant(text, name), name));
    this.factory = async (...args) => {
      const client = this.client = await load(...args);
      return {
        ...client,
        send: (...call) => this.send(call[0], call[1]),
        subscribe: this.#subscribe,
      };
    };
  }

  /** Resolves when all that was published before is heard. */
  heardAll(): Promise<void> {
    this.#fence = Promise.withResolvers();
    return this.#fence.promise;
  }

  /** Loads every script, so that a first call takes no step more than another. */
  async loadScripts(): Promise<void> {
    const info = String(await this.client.send("INFO", ["server"]));
    const major = Number(/redis_version:(\d+)/.exec(info)![1]);
    await Promise.all(SCRIPTS.map(async (script) => {
      const text = textFor(script, major, false);
      const hash = String(await this.client.send("SCRIPT", ["LOAD", text]));
      this.#hashes.set(text, hash);
      this.names.set(hash, script.name);
    }));
  }

  async send(command: string, args: readonly string[]): Promise<unknown> {
    const hash = command === "SCRIPT" ? this.#hashes.get(args[1]!) : undefined;
    if (hash !== undefined) return hash;
    if (this.open) return await this.client.send(command, args);
    const answer = Promise.withResolvers<unknown>();
    if (!this.dead) this.calls.push({ command, args, answer });
    return await answer.promise;
  }

  readonly #subscribe: RedisClient["subscribe"] = (channel, onMessage, onRestored) => {
    this.channel = channel;
    return this.client.subscribe(channel, (message) => {
      if (message === FENCE) this.#fence.resolve();
      else if (!this.dead) onMessage(message);
    }, onRestored);
  };
}

/** A client, as its program has it. */
export class Actor {
  readonly name: string;
  readonly queue: RedisTaskQueue;
  readonly driver: Driver;
  readonly prefix: string;
  /** A call of its own, past the queue. */
  readonly send: (command: string, ...args: string[]) => Promise<unknown>;
  /** Moves the clock. */
  readonly pass: (time: number) => void;
  /** Tasks that it returned or declared lost or failed: those may be ready again before their lease ends. */
  readonly givenBack = new Set<string>();
  /** What its waits gave. */
  readonly outcomes = new Map<string, Outcome>();
  /** What it waits for without a call: `wake`, or the id of a task. */
  waitsFor: string | undefined;
  /** Without the gate. */
  readonly client: RedisClient;
  /** Of the client, among all. */
  readonly id: string;
  done = false;
  failure: unknown;
  #wakes = 0;
  #news = Promise.withResolvers<void>();

  constructor(name: string, queue: RedisTaskQueue, gate: Gate, pass: Actor["pass"]) {
    this.name = name;
    this.queue = queue;
    this.send = (command, ...args) => gate.send(command, args);
    this.client = gate.client;
    this.id = gate.channel.slice(channelOf("").length);
    this.pass = pass;
    this.prefix = prefixOf(queue.name);
    this.driver = new Driver(queue);
    queue.listen({
      wake: () => {
        this.#wakes++;
        this.#news.resolve();
      },
      outcome: () => this.#news.resolve(),
    });
  }

  /** One exchange of the pool with its name. */
  exchange(request: Partial<Exchange>): Promise<ExchangeAnswer> {
    return this.driver.exchange({ pool: this.name, lease: LEASE, ...request });
  }

  /** How a run of this claim ended. */
  report(claim: Claim, kind: Report["kind"] = "success"): Report {
    const { id, fence } = claim;
    if (kind === "returned" || kind === "lost" || kind === "retry") this.givenBack.add(id);
    return { ...this.driver.report(kind, claim), text: JSON.stringify(`${id} ${fence}`) };
  }

  /** Runs tasks until it had `count` of them, as a pool does: tells and fetches in one call. */
  async run(count: number): Promise<void> {
    let reports: Report[] = [];
    for (let left = count; left > 0 || reports.length > 0;) {
      const want = Math.min(1, left);
      this.#wakes = 0;
      const { claims } = await this.exchange({ reports, want, leaving: want === 0 });
      reports = claims.map((claim) => this.report(claim));
      left -= claims.length;
      if (claims.length < want) await this.#waitFor("wake", () => this.#wakes > 0);
    }
  }

  /** Waits for the outcome of a task, which `ask` gives or has told. */
  async wait(id: string, ask = () => this.driver.outcome(id)): Promise<void> {
    const outcome = await ask();
    if (outcome === undefined) await this.#waitFor(id, () => this.driver.heard.has(id));
    this.outcomes.set(id, outcome ?? this.driver.heard.get(id)!);
  }

  async #waitFor(what: string, holds: () => boolean): Promise<void> {
    this.waitsFor = what;
    while (!holds()) {
      this.#news = Promise.withResolvers();
      await this.#news.promise;
    }
    this.waitsFor = undefined;
  }
}

/** What happens next: a client's call, one whose answer is lost, or a client's end. */
interface Step {
  readonly client: number;
  readonly kind: "call" | "again" | "die";
}

/**
 * Runs every order, or `most` of them, and returns how many that were. Throws at the first that breaks
 * a rule.
 */
export async function explore(
  url: string,
  scenario: Scenario,
  plant: Plant = (text) => text,
  most: number = MOST_ORDERS,
): Promise<number> {
  const lanes = Array.from({ length: LANES }, () => new Lane(url, scenario, plant));
  const left: number[][] = [[]];
  let orders = 0;
  let busy = 0;
  const work = async (lane: Lane) => {
    while (left.length > 0 || busy > 0) {
      const prefix = left.pop();
      if (prefix === undefined) {
        await turn();
        continue;
      }
      busy++;
      try {
        left.push(...await lane.run(prefix));
      } catch (error) {
        left.length = 0;
        throw error;
      } finally {
        busy--;
      }
      if (++orders >= most) left.length = 0;
    }
  };
  const restore = hurry();
  try {
    await Promise.all(lanes.map((lane) => lane.open()));
    const all = lanes.map(work);
    await Promise.allSettled(all);
    await Promise.all(all);
  } finally {
    restore();
    await Promise.all(lanes.map((lane) => lane.close()));
  }
  if (orders >= MOST_ORDERS) throw new Error(`${scenario.name}: too much for every order`);
  return orders;
}

/** All that needs no answer of a server is done by then. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A lost answer is asked for again at once, not after a pause. */
function hurry(): () => void {
  const { setTimeout } = globalThis;
  const soon = (callback: () => void, time?: number, ...rest: unknown[]) => {
    // The first pauses, some of which is random.
    if (time === undefined || time < 10 || time > 40) {
      return Reflect.apply(setTimeout, globalThis, [callback, time, ...rest]);
    }
    queueMicrotask(callback);
    return 0;
  };
  Object.assign(globalThis, { setTimeout: soon });
  return () => void Object.assign(globalThis, { setTimeout });
}

/** Connections for one run at a time. */
class Lane {
  readonly #url: string;
  readonly #scenario: Scenario;
  readonly #gates: readonly Gate[];
  readonly #rescuer: Gate;
  readonly #held: RedisTaskQueue[] = [];
  #sha = "";

  constructor(url: string, scenario: Scenario, plant: Plant) {
    this.#url = url;
    this.#scenario = scenario;
    this.#gates = scenario.clients.map(() => new Gate(plant, scenario.steps));
    this.#rescuer = new Gate(plant, scenario.steps);
  }

  async open(): Promise<void> {
    for (const gate of [...this.#gates, this.#rescuer]) {
      const queue = new RedisTaskQueue(this.#url, "held", { redisFactory: gate.factory });
      await queue.stats();
      await gate.loadScripts();
      this.#held.push(queue);
    }
    this.#sha = String(await this.#rescuer.client.send("SCRIPT", ["LOAD", LOOK]));
  }

  async close(): Promise<void> {
    await Promise.all(this.#held.map((queue) => queue[Symbol.asyncDispose]()));
  }

  /** Runs one order, which begins with `prefix`; returns the beginnings of those that branch off. */
  async run(prefix: readonly number[]): Promise<number[][]> {
    const name = freshName();
    let now = START;
    // Pools that fell asleep at the same time would be woken in the order of their ids, which are random.
    const clock = () => ++now;
    const actorFor = (gate: Gate, who: string) => {
      const options = { clock, redisFactory: gate.factory };
      const queue = new RedisTaskQueue(this.#url, name, options);
      return new Actor(who, queue, gate, (time) => now += time);
    };
    const rescuer = actorFor(this.#rescuer, "rescuer");
    const actors = this.#gates.map((gate, n) => actorFor(gate, `${n}`));
    const run = new Run(this.#scenario, this.#sha, this.#gates, actors, rescuer, () => now);
    try {
      return await run.follow(prefix);
    } catch (error) {
      const message = `${this.#scenario.name}: ${(error as Error).message}\n${run.story}`;
      throw new Error(message, { cause: error });
    } finally {
      for (const gate of this.#gates) {
        gate.open = true;
        gate.dead = false;
        gate.calls.length = 0;
      }
      for (const { queue } of [...actors, rescuer]) await queue[Symbol.asyncDispose]();
    }
  }
}

/** One order. */
class Run {
  readonly #scenario: Scenario;
  readonly #sha: string;
  readonly #gates: readonly Gate[];
  readonly #actors: readonly Actor[];
  readonly #rescuer: Actor;
  readonly #clock: () => number;
  readonly #steps: string[] = [];
  readonly #left = new Set<string>();
  #rows = new Map<string, Row>();
  #faults = 0;
  #last: number | undefined;

  constructor(
    scenario: Scenario,
    sha: string,
    gates: readonly Gate[],
    actors: readonly Actor[],
    rescuer: Actor,
    clock: () => number,
  ) {
    this.#scenario = scenario;
    this.#sha = sha;
    this.#gates = gates;
    this.#actors = actors;
    this.#rescuer = rescuer;
    this.#clock = clock;
  }

  /** What was done, in order. */
  get story(): string {
    return this.#steps.join("\n");
  }

  async follow(prefix: readonly number[]): Promise<number[][]> {
    await this.#scenario.setup?.(this.#rescuer);
    await this.#look([]);
    this.#gates.forEach((gate) => gate.open = false);
    this.#actors.forEach((actor, n) => {
      this.#scenario.clients[n]!(actor).catch((error) => actor.failure = error)
        .finally(() => actor.done = true);
    });
    await turn();
    const taken: number[] = [];
    const branches: number[][] = [];
    for (let options; (options = this.#options()).length > 0;) {
      const choice = prefix[taken.length] ?? 0;
      if (taken.length >= prefix.length) {
        for (let other = 1; other < options.length; other++) branches.push([...taken, other]);
      }
      taken.push(choice);
      await this.#take(options[choice]!);
    }
    this.#checkStuck();
    await this.#rescue();
    return branches;
  }

  #options(): Step[] {
    const options: Step[] = [];
    const fault = this.#faults < (this.#scenario.faults ?? 0);
    for (const [client, { calls, dead }] of this.#gates.entries()) {
      if (calls.length === 0 || dead) continue;
      options.push({ client, kind: "call" });
      if (!fault) continue;
      options.push({ client, kind: "again" });
      // It does nothing until its next call: an end at any other time is the same.
      if (this.#last === client || this.#last === undefined) options.push({ client, kind: "die" });
    }
    return options;
  }

  async #take({ client, kind }: Step): Promise<void> {
    const gate = this.#gates[client]!;
    const call = gate.calls[0]!;
    this.#last = client;
    if (this.#steps.length === MOST) throw new Error("goes on for ever");
    if (kind !== "call") this.#faults++;
    const what = gate.names.get(call.args[0] ?? "") ?? call.command;
    this.#steps.push(`${client} ${kind} ${what}`);
    if (kind === "die") {
      gate.dead = true;
      gate.calls.length = 0;
      return;
    }
    gate.calls.shift();
    const sent = gate.client.send(call.command, call.args);
    sent.catch(() => {});
    await this.#look(this.#gates, gate.client);
    if (kind === "again") call.answer.reject(new Error("the answer got lost"));
    else call.answer.resolve(sent);
    await sent.catch(() => {});
    await turn();
  }

  /** Looks where each task is, after the call before, and checks how it came there. */
  async #look(gates: readonly Gate[], client = this.#rescuer.client): Promise<void> {
    const { ids } = this.#scenario;
    const heard = gates.map((gate) => gate.heardAll());
    const look = client.send("EVALSHA", [this.#sha, "0", this.#rescuer.prefix, ...ids]);
    for (const { channel } of gates) client.send("PUBLISH", [channel, FENCE]);
    const rows = new Map(
      (await look as string[][]).map((row, n) => [ids[n]!, toRow(row, ids[n]!)]),
    );
    await Promise.all(heard);
    for (const [id, row] of rows) this.#checkStep(id, this.#rows.get(id), row);
    for (const [id, { place, needs }] of rows) {
      const open = needs.filter((need) => WAITS.includes(rows.get(need)?.place ?? "none"));
      if (place !== "ready" && place !== "leases" || open.length === 0) continue;
      throw new Error(`${id} is ${place} before ${open} is over`);
    }
    this.#rows = rows;
  }

  #checkStep(id: string, before: Row | undefined, after: Row): void {
    if (before === undefined) return;
    const fail = (what: string) => {
      throw new Error(`${id} ${what}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`);
    };
    const from = before.place, to = after.place;
    // It was cleared, and may be stored again.
    if (to === "none") this.#left.delete(id);
    if (from === "over") {
      if (this.#scenario.comesBack) return;
      if (to !== "over" && to !== "none") fail("was over");
      if (to === "over" && before.outcome !== after.outcome) fail("has another outcome");
      return;
    }
    if (from === "none" && to === "leases") fail("was claimed before it was there");
    if (to === "pending" && from !== "none" && from !== "pending") fail("waits again");
    const again = this.#scenario.comesBack ||
      this.#actors.some(({ givenBack }) => givenBack.has(id));
    const claimedAnew = to === "leases" && before.fence !== after.fence;
    if (from === "leases" && (to === "ready" || claimedAnew) && !again) {
      if (before.deadline > this.#clock()) fail("was taken from a pool that is alive");
    }
    if (from === "pending" && to !== "pending") {
      if (this.#left.has(id)) fail("was released twice");
      this.#left.add(id);
    }
    const accepted = /^s"(\S+) (\d+)"$/.exec(after.outcome);
    if (accepted !== null && (from !== "leases" || accepted[2] !== before.fence)) {
      fail("has the outcome of a run that no longer counts");
    }
  }

  /** Nobody has a call to make: is anyone left out? */
  #checkStuck(): void {
    const living = this.#actors.filter((_, n) => !this.#gates[n]!.dead);
    for (const { waitsFor, name } of living) {
      if (waitsFor === "wake" && this.#faults === 0) {
        const ready = [...this.#rows].filter(([, { place }]) => place === "ready");
        strictEqual(ready.length, 0, `${name} sleeps, and ${ready.map(([id]) => id)} is ready`);
      } else if (waitsFor !== undefined && this.#rows.get(waitsFor)?.place === "over") {
        throw new Error(`${name} was not told of ${waitsFor}, which is over`);
      }
    }
  }

  /** All but those that wait are gone for good: somebody else comes, much later. */
  async #rescue(): Promise<void> {
    for (const [n, { waitsFor, done }] of this.#actors.entries()) {
      if (!done && waitsFor === "wake") this.#gates[n]!.dead = true;
    }
    const rescuer = this.#rescuer;
    await this.#scenario.rescue?.(rescuer);
    for (let round = 0;; round++) {
      rescuer.pass(LEASE);
      let reports: Report[] = [];
      do {
        const { claims } = await rescuer.exchange({ reports, want: 9 });
        await this.#look(this.#gates);
        reports = claims.map((claim) => rescuer.report(claim));
      } while (reports.length > 0);
      const { pending, ready, leased, unsettled } = await rescuer.queue.stats();
      if (pending + ready + leased + unsettled === 0) break;
      if (round === 5) throw new Error(`is never over: ${JSON.stringify([...this.#rows])}`);
    }
    await rescuer.queue.discard(this.#scenario.ids);
    await rescuer.exchange({ leaving: true });
    await turn();
    await this.#checkEnd();
  }

  async #checkEnd(): Promise<void> {
    for (const [n, { outcomes, waitsFor, name, failure }] of this.#actors.entries()) {
      if (failure !== undefined) throw failure;
      if (this.#gates[n]!.dead) continue;
      strictEqual(waitsFor, undefined, `${name} still waits for ${waitsFor}`);
      for (const [id, outcome] of outcomes) {
        const final = this.#rows.get(id)!.outcome;
        if (final !== "") deepStrictEqual(outcome.text, final.slice(1), `what ${name} was told`);
      }
    }
    const { client, queue, prefix } = this.#rescuer;
    deepStrictEqual(await queue.fsck({ repair: false, limit: 9 }), []);
    const keys = await keysOf(client, queue.name);
    const lasting = await Promise.all(
      keys.map(async (key) =>
        await client.send("PTTL", [key]) === -1 ? key.slice(prefix.length) : ""
      ),
    );
    const left = lasting.filter((key) => key !== "" && key !== "meta" && key !== "idle");
    deepStrictEqual(left, [], "keys that stay");
    await client.send("UNLINK", keys);
  }
}

function toRow(row: readonly string[], id: string): Row {
  const [there, fence = "", outcome = "", pending, ready, leases, needs = ""] = row;
  const places = [pending && "pending", ready && "ready", leases && "leases", outcome && "over"]
    .filter((place) => place !== "");
  if (places.length > 1) throw new Error(`${id} is in two places: ${places}`);
  if (places.length === 0 && Number(there) === 1) throw new Error(`${id} is in no place`);
  const place = (places[0] || "none") as Row["place"];
  const ids = needs.split(" ").filter((need) => need !== "").map((need) => need.split("\x1f")[0]!);
  return { place, fence, outcome, deadline: Number(leases || 0), needs: ids };
}
