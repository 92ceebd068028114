/** `worq inspect`: what the queue knows about a task. */
import { Command } from "commander";
import { type Broker, getBroker } from "../../../mod.ts";
import { decodeMessage, type Outcome, type TaskRecord } from "../../../backend.ts";
import { decode } from "../../codec.ts";
import { failureOf, valueOf } from "../../outcome.ts";
import { CliError, EXIT } from "../failure.ts";
import { jsonOption, queueOption, urlOption } from "../options.ts";
import { styled, toJson, writeLine } from "../output.ts";
import { refuseMemory } from "./call.ts";

interface InspectSettings {
  url: string;
  queue: string;
  json?: boolean;
}

const HELP = `
Examples
  worq inspect $(worq call mail.send '"ann@example.com"' --no-wait)
  worq inspect 5Zr2JmW9kq0 --json | jq .status

Exit codes: 1 the queue does not know the task
`;

/** The command `inspect`. */
export function inspectCommand(): Command {
  return new Command("inspect")
    .description("tell what the queue knows about a task")
    .argument("<id>", "id of the task, as call --no-wait writes it")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action(inspect);
}

async function inspect(id: string, settings: InspectSettings): Promise<void> {
  refuseMemory(settings.url, "look at a task");
  await using broker = getBroker(settings.url, settings.queue);
  const record = await broker.taskQueue.inspect(id);
  if (record === undefined) {
    throw new CliError(
      `queue "${broker.name}" does not know task ${id}: it was never there, was cleared, or its ` +
        "result was kept for its time; another queue: --queue",
      EXIT.failed,
    );
  }
  const facts = await factsOf(broker, record);
  if (settings.json) return await writeLine(toJson(facts));
  const width = Math.max(...Object.keys(facts).map((key) => key.length));
  for (const [key, value] of Object.entries(facts)) {
    const text = typeof value === "string" ? value : toJson(value);
    await writeLine(`${styled("bold", key.padEnd(width))}  ${text}`);
  }
}

/** What is known, and nothing that is not. */
async function factsOf(broker: Broker, record: TaskRecord): Promise<Record<string, unknown>> {
  const { id, status, owner, losses, open, needs, refs, started, ended } = record;
  const { origin } = record;
  const [outcome] = await broker.taskQueue.wait([origin === undefined ? { id } : { id, origin }]);
  const facts = {
    id,
    queue: broker.name,
    status,
    ...callOf(record),
    waitsFor: needs.length > 0 ? `${open} of ${needs.length} results` : undefined,
    neededBy: refs > 0 ? `${refs} tasks` : undefined,
    pool: owner,
    lostWorkers: losses > 0 ? losses : undefined,
    started: timeOf(started),
    ended: timeOf(ended),
    ...outcomeOf(outcome, broker.name, id),
  };
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/** Name and arguments, which the queue keeps until the task is over. */
function callOf({ message: text, needs }: TaskRecord): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const { name, args } = decodeMessage(text);
    return { task: name, args: decode(args, needs.map(({ id }) => `(the result of ${id})`)) };
  } catch (error) {
    return { task: (error as Error).message };
  }
}

function outcomeOf(
  outcome: Outcome | undefined,
  queue: string,
  id: string,
): Record<string, unknown> {
  if (outcome === undefined) return {};
  if (outcome.status === "success") return { result: valueOf(outcome) ?? null };
  const { message, cause } = failureOf(outcome, { task: "", queue, id });
  return {
    error: message.replace(/^ \[[^\]]*\] /, ""),
    stack: cause instanceof Error ? cause.stack : undefined,
  };
}

function timeOf(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}
