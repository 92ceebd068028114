/**
 * The crash matrix: whatever happens to a worker, its task ran at least once, has one outcome, its
 * dependents are released once, and a new worker runs what comes.
 */
import { match, ok, strictEqual } from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { getBroker } from "@worq/worq";
import { isBun, isDeno } from "../src/runtime.ts";
import { testOnAll } from "./support/backends.ts";
import { type HostOptions, SMALL_HEAP } from "./support/crash_host.ts";
import { linesOf, MOMENTS, play, type Verdict } from "./support/crash_tasks.ts";
import { type Kind, KINDS } from "./support/worker_pools.ts";
import type { Fault } from "./support/worker_tasks.ts";

/** How a worker ends, as far as a task that ran once is told; by process and by thread. */
const ENDINGS: Record<Fault, { process: RegExp; thread: RegExp }> = {
  SIGKILL: { process: /was killed by SIGKILL/, thread: /^never/ },
  SIGTERM: both(/^fine$/),
  "exit(1)": both(/exited with code 1/),
  "exit(0)": both(/exited with code 0/),
  "out of memory": {
    process: /was killed by SIG(TRAP|ABRT|ILL)|exited with code 133|Out of memory/,
    thread: /Out of memory|gave no sign of life/,
  },
  spin: both(/took longer than the taskTimeout/),
  "uncaught error": both(/had an error that nobody caught: RangeError: nobody catches this/),
  "unhandled rejection": both(/had an error that nobody caught: RangeError: nobody handles this/),
  "garbage frame": both(/sent what no worker sends/),
};

function both(ending: RegExp) {
  return { process: ending, thread: ending };
}

const FAULTS = Object.keys(ENDINGS) as Fault[];

for (const kind of KINDS) {
  for (const fault of FAULTS) {
    for (const moment of MOMENTS) {
      testOnAll(`${kind}, ${fault}, ${moment}`, async (url, queue) => {
        const folder = await mkdtemp(join(tmpdir(), "worq-crash-"));
        try {
          const work = endsHost(kind, fault) ? 500 : 0;
          const ledger = join(folder, "ledger");
          await playCell({ kind, fault, moment, url, queue, ledger, work });
        } finally {
          await rm(folder, { recursive: true });
        }
      });
    }
  }
}

/** Whether threads take the process of the pool with them. */
function endsHost(kind: Kind, fault: Fault): boolean {
  if (kind === "process") return false;
  return fault === "SIGKILL" || fault === "SIGTERM" || (fault === "out of memory" && isDeno);
}

/**
 * Whether the fault ends the process it is in or is thrown there, as luck will have it: where
 * JavaScriptCore itself asks for memory and gets none, it aborts.
 */
function mayAbort(fault: Fault): boolean {
  return fault === "out of memory" && isBun;
}

async function playCell(options: HostOptions): Promise<void> {
  const { kind, fault, moment, url, queue, ledger } = options;
  if (!url.startsWith("memory:")) {
    await using _hosts = new Hosts(options);
    await using broker = getBroker(url, queue);
    return check(options, await play(broker, options));
  }
  const host = startHost(options);
  let text = "";
  host.stdout!.on("data", (data) => text += data);
  const [code, signal] = await once(host, "close");
  const aborted = kind === "thread" && mayAbort(fault) && signal === "SIGABRT";
  if (!endsHost(kind, fault) && !aborted) {
    strictEqual(code, 0, `${signal} ${text}`);
    return check(options, JSON.parse(text));
  }
  // The queue is gone with its process: nothing of it went on, nothing hung.
  if (fault === "SIGTERM") strictEqual(code, 0);
  else ok(code !== 0, `${code} ${signal}`);
  // One that aborted may have thrown before, for the first of two tasks.
  ok([1, aborted ? 2 : 1].includes(linesOf(ledger, "fault ").length));
  const runs = linesOf(ledger, "ran ");
  strictEqual(new Set(runs).size, runs.length);
  if (moment === "running" && fault !== "SIGTERM" && !aborted) strictEqual(runs.length, 1);
}

function check({ kind, fault, moment, ledger }: HostOptions, verdict: Verdict): void {
  const { victim, doomed, dependents, after, losses } = verdict;
  const runsOf = (id: string) => linesOf(ledger, `ran ${id} `);
  const runs = runsOf(victim.id).length;
  strictEqual(victim.outcome, victim.again, "one outcome");
  // A task that is over its time, or throws, is not lost: it has failed.
  const threw = mayAbort(fault) && victim.outcome !== "fine";
  const fails = moment === "running" && (fault === "spin" || threw);
  if (fails) {
    match(victim.outcome, ENDINGS[fault][kind]);
    strictEqual(runs, 1);
    match(dependents[0]!, /^TaskFailure/);
    strictEqual(dependents[1], "took TaskFailure");
  } else {
    strictEqual(victim.outcome, "fine");
    if (moment === "running") strictEqual(runs, fault === "SIGTERM" ? 1 : 2);
    else if (moment === "idle") strictEqual(runs, 1);
    else ok(runs === 1 || runs === 2, `${runs} runs`);
    for (const dependent of dependents) match(dependent, /^took fine/);
  }
  // All others ran once, and once more for each worker that was lost with them.
  for (const [id, count] of Object.entries(losses)) {
    if (fails && runsOf(id).length === 0) continue;
    ok(runsOf(id).length >= 1 && runsOf(id).length <= 1 + count, `${id} ${losses}`);
    // The worker may have been given one before it met its fate.
    const settled = moment !== "just finished" && !endsHost(kind, fault) && !mayAbort(fault);
    if (settled) strictEqual(count, 0);
  }
  if (doomed !== undefined && (fault === "SIGTERM" || !endsHost(kind, fault))) {
    match(doomed, ENDINGS[fault][kind]);
  }
  // A worker that met its fate gets nothing any more.
  const lost = linesOf(ledger, "fault ").map((line) => line.split(" ").at(-1)!);
  const alive = fails && threw; // and that was all
  for (const one of after) {
    match(one, /^took \d by /);
    if (!alive) ok(!lost.includes(one.split(" by ")[1]!), `${one} is one of ${lost}`);
  }
}

/** The process of a pool, started again whenever it ends, as a service manager does. */
class Hosts implements AsyncDisposable {
  readonly #options: HostOptions;
  #child!: ChildProcess;
  #stopping = false;

  constructor(options: HostOptions) {
    this.#options = options;
    this.#start();
  }

  #start(): void {
    this.#child = startHost(this.#options);
    this.#child.once("close", () => this.#stopping || this.#start());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const closed = once(this.#child, "close");
    process.kill(this.#child.pid!, "SIGTERM");
    await closed;
  }
}

function startHost(options: HostOptions): ChildProcess {
  const script = fileURLToPath(new URL("support/crash_host.ts", import.meta.url));
  const starved = options.fault === "out of memory";
  const args = isDeno ? ["run", "-A", ...(starved ? [SMALL_HEAP] : []), script] : [script];
  const command = [process.execPath, ...args, JSON.stringify(options)];
  // JavaScriptCore has no limit of its own: the system's, for data, in kilobytes.
  if (starved && isBun) command.unshift("sh", "-c", 'ulimit -d 1000000; exec "$0" "$@"');
  const [program, ...rest] = command;
  return spawn(program!, rest, { stdio: ["ignore", "pipe", "ignore"] });
}
