/** `worq top`: what happens on a server, live. */
import process from "node:process";
import { Command, Option } from "commander";
import { type Broker, getBroker, type PoolCard, QueueUnavailable } from "../../../mod.ts";
import { NameList } from "../../name_list.ts";
import { RateHistory } from "../../rate_history.ts";
import { waitUntil } from "../../wait.ts";
import { CliError } from "../failure.ts";
import { queuesOption, urlOption } from "../options.ts";
import { output } from "../output.ts";
import { screenOf, sorted, SORTS, type TopState, type TopTask } from "../top_screen.ts";
import { duration } from "../values.ts";
import { refuseMemory } from "./call.ts";

interface TopSettings {
  url: string;
  queue?: string[];
  interval: number;
}

const HELP = `
Keys
  q, Ctrl-C   quit
  ↑ ↓, k j    select a queue
  s           sort the queues: name, ready, running, rate, failures
  p           pause the selected queue, or resume it
  c           clear the selected queue, after a question

Rates and times are of the last seconds, as pools tell them. A server that goes away is waited for:
the last figures stay.

Examples
  worq top --url redis://host:6379
  worq top --queue mail,images --interval 5s
`;

/** Milliseconds between looks, at least. */
const SHORTEST = 200;
/** Milliseconds after which a server that has not answered counts as silent. */
const PATIENCE = 2_000;
/** Milliseconds that closing the connections may take. */
const FAREWELL = 300;
/** Another screen, without a cursor; and back. */
const [ENTER, LEAVE] = ["\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"];

/** The command `top`. */
export function topCommand(): Command {
  return new Command("top")
    .description("show what happens on a server, live")
    .addOption(urlOption())
    .addOption(queuesOption().default(undefined, "all that the server has"))
    .addOption(
      new Option("--interval <time>", "how often").argParser(duration).default(1_000, "1s"),
    )
    .addHelpText("after", HELP)
    .action(top);
}

async function top(settings: TopSettings): Promise<void> {
  refuseMemory(settings.url, "look at the queues");
  if (!output().isTTY || !process.stdin.isTTY) {
    throw new CliError("this needs a terminal; for a program: worq status --json");
  }
  await using screen = new Screen(settings);
  await screen.run();
}

/** The screen, from the first look to the key that ends it. */
class Screen implements AsyncDisposable {
  readonly #settings: TopSettings;
  readonly #connection: Broker;
  readonly #brokers = new Map<string, Broker>();
  readonly #history = new RateHistory();
  readonly #names: NameList;
  #state: TopState;
  /** What `y` agrees to. */
  #asked: (() => Promise<unknown>) | undefined;
  /** The look that is under way: a server that is silent may hold it up for long. */
  #looking: Promise<true> | undefined;
  #news = Promise.withResolvers<void>();
  readonly #end = new AbortController();

  constructor(settings: TopSettings) {
    this.#settings = settings;
    this.#connection = getBroker(settings.url);
    this.#names = new NameList(settings.url);
    this.#state = {
      server: settings.url.replace(/\/\/.*@/, "//"),
      now: new Date(),
      ...{ queues: [], pools: [], tasks: [], sort: "name", selected: undefined },
      ...{ message: "", silence: undefined },
    };
  }

  async run(): Promise<void> {
    if (this.#settings.queue === undefined) await this.#names.whole();
    await this.#look(); // what is wrong with the server is told on the screen that stays
    output().write(ENTER);
    process.stdin.setRawMode(true);
    process.stdin.on("data", this.#hear);
    output().on("resize", this.#draw);
    try {
      while (!this.#isOver) {
        this.#draw();
        await this.#pause();
        if (!this.#isOver) await this.#lookAgain();
      }
    } finally {
      output().off("resize", this.#draw);
      process.stdin.off("data", this.#hear);
      process.stdin.setRawMode(false);
      process.stdin.pause();
      output().write(LEAVE);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const brokers = [...this.#brokers.values(), this.#connection];
    const closed = Promise.all(brokers.map((broker) => broker[Symbol.asyncDispose]()));
    // A server that is away hears no farewell, and the process is about to end.
    await waitUntil(closed, { timeout: FAREWELL });
  }

  get #isOver(): boolean {
    return this.#end.signal.aborted;
  }

  async #pause(): Promise<void> {
    this.#news = Promise.withResolvers();
    const timer = setTimeout(this.#news.resolve, Math.max(SHORTEST, this.#settings.interval));
    await this.#news.promise;
    clearTimeout(timer);
  }

  /** Looks, for as long as there is patience; a look that takes longer goes on meanwhile. */
  async #lookAgain(): Promise<void> {
    const since = this.#state.silence?.since ?? new Date();
    const { signal } = this.#end;
    this.#looking ??= this.#look().then(() => true as const).finally(() => {
      this.#looking = undefined;
    });
    try {
      const isDone = await waitUntil(this.#looking, { timeout: PATIENCE, signal });
      if (!isDone) this.#change({ silence: { reason: "", ...this.#state.silence, since } });
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof QueueUnavailable)) throw error;
      this.#change({ silence: { since, reason: error.message } });
    }
  }

  async #look(): Promise<void> {
    const { url, queue } = this.#settings;
    const names = queue ?? [...await this.#names.names()].sort();
    const seen = await Promise.all(names.map(async (name) => {
      const broker = this.#brokers.get(name) ?? getBroker(url, name);
      this.#brokers.set(name, broker);
      const [stats, pools] = await Promise.all([broker.taskQueue.stats(), broker.pools()]);
      return { name, stats, pools, rates: this.#history.queueRates(name, pools) };
    }));
    const cards = new Map<string, PoolCard>();
    for (const { pools } of seen) for (const card of pools) cards.set(card.id, card);
    const tasks = seen.flatMap(({ name, pools }) =>
      pools.flatMap(({ id, tasks }) =>
        tasks.map((task): TopTask => ({ ...task, queue: name, pool: id }))
      )
    ).sort((a, b) => a.since - b.since);
    const selected = this.#state.selected ?? names[0];
    this.#change({
      now: new Date(),
      queues: seen,
      pools: [...cards.values()].map((card) => ({
        card,
        rates: this.#history.poolRates(card.id, seen),
      })),
      tasks,
      silence: undefined,
      ...(selected === undefined ? {} : { selected }),
    });
  }

  #change(change: Partial<TopState>): void {
    this.#state = { ...this.#state, ...change };
  }

  readonly #draw = (): void => {
    if (this.#isOver) return;
    const { columns = 80, rows = 24 } = output();
    const lines = screenOf(this.#state, columns, rows);
    output().write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
  };

  readonly #hear = (data: Uint8Array): void => {
    // deno-lint-ignore no-control-regex -- arrows come as escape sequences
    for (const key of String(data).match(/\x1b\[[A-Z]|[^]/g) ?? []) this.#press(key);
    this.#draw();
  };

  #press(key: string): void {
    if (key === "\x03") return this.#quit();
    if (this.#asked !== undefined) return this.#answer(key);
    const { sort, selected, silence } = this.#state;
    this.#change({ message: "" });
    if (key === "q") this.#quit();
    else if (key === "s") {
      this.#change({ sort: SORTS[(SORTS.indexOf(sort) + 1) % SORTS.length]! });
    } else if (key === "\x1b[A" || key === "k") this.#select(-1);
    else if (key === "\x1b[B" || key === "j") this.#select(1);
    else if (selected === undefined || silence !== undefined) return;
    else if (key === "p") this.#pauseOrResume(selected);
    else if (key === "c") {
      const broker = this.#brokers.get(selected);
      this.#ask(`remove every task of queue "${selected}" that no pool has`, () => broker!.clear());
    }
  }

  #quit(): void {
    this.#end.abort();
    this.#news.resolve();
  }

  #select(by: 1 | -1): void {
    const { queues, sort, selected } = this.#state;
    const names = sorted(queues, sort).map(({ name }) => name);
    const at = names.indexOf(selected ?? "");
    const next = names[Math.min(names.length - 1, Math.max(0, at + by))];
    if (next !== undefined) this.#change({ selected: next });
  }

  #pauseOrResume(name: string): void {
    const broker = this.#brokers.get(name)!;
    const isPaused = this.#state.queues.find((queue) => queue.name === name)?.stats.paused;
    if (isPaused) this.#do(() => broker.resume());
    else this.#ask(`pause queue "${name}"`, () => broker.pause());
  }

  #ask(act: string, go: () => Promise<unknown>): void {
    this.#asked = go;
    this.#change({ message: `${act[0]!.toUpperCase()}${act.slice(1)}? [y/N]` });
  }

  #answer(key: string): void {
    const go = this.#asked!;
    this.#asked = undefined;
    this.#change({ message: "" });
    if (key === "y" || key === "Y") this.#do(go);
  }

  #do(go: () => Promise<unknown>): void {
    go().then(
      () => this.#news.resolve(),
      (error: Error) => {
        this.#change({ message: error.message });
        this.#draw();
      },
    );
  }
}
