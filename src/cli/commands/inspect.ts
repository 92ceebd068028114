/** `worq inspect`: what the queue knows about a task. */
import { Command, Option } from "commander";
import { type Broker, getBroker } from "../../../mod.ts";
import type { Outcome, TaskQueue, TaskRecord } from "../../../backend.ts";
import { attemptsOf } from "../../dead.ts";
import { follow, type Said } from "../../follow.ts";
import { failureOf, valueOf } from "../../outcome.ts";
import { failureFacts, known, messageFacts, timeOf, unknownTask, writeFacts } from "../facts.ts";
import { oneLine } from "../one_line.ts";
import { styled, writeLine } from "../output.ts";
import { jsonOption, queueOption, urlOption } from "../options.ts";
import { refuseMemory } from "./call.ts";

interface InspectSettings {
  url: string;
  queue: string;
  json?: boolean;
  follow?: boolean;
}

/** Milliseconds between looks at what a task says. */
const LOOK = 300;

const HELP = `
Examples
  worq inspect $(worq call mail.send '"ann@example.com"' --no-wait)
  worq inspect 5Zr2JmW9kq0 --follow           its progress and log, as they come
  worq inspect 5Zr2JmW9kq0 --json | jq .status
  worq inspect 5Zr2JmW9kq0 --json | jq '.attempts[].text'    why it failed so far

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
    .addOption(new Option("--follow", "write what the task says, until it is over"))
    .addHelpText("after", HELP)
    .action(inspect);
}

async function inspect(id: string, settings: InspectSettings): Promise<void> {
  refuseMemory(settings.url, "look at a task");
  await using broker = getBroker(settings.url, settings.queue);
  const record = await broker.taskQueue.inspect(id);
  if (record === undefined) throw unknownTask(id, broker.name);
  if (settings.follow) await writeSaid(broker.taskQueue, record, settings.json);
  const now = settings.follow ? await broker.taskQueue.inspect(id) : record;
  const facts = await factsOf(broker, now ?? record);
  const { json } = settings;
  // Each a line of its own, after the lines of what it said.
  if (settings.follow && json) await writeLine(JSON.stringify({ kind: "over", ...facts }));
  else await writeFacts(facts, json);
}

/** Writes what the task says, until it is over. */
async function writeSaid(queue: TaskQueue, task: TaskRecord, json?: boolean): Promise<void> {
  const { id, origin } = task;
  const isOver = async () => {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    const [outcome] = await queue.wait([origin === undefined ? { id } : { id, origin }]);
    return outcome !== undefined;
  };
  for await (const said of follow(queue, id, isOver)) {
    await writeLine(json ? JSON.stringify(said) : saidLine(said));
  }
}

function saidLine(said: Said): string {
  const time = styled("dim", said.at.toISOString());
  if (said.kind === "line") return `${time}  ${oneLine(said.text)}`;
  return `${time}  ${`${Math.round(100 * said.part)} %`.padEnd(5)}  ${oneLine(said.text)}`
    .trimEnd();
}

/** What is known, and nothing that is not. */
async function factsOf(broker: Broker, record: TaskRecord): Promise<Record<string, unknown>> {
  const { id, status, owner, losses, open, needs, refs, started, ended } = record;
  const { origin, failures, due, attempts } = record;
  const results = open - (due === undefined ? 0 : 1);
  const [outcome] = await broker.taskQueue.wait([origin === undefined ? { id } : { id, origin }]);
  const facts = {
    id,
    queue: broker.name,
    status,
    ...callOf(record),
    waitsFor: needs.length > 0 ? `${results} of ${needs.length} results` : undefined,
    due: timeOf(due),
    neededBy: refs > 0 ? `${refs} tasks` : undefined,
    pool: owner,
    lostWorkers: losses > 0 ? losses : undefined,
    failures: failures > 0 ? failures : undefined,
    started: timeOf(started),
    ended: timeOf(ended),
    ...outcomeOf(outcome, broker.name, id),
    attempts: attempts.length > 0
      ? attemptsOf(attempts, { task: "", queue: broker.name, id })
      : undefined,
  };
  return known(facts);
}

/** Name; and arguments and wishes, which the queue keeps until the task is over. */
function callOf({ message, name, needs }: TaskRecord): Record<string, unknown> {
  return message === undefined ? { task: name } : messageFacts(
    message,
    needs.map(({ id }) => `(the result of ${id})`),
  );
}

function outcomeOf(
  outcome: Outcome | undefined,
  queue: string,
  id: string,
): Record<string, unknown> {
  if (outcome === undefined) return {};
  if (outcome.status === "success") return { result: valueOf(outcome) ?? null };
  return failureFacts(failureOf(outcome, { task: "", queue, id }));
}
