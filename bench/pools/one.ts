/**
 * The process that measures one contestant: it makes a pool when the run says so, and answers what
 * calls of that take. The same loops and clocks for every contestant.
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { check, clocked, inFlight, timesOf } from "../loops.ts";
import { type Figures, type Payload, payload, payloads } from "../protocol.ts";
import { serve } from "../serve.ts";
import { quantile } from "../statistics.ts";
import { Ideal } from "./ideal.ts";
import { memoryOf } from "./memory.ts";

/** What a pool runs its tasks in. */
export type Kind = "threads" | "processes";

/** What the run can ask for. */
export type Operation = "boot" | "noops" | "roundTrips" | "burns" | "memory";

/** What a contestant must be able to do. */
export interface Pool {
  /** Calls a task of `tasks.ts` and resolves with its result. */
  call(task: "noop" | "burn" | "meet", data: Payload): Promise<number>;
}

/** A pool of so many workers. */
export type MakePool = (workers: number) => Pool;

/** Calls in flight. */
const WIDTH = { noops: 1_000, burns: 64 };
/** The same for each worker until every one has been met. */
const MEETINGS = 4;
/** Milliseconds after which workers count as idle. */
const IDLE = 500;
const MEGABYTE = 1_000_000;

/** Answers questions about the pool of the kind that the command line names. */
export async function contest(makers: Partial<Record<Kind, MakePool>>): Promise<void> {
  const kind = process.argv[2] as Kind;
  const make = makers[kind];
  if (make === undefined) throw new TypeError(`No pool of ${kind}`);
  const one = new Contestant(kind, make);
  await serve<Operation>(({ op, n }) => one[op](n));
}

class Contestant implements Record<Operation, (n: number) => Promise<Figures>> {
  readonly #kind: Kind;
  readonly #make: MakePool;
  #pool: Pool | undefined;
  #ideal: Ideal | undefined;

  constructor(kind: Kind, make: MakePool) {
    this.#kind = kind;
    this.#make = make;
  }

  /** From making a pool of `workers` to the first result of the last one. */
  async boot(workers: number): Promise<Figures> {
    const start = performance.now();
    this.#pool = this.#make(workers);
    const seen = new Set<number>();
    let ms: number | undefined;
    const caller = async () => {
      while (seen.size < workers) {
        seen.add(await this.#call("meet", payload(0)));
        if (seen.size === workers) ms ??= performance.now() - start;
      }
    };
    await Promise.all(Array.from({ length: MEETINGS * workers }, caller));
    return { boot: ms! };
  }

  /** `n` tasks that do nothing. */
  async noops(n: number): Promise<Figures> {
    const data = payloads(n);
    const before = process.cpuUsage();
    const { ms } = await clocked(() =>
      inFlight(data, WIDTH.noops, (one) => this.#run("noop", one))
    );
    const { user, system } = process.cpuUsage(before);
    return { rate: n / ms * 1_000, cpu: (user + system) / n };
  }

  /** `n` tasks that do nothing, one after the other. */
  async roundTrips(n: number): Promise<Figures> {
    const times = await timesOf(n, (i) => this.#run("noop", payload(i)));
    return { p50: quantile(times, 0.5) * 1_000, p99: quantile(times, 0.99) * 1_000 };
  }

  /** `n` tasks that compute, beside the same work without a pool just before and just after. */
  async burns(n: number): Promise<Figures> {
    const ideal = this.#ideal ??= new Ideal();
    const data = payloads(n);
    const before = await clocked(() => ideal.burn(n));
    const { ms } = await clocked(() =>
      inFlight(data, WIDTH.burns, (one) => this.#run("burn", one))
    );
    const after = await clocked(() => ideal.burn(n));
    return { share: (before.ms + after.ms) / 2 / ms, task: (before.ms + after.ms) / n };
  }

  /** What each of `workers` idle ones takes; makes the pool. */
  async memory(workers: number): Promise<Figures> {
    const before = await memoryOf(this.#kind);
    await this.boot(workers);
    await sleep(IDLE);
    const after = await memoryOf(this.#kind);
    return { memory: (after - before) / workers / MEGABYTE };
  }

  #call(task: "noop" | "burn" | "meet", data: Payload): Promise<number> {
    return this.#pool!.call(task, data);
  }

  async #run(task: "noop" | "burn", data: Payload): Promise<void> {
    check(await this.#call(task, data), data.i);
  }
}
