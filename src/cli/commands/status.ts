/** `worq status`: how many tasks are where. */
import { Command, Option } from "commander";
import { getBroker, listQueues } from "../../../mod.ts";
import type { QueueStats } from "../../../backend.ts";
import { jsonOption, queuesOption, urlOption } from "../options.ts";
import { output, toJson, writeLine } from "../output.ts";
import { tableLines } from "../table.ts";
import { duration } from "../values.ts";
import { refuseMemory } from "./call.ts";

interface StatusSettings {
  url: string;
  queue?: string[];
  json?: boolean;
  watch?: boolean;
  interval: number;
}

/** Milliseconds between two looks, at least. */
const SHORTEST = 10;

type Row = { readonly queue: string } & QueueStats;

const HELP = `
PENDING     tasks that wait for the results of others, or for their time
SCHEDULED   those of the pending ones that wait for their time
ENQUEUED    tasks that wait for a worker
PROCESSING  tasks that a worker has
DEAD        tasks that failed for good, see worq dead
IDLE POOLS  pools that wait for tasks

Examples
  worq status
  worq status --queue mail,reports --watch
  worq status --json | jq .ready
`;

/** The command `status`. */
export function statusCommand(): Command {
  return new Command("status")
    .description("tell how many tasks are where, queue by queue")
    .addOption(urlOption())
    .addOption(queuesOption().default(undefined, "all that the server has"))
    .addOption(jsonOption())
    .addOption(new Option("--watch", "go on until Ctrl-C"))
    .addOption(
      new Option("--interval <time>", "how often, with --watch").argParser(duration)
        .default(1_000, "1s"),
    )
    .addHelpText("after", HELP)
    .action(status);
}

async function status(settings: StatusSettings): Promise<void> {
  refuseMemory(settings.url, "look at the queues");
  await using _connection = getBroker(settings.url); // one for all queues and rounds
  let lines = 0;
  do {
    const rows = await readRows(settings);
    const text = settings.json ? rows.map((row) => toJson(row)) : tableOf(rows, settings);
    if (lines > 0 && output().isTTY && !settings.json) {
      output().moveCursor(0, -lines);
      output().clearScreenDown();
    }
    lines = text.length;
    if (lines > 0) await writeLine(text.join("\n"));
    if (settings.watch) {
      await new Promise((resolve) => setTimeout(resolve, Math.max(settings.interval, SHORTEST)));
    }
  } while (settings.watch);
}

async function readRows({ url, queue }: StatusSettings): Promise<Row[]> {
  const names = queue ?? await listQueues(url);
  return await Promise.all(names.map(async (name) => {
    await using broker = getBroker(url, name);
    return { queue: name, ...await broker.taskQueue.stats() };
  }));
}

const NUMBERS = ["PENDING", "SCHEDULED", "ENQUEUED", "PROCESSING", "DEAD", "IDLE POOLS"];

function tableOf(rows: readonly Row[], { url }: StatusSettings): string[] {
  if (rows.length === 0) {
    return [`no queue has had a task on ${url.replace(/\/\/.*@/, "//")}`];
  }
  const cells = rows.map(({ queue, pending, scheduled, ready, leased, dead, idle, paused }) => [
    paused ? `${queue} (paused)` : queue,
    ...[pending, scheduled, ready, leased, dead, idle].map(String),
  ]);
  return tableLines(["QUEUE", ...NUMBERS], cells, NUMBERS);
}
