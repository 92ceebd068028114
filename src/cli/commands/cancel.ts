/** `worq cancel` and `worq clear`: an end to tasks before they are done. */
import { Command, Option } from "commander";
import { getBroker } from "../../../mod.ts";
import { agree, tasksText } from "../confirm.ts";
import { CliError, EXIT } from "../failure.ts";
import { jsonOption, queueOption, urlOption } from "../options.ts";
import { toJson, writeLine } from "../output.ts";
import { refuseMemory } from "./call.ts";

interface CancelSettings {
  url: string;
  queue: string;
  json?: boolean;
  yes?: boolean;
}

const CANCEL_HELP = `
A task that waits will not run. One that runs is asked to end, by its currentTask().signal, and its
result is dropped. Who waits for it gets TaskExpired, and so does what takes its result.

Examples
  worq cancel 5Zr2JmW9kq0 5Zr2JmW9kq1

Exit codes: 1 a task was over already, or the queue does not know it
`;

const CLEAR_HELP = `
Examples
  worq clear --queue mail
  worq clear --queue mail --yes      for scripts
`;

/** The command `cancel`. */
export function cancelCommand(): Command {
  return new Command("cancel")
    .description("cancel tasks, wherever they are")
    .argument("<ids...>", "ids of tasks, as call --no-wait writes them")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(jsonOption())
    .addHelpText("after", CANCEL_HELP)
    .action(cancel);
}

/** The command `clear`. */
export function clearCommand(): Command {
  return new Command("clear")
    .description("remove every task of a queue that no worker has")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(new Option("--yes", "do not ask"))
    .addHelpText("after", CLEAR_HELP)
    .action(clear);
}

async function cancel(ids: string[], settings: CancelSettings): Promise<void> {
  refuseMemory(settings.url, "cancel tasks");
  await using broker = getBroker(settings.url, settings.queue);
  const answers = await broker.taskQueue.cancel(ids.map((id) => ({ id })));
  for (const [i, answer] of answers.entries()) {
    const id = ids[i]!;
    await writeLine(settings.json ? toJson({ id, answer }) : `${id}  ${answer}`);
  }
  const others = answers.filter((answer) => answer !== "cancelled").length;
  if (others > 0) {
    throw new CliError(
      `${others} of ${ids.length} tasks were not cancelled: over, or not in queue "${broker.name}"`,
      EXIT.failed,
    );
  }
}

async function clear(settings: CancelSettings): Promise<void> {
  refuseMemory(settings.url, "clear a queue");
  await using broker = getBroker(settings.url, settings.queue);
  const { pending, ready } = await broker.taskQueue.stats();
  const count = pending + ready;
  if (!settings.yes && count > 0) {
    await agree(`remove ${tasksText(count)} from queue "${broker.name}"`, "nothing was removed");
  }
  await writeLine(`${tasksText(await broker.clear())} removed from queue "${broker.name}"`);
}
