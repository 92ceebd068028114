/** `worq pause` and `worq resume`: whether pools get the tasks of a queue. */
import { Command } from "commander";
import { type Broker, getBroker } from "../../../mod.ts";
import { queueOption, urlOption } from "../options.ts";
import { writeLine } from "../output.ts";
import { refuseMemory } from "./call.ts";

interface PauseSettings {
  url: string;
  queue: string;
}

/** The command `pause`. */
export function pauseCommand(): Command {
  return command("pause", "have no pool take tasks of a queue; what runs goes on")
    .addHelpText("after", "\nExamples\n  worq pause --queue mail\n")
    .action((settings: PauseSettings) => change(settings, "pause", "is paused"));
}

/** The command `resume`. */
export function resumeCommand(): Command {
  return command("resume", "have pools take tasks of a queue again")
    .addHelpText("after", "\nExamples\n  worq resume --queue mail\n")
    .action((settings: PauseSettings) => change(settings, "resume", "goes on"));
}

function command(name: string, description: string): Command {
  return new Command(name).description(description).addOption(urlOption()).addOption(queueOption());
}

async function change(
  { url, queue }: PauseSettings,
  act: "pause" | "resume",
  state: string,
): Promise<void> {
  refuseMemory(url, `${act} a queue`);
  await using broker: Broker = getBroker(url, queue);
  await broker[act]();
  await writeLine(`queue "${queue}" ${state}`);
}
