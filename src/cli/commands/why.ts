/** `worq why`: why a task has not run. */
import { Command } from "commander";
import { getBroker } from "../../../mod.ts";
import { whyText } from "../../why.ts";
import { unknownTask } from "../facts.ts";
import { oneLine } from "../one_line.ts";
import { jsonOption, queueOption, urlOption } from "../options.ts";
import { toJson, writeLine } from "../output.ts";
import { refuseMemory } from "./call.ts";

interface WhySettings {
  url: string;
  queue: string;
  json?: boolean;
}

const HELP = `
Examples
  worq why 5Zr2JmW9kq0 --queue mail
  worq why 5Zr2JmW9kq0 --json | jq -r .cause

Causes: unknown, over, running, time, results, other queue, paused, no pool, limit, line, next

Exit codes: 1 the queue does not know the task
`;

/** The command `why`. */
export function whyCommand(): Command {
  return new Command("why")
    .description("tell why a task has not run")
    .argument("<id>", "id of the task, as call --no-wait writes it")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action(why);
}

async function why(id: string, { url, queue, json }: WhySettings): Promise<void> {
  refuseMemory(url, "look at a task");
  await using broker = getBroker(url, queue);
  const found = await broker.why(id);
  if (json) await writeLine(toJson(found));
  if (found.cause === "unknown") throw unknownTask(id, queue);
  if (!json) await writeLine(oneLine(`${found.name ?? "task"} ${id} ${whyText(found)}`));
}
