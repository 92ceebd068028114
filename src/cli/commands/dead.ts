/** `worq dead`, `worq redrive` and `worq discard`: tasks that failed for good. */
import { Command, Option } from "commander";
import { type Broker, type DeadLetter, getBroker } from "../../../mod.ts";
import { type DeadTask, decodeMessage } from "../../../backend.ts";
import { letterOf } from "../../dead.ts";
import { MAX_ATTEMPTS } from "../../task_queue.ts";
import { agree, tasksText } from "../confirm.ts";
import { failureFacts, known, messageFacts, writeFacts } from "../facts.ts";
import { CliError, EXIT } from "../failure.ts";
import { oneLine } from "../one_line.ts";
import { jsonOption, queueOption, urlOption } from "../options.ts";
import { note, output, toJson, writeLine } from "../output.ts";
import { tableLines } from "../table.ts";
import { count } from "../values.ts";
import { refuseMemory } from "./call.ts";

interface DeadSettings {
  url: string;
  queue: string;
  limit: number;
  json?: boolean;
}

interface ChangeSettings {
  url: string;
  queue: string;
  all?: boolean;
  yes?: boolean;
  json?: boolean;
}

const DEAD_HELP = `
A task is dead when its last retry failed, or too many of its workers were lost. It is kept for its
deadTimeout, a week by default; those that would be kept longest come first.

Examples
  worq dead --queue mail
  worq dead 5Zr2JmW9kq0                 one in full, with its attempts and the stack
  worq dead --limit 10000 --json | jq -r .task | sort | uniq -c

Exit codes: 1 the task is not among the dead
`;

const REDRIVE_HELP = `
A task runs again as if it were new, under its id and with the arguments that it had.

Examples
  worq redrive 5Zr2JmW9kq0 5Zr2JmW9kq1
  worq redrive --queue mail --all --yes     for scripts

Exit codes: 1 a task is not among the dead, or another one has its id by now
`;

const DISCARD_HELP = `
Examples
  worq discard 5Zr2JmW9kq0 5Zr2JmW9kq1
  worq discard --queue mail --all --yes     for scripts

Exit codes: 1 a task is not among the dead
`;

/** The command `dead`. */
export function deadCommand(): Command {
  return new Command("dead")
    .description("list tasks that failed for good, or tell all about one of them")
    .argument("[id]", "id of the task to tell about")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(new Option("--limit <n>", "tasks to list at most").argParser(count).default(100))
    .addOption(jsonOption())
    .addHelpText("after", DEAD_HELP)
    .action(dead);
}

/** The command `redrive`. */
export function redriveCommand(): Command {
  return changeCommand("redrive", "enqueue tasks again that failed for good")
    .addHelpText("after", REDRIVE_HELP)
    .action(redrive);
}

/** The command `discard`. */
export function discardCommand(): Command {
  return changeCommand("discard", "drop tasks that failed for good")
    .addHelpText("after", DISCARD_HELP)
    .action(discard);
}

function changeCommand(name: string, description: string): Command {
  return new Command(name).description(description)
    .argument("[ids...]", "ids of tasks, as worq dead lists them")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(new Option("--all", "all that are dead in this queue"))
    .addOption(new Option("--yes", "do not ask, with --all"))
    .addOption(jsonOption());
}

async function dead(id: string | undefined, settings: DeadSettings): Promise<void> {
  refuseMemory(settings.url, "look at dead tasks");
  await using broker = getBroker(settings.url, settings.queue);
  if (id !== undefined) return await tellAbout(broker, id, settings.json);
  const letters: DeadLetter[] = [];
  for await (const task of deadTasks(broker, settings.limit)) {
    letters.push(letterOf(task, broker.name));
  }
  const rows = settings.json ? letters.map((letter) => toJson(rowOf(letter))) : tableOf(letters);
  if (rows.length > 0) await writeLine(rows.join("\n"));
  const rest = letters.length < settings.limit
    ? 0
    : (await broker.taskQueue.stats()).dead - letters.length;
  if (rest > 0) note(`and ${rest} more: --limit`);
}

/** Tasks in one answer: each may be large. */
const PAGE = 100;

async function* deadTasks(broker: Broker, most: number): AsyncGenerator<DeadTask> {
  for (let from = 0; from < most; from += PAGE) {
    const size = Math.min(PAGE, most - from);
    const page = await broker.taskQueue.dead(from, size);
    yield* page;
    if (page.length < size) return;
  }
}

function rowOf({ id, name, ended, attempts, error }: DeadLetter) {
  return { id, task: name, ended, attempts: attempts.length, error: error.errorText };
}

function tableOf(letters: readonly DeadLetter[]): string[] {
  if (letters.length === 0) return ["no task is dead in this queue"];
  const rows = letters.map(rowOf).map(({ id, task, ended, attempts, error }) => [
    oneLine(id),
    oneLine(task),
    ended.toISOString(),
    // No more are remembered.
    attempts < MAX_ATTEMPTS ? `${attempts}` : `${MAX_ATTEMPTS}+`,
    oneLine(error),
  ]);
  const lines = tableLines(["ID", "TASK", "ENDED", "ATTEMPTS", "ERROR"], rows, ["ATTEMPTS"]);
  const { isTTY, columns } = output();
  // Colours are in the first line only, which is short.
  return lines.map((line, i) => isTTY && i > 0 ? line.slice(0, columns) : line);
}

async function tellAbout(broker: Broker, id: string, json: boolean | undefined): Promise<void> {
  for await (const task of deadTasks(broker, Infinity)) {
    if (task.id !== id) continue;
    const { name, error, ended, attempts } = letterOf(task, broker.name);
    const inputs = Array<string>(needsOf(task)).fill("(a result)");
    return await writeFacts(
      known({
        id,
        queue: broker.name,
        task: name,
        ...messageFacts(task.message, inputs),
        ended: ended.toISOString(),
        ...failureFacts(error),
        attempts,
      }),
      json,
    );
  }
  throw new CliError(
    `task ${id} is not among the dead of queue "${broker.name}"; another queue: --queue`,
    EXIT.failed,
  );
}

function needsOf({ message }: DeadTask): number {
  try {
    return decodeMessage(message).needs;
  } catch {
    return 0;
  }
}

async function redrive(ids: string[], settings: ChangeSettings): Promise<void> {
  checkWhich(ids, settings, "redrive");
  await using broker = getBroker(settings.url, settings.queue);
  if (!settings.all) {
    const answers = await broker.taskQueue.redrive(ids);
    return await tellAnswers(ids, answers, "redriven", settings);
  }
  const { dead } = await broker.taskQueue.stats();
  const act = `enqueue ${tasksText(dead)} of queue "${broker.name}" again`;
  if (!settings.yes && dead > 0) await agree(act, "nothing was enqueued");
  const redriven = await broker.redrive();
  await writeLine(
    settings.json ? toJson({ redriven }) : `${tasksText(redriven)} redriven in "${broker.name}"`,
  );
  if (redriven < dead) {
    const others = `${dead - redriven} of ${dead} dead tasks`;
    throw new CliError(`${others} stay: other tasks have their ids by now`, EXIT.failed);
  }
}

async function discard(ids: string[], settings: ChangeSettings): Promise<void> {
  checkWhich(ids, settings, "discard");
  await using broker = getBroker(settings.url, settings.queue);
  const { taskQueue } = broker;
  if (!settings.all) {
    const counts = await Promise.all(ids.map((id) => taskQueue.discard([id])));
    const answers = counts.map((count) => count > 0 ? "discarded" : "unknown");
    return await tellAnswers(ids, answers, "discarded", settings);
  }
  const { dead } = await taskQueue.stats();
  const act = `drop ${tasksText(dead)} of queue "${broker.name}" for good`;
  if (!settings.yes && dead > 0) await agree(act, "nothing was dropped");
  const discarded = await broker.discard();
  await writeLine(
    settings.json
      ? toJson({ discarded })
      : `${tasksText(discarded)} discarded from "${broker.name}"`,
  );
}

function checkWhich(ids: readonly string[], { all, url }: ChangeSettings, act: string): void {
  if (all && ids.length > 0) throw new CliError("name tasks, or all of them with --all, not both");
  if (!all && ids.length === 0) {
    throw new CliError("which tasks? name their ids, or all of them with --all");
  }
  refuseMemory(url, `${act} tasks`);
}

async function tellAnswers(
  ids: readonly string[],
  answers: readonly string[],
  wanted: string,
  { json, queue }: ChangeSettings,
): Promise<void> {
  for (const [i, answer] of answers.entries()) {
    const id = ids[i]!;
    await writeLine(json ? toJson({ id, answer }) : `${id}  ${answer}`);
  }
  const others = answers.filter((answer) => answer !== wanted).length;
  if (others > 0) {
    const why = wanted === "redriven"
      ? "not among the dead of queue, or with an id that is taken in queue"
      : "not among the dead of queue";
    throw new CliError(
      `${others} of ${ids.length} tasks were not ${wanted}: ${why} "${queue}"`,
      EXIT.failed,
    );
  }
}
