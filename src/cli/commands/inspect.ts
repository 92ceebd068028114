/** `worq inspect`: what the queue knows about a task. */
import { Command } from "commander";
import { type Broker, getBroker } from "../../../mod.ts";
import type { Outcome, TaskRecord } from "../../../backend.ts";
import { attemptsOf } from "../../dead.ts";
import { failureOf, valueOf } from "../../outcome.ts";
import { failureFacts, known, messageFacts, timeOf, unknownTask, writeFacts } from "../facts.ts";
import { jsonOption, queueOption, urlOption } from "../options.ts";
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
    .addHelpText("after", HELP)
    .action(inspect);
}

async function inspect(id: string, settings: InspectSettings): Promise<void> {
  refuseMemory(settings.url, "look at a task");
  await using broker = getBroker(settings.url, settings.queue);
  const record = await broker.taskQueue.inspect(id);
  if (record === undefined) throw unknownTask(id, broker.name);
  const facts = await factsOf(broker, record);
  await writeFacts(facts, settings.json);
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

/** Name, arguments and wishes, which the queue keeps until the task is over. */
function callOf({ message, needs }: TaskRecord): Record<string, unknown> {
  return message === undefined ? {} : messageFacts(
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
