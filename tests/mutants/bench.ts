/**
 * {@linkcode Bench}: gives each mutant to the suite for backends, the cases for Redis, random sequences
 * beside the memory queue, and clients in many orders of their calls, until a test fails.
 */
import fc from "fast-check";
import { RedisTaskQueue } from "@worq/worq/backend";
import { testTaskQueue } from "@worq/worq/testing";
import { within } from "../../src/queues/pauses.ts";
import { openRedisClient, type RedisClient } from "../../src/queues/redis_client.ts";
import { STEPS } from "../../src/queues/redis_lua.ts";
import { freshName } from "../support/backends.ts";
import { explore } from "../support/explorer.ts";
import { agree, type Scripts, sequences } from "../support/model.ts";
import { REDIS_CASES } from "../support/redis_cases.ts";
import { RedisServer } from "../support/redis_server.ts";
import { SCENARIOS } from "../support/scenarios.ts";
import { withSteps } from "../support/scripts.ts";
import { Clients } from "./clients.ts";
import { type Catch, type Stage, STAGES, type Verdict } from "./protocol.ts";

/** Milliseconds that a case of the suite may take. The longest takes a tenth of that. */
const CASE_LIMIT = 4_000;
/** Milliseconds for what comes after the suite. */
const LIMIT = 20_000;
/** Random sequences, in all. */
export const SEQUENCES = 200;
const SEED = 1;
const LANES = 4;
/** Orders of each scenario. */
export const ORDERS = 40;
/** Milliseconds after which a script counts as endless. */
const ENDLESS = 200;
/** What hangs in these is over with its clients. */
const CASES: readonly Stage[] = ["suite", "redis"];
const HANGS = "it was not over in time";
/** Milliseconds within which a server answers that is not in the middle of one. */
const AWAKE = 1_000;

/** What a mutant makes of a script. */
type Plant = (text: string) => string;

/** The test that failed. */
type Found = Omit<Catch, "by">;

/** A test, by its name. */
interface Test {
  readonly name: string;
  run(): Promise<unknown>;
}

/** Tests for mutants, on a Redis server of their own; ends with its scope. */
export class Bench implements AsyncDisposable {
  readonly #server: RedisServer;
  readonly #observer: RedisClient;
  /** The cases that caught the latest mutants come first: they often catch the next. */
  readonly #suite: Test[];
  /** Those of the mutant that is tried. */
  #clients: Clients | undefined;
  readonly #stages: Record<Stage, (plant: Plant) => Promise<Found | undefined>> = {
    suite: (plant) => this.#trySuite(plant),
    redis: (plant) => this.#tryRedis(plant),
    model: (plant) => this.#tryModel(plant),
    orders: (plant) => this.#tryOrders(plant),
  };

  private constructor(server: RedisServer, observer: RedisClient) {
    this.#server = server;
    this.#observer = observer;
    this.#suite = this.#casesOfSuite();
  }

  static async start(): Promise<Bench> {
    const server = await RedisServer.start(["--lua-time-limit", `${ENDLESS}`]);
    return new Bench(server, await openRedisClient(server.url, { connectTimeout: 5_000 }));
  }

  /** Ends the server at once, whatever it is doing. */
  kill(): void {
    this.#server.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#observer.close();
    await this.#server[Symbol.asyncDispose]();
  }

  /** Gives a mutant to the tests of these stages, until one fails. */
  async try(plant: Plant, stages: readonly Stage[] = STAGES): Promise<Verdict> {
    await this.#observer.send("FLUSHALL", []);
    await this.#observer.send("SCRIPT", ["FLUSH"]);
    for (const by of stages) {
      const found = await this.#stages[by](plant);
      if (found === undefined) continue;
      const last = found.hangs && (!CASES.includes(by) || !await this.#isAwake());
      return { caught: { by, ...found }, last };
    }
    return { last: false };
  }

  async #trySuite(plant: Plant): Promise<Found | undefined> {
    await using clients = await Clients.open(this.#server.url, plant);
    this.#clients = clients;
    return await firstToFail(this.#suite, CASE_LIMIT);
  }

  async #tryRedis(plant: Plant): Promise<Found | undefined> {
    const { url } = this.#server;
    await using clients = await Clients.open(url, plant);
    const { redisFactory } = clients;
    const tests = REDIS_CASES.map(([name, body]) => ({ name, run: () => body(url, redisFactory) }));
    return await firstToFail(tests, LIMIT);
  }

  async #tryModel(plant: Plant): Promise<Found | undefined> {
    await using stack = new AsyncDisposableStack();
    const kinds: Scripts[] = [];
    for (const steps of [STEPS, 2, 3]) {
      const few = withSteps(steps);
      const clients = await Clients.open(this.#server.url, (text, name) => few(plant(text), name));
      kinds.push({ steps, redisFactory: stack.use(clients).redisFactory });
    }
    const bench = { url: this.#server.url, client: this.#observer };
    const property = fc.asyncProperty(
      fc.constantFrom(...kinds),
      sequences,
      (kind, operations) => agree(bench, kind, operations),
    );
    const tests = Array.from({ length: LANES }, (_, lane) => ({
      name: `${SEQUENCES} sequences`,
      run: () =>
        fc.assert(property, {
          numRuns: SEQUENCES / LANES,
          seed: SEED + lane,
          endOnFailure: true,
        }),
    }));
    const found = await Promise.all(tests.map((test) => firstToFail([test], LIMIT)));
    return found.find((one) => one !== undefined);
  }

  async #tryOrders(plant: Plant): Promise<Found | undefined> {
    const tests = SCENARIOS.map((scenario) => ({
      name: scenario.name,
      run: () => explore(this.#server.url, scenario, plant, ORDERS),
    }));
    return await firstToFail(tests, LIMIT);
  }

  #casesOfSuite(): Test[] {
    const tests: Test[] = [];
    testTaskQueue({
      name: "",
      open: (clock) => {
        const { redisFactory } = this.#clients!;
        return new RedisTaskQueue(this.#server.url, freshName(), { redisFactory, clock });
      },
      test: (name, run) => tests.push({ name: name.trim(), run }),
    });
    return tests;
  }

  /** Whether the server is done with all scripts. */
  async #isAwake(): Promise<boolean> {
    try {
      await within(AWAKE, "asleep", this.#observer.send("PING", []));
      return true;
    } catch {
      return false;
    }
  }
}

/** The first test that fails or hangs; it is the first one of the list from then on. */
async function firstToFail(
  tests: Test[],
  limit: number,
): Promise<Found | undefined> {
  for (const [i, test] of tests.entries()) {
    try {
      await within(limit, HANGS, test.run());
    } catch (error) {
      tests.unshift(...tests.splice(i, 1));
      const { message } = error as Error;
      return { test: test.name, error: message, hangs: message === HANGS };
    }
  }
}
