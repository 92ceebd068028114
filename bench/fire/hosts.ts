/** {@linkcode ProcessHosts}: the processes of pools, each started again whenever it ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isDeno } from "../../src/runtime.ts";
import { type HostKind, type HostOptions, READY } from "./host.ts";
import type { Random } from "./random.ts";

/** A process that was killed. */
export interface Kill {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly host: string;
}

/** What all hosts are told. */
export interface HostsOptions {
  /** One host of each. */
  readonly kinds: readonly HostKind[];
  readonly url: string;
  readonly queue: string;
  readonly ledger: string;
}

/** Runs pools; they end with its scope. */
export interface Hosts extends AsyncDisposable {
  /** Those so far. */
  readonly kills: readonly Kill[];
  /** Ends that nobody wanted, with what was said before. */
  readonly crashes: readonly string[];
  /** Kills one of them; another one takes its place. */
  kill(random: Random): void;
  /** Stops one of them for some milliseconds, as a machine does that has no memory left. */
  freeze(random: Random, time: number): void;
  /** Resolves when all of them are there, and take tasks. */
  recover(): Promise<void>;
}

/** One place, with the process that has it now. */
interface Slot {
  readonly kind: HostKind;
  readonly number: number;
  /** How many had it before. */
  readonly starts: number;
  readonly name: string;
  readonly child: ChildProcess;
  /** Resolves when it takes tasks, or is over. */
  readonly ready: Promise<void>;
  frozen: boolean;
}

const LOG_LENGTH = 2_000;

/** Runs each pool in a process of its own. */
export class ProcessHosts implements Hosts {
  readonly kills: Kill[] = [];
  readonly crashes: string[] = [];
  readonly #options: HostsOptions;
  readonly #slots: Slot[];
  readonly #thaws = new Set<Promise<void>>();
  /** One that is frozen would outlive this process. */
  readonly #onExit = () => this.#slots.forEach((slot) => signal(slot, "SIGKILL"));
  #stopping = false;

  private constructor(options: HostsOptions) {
    this.#options = options;
    process.on("exit", this.#onExit);
    this.#slots = options.kinds.map((kind, number) => this.#launch({ kind, number, starts: 0 }));
  }

  /** Starts them; resolves when all of them take tasks. */
  static async start(options: HostsOptions): Promise<ProcessHosts> {
    const hosts = new ProcessHosts(options);
    await hosts.recover();
    return hosts;
  }

  kill(random: Random): void {
    const slot = this.#anyOf(random);
    if (slot === undefined) return;
    this.kills.push({ at: Date.now(), host: slot.name });
    signal(slot, "SIGKILL");
  }

  freeze(random: Random, time: number): void {
    const slot = this.#anyOf(random);
    if (slot === undefined) return;
    slot.frozen = true;
    signal(slot, "SIGSTOP");
    const thaw = new Promise<void>((resolve) => setTimeout(resolve, time)).then(() => {
      signal(slot, "SIGCONT");
      slot.frozen = false;
      this.#thaws.delete(thaw);
    });
    this.#thaws.add(thaw);
  }

  async recover(): Promise<void> {
    await Promise.all(this.#thaws);
    await Promise.all(this.#slots.map(({ ready }) => ready));
  }

  /** Tells them to end, and resolves when they have. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await Promise.all(this.#thaws);
    await Promise.all(this.#slots.map(async (slot) => {
      const { child } = slot;
      const ended = child.exitCode !== null || child.signalCode !== null
        ? Promise.resolve()
        : once(child, "close");
      signal(slot, "SIGTERM");
      await ended;
    }));
    process.off("exit", this.#onExit);
  }

  #anyOf(random: Random): Slot | undefined {
    const able = this.#slots.filter(({ frozen }) => !frozen);
    return able.length === 0 ? undefined : random.pick(able);
  }

  #launch({ kind, number, starts }: Pick<Slot, "kind" | "number" | "starts">): Slot {
    const { url, queue, ledger } = this.#options;
    const name = `${kind}-${number}.${starts}`;
    const options: HostOptions = { kind, url, place: { queue, ledger, host: name } };
    const child = startHost(options);
    let log = "";
    child.stderr!.on("data", (data) => log = (log + data).slice(-LOG_LENGTH));
    const ready = new Promise<void>((resolve) => {
      child.stdout!.on("data", (data) => String(data).includes(READY) && resolve());
      child.once("close", () => resolve()); // then another one takes its place
    });
    child.once("close", (code, cause) => {
      const wanted = this.#stopping || this.kills.some(({ host }) => host === name);
      if (!wanted) this.crashes.push(`${name} ended with ${cause ?? code}: ${log.trim()}`);
      // A process that cannot even start would come again and again.
      if (this.#stopping || this.crashes.length > 10) return;
      this.#slots[number] = this.#launch({ kind, number, starts: starts + 1 });
    });
    return { kind, number, starts, name, child, ready, frozen: false };
  }
}

function startHost(options: HostOptions): ChildProcess {
  const script = fileURLToPath(new URL("./host.ts", import.meta.url));
  const args = [...(isDeno ? ["run", "-A"] : []), script, JSON.stringify(options)];
  return spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
}

/** Not with `child.kill()`, after which Deno reports any later end as this one. */
function signal({ child }: Slot, name: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(child.pid!, name);
  } catch {
    // It has ended, which nobody told us yet.
  }
}
