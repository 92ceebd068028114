/** `worq bench`: what a server, or this machine, gives. */
import { Command, Option } from "commander";
import { all, getBroker, InlineWorkerPool, map } from "../../../mod.ts";
import { jsonOption } from "../options.ts";
import { toJson, writeLine } from "../output.ts";
import { count } from "../values.ts";

interface BenchSettings {
  tasks: number;
  concurrency: number;
  json?: boolean;
}

const HELP = `
One process calls tasks that do nothing, and runs them itself: what comes out is the cost of the
queue, which is called worq-bench.

Examples
  worq bench
  worq bench redis://localhost:6379/0 --tasks 50000
`;
/** Round trips, one after the other. */
const TRIPS = 200;
/** Tasks that are under way at the same time, at most. */
const WAVE = 5_000;

const tasks = { noop: (n: number) => n };

/** The command `bench`. */
export function benchCommand(): Command {
  return new Command("bench")
    .description("measure what a queue does in a second")
    .argument("[url]", "server", "memory://")
    .addOption(new Option("--tasks <n>", "how many").argParser(count).default(20_000))
    .addOption(new Option("--concurrency <n>", "at the same time").argParser(count).default(100))
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action(bench);
}

async function bench(url: string, settings: BenchSettings): Promise<void> {
  await using broker = getBroker(url, "worq-bench").expose(tasks);
  const q = broker.queue<typeof tasks>({ resultTimeout: 10_000 });
  await q.size(); // a server that cannot be reached is not for the pool to tell
  await using _pool = new InlineWorkerPool(broker, { concurrency: settings.concurrency }).start();
  const trip = async () => {
    const begin = performance.now();
    await (await q.noop(1)).result();
    return performance.now() - begin;
  };
  await all(await map(q.noop, Array.from({ length: 1_000 }, (_, i) => i))); // warm up
  const trips: number[] = [];
  for (let i = 0; i < TRIPS; i++) trips.push(await trip());
  trips.sort((a, b) => a - b);
  const begin = performance.now();
  for (let done = 0; done < settings.tasks; done += WAVE) {
    const length = Math.min(WAVE, settings.tasks - done);
    await all(await map(q.noop, Array.from({ length }, (_, i) => i)));
  }
  const rate = settings.tasks / (performance.now() - begin) * 1_000;
  const figures = {
    tasksPerSecond: Math.round(rate),
    roundTripMedian: round(trips[TRIPS / 2]!),
    roundTrip99: round(trips[Math.floor(TRIPS * 0.99)]!),
  };
  if (settings.json) return await writeLine(toJson(figures));
  await writeLine(
    `${figures.tasksPerSecond.toLocaleString("en")} tasks a second, first call to last result`,
  );
  await writeLine(
    `${figures.roundTripMedian} ms from a call to its result, 1 % take longer than ${figures.roundTrip99} ms`,
  );
}

function round(milliseconds: number): number {
  return Number(milliseconds.toPrecision(3));
}
