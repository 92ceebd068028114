/** `worq schedules` and `worq unschedule`: what ticks on a queue, and when. */
import { Command } from "commander";
import { getBroker, type Schedule } from "../../../mod.ts";
import { CliError, EXIT } from "../failure.ts";
import { oneLine } from "../one_line.ts";
import { jsonOption, queueOption, urlOption } from "../options.ts";
import { toJson, writeLine } from "../output.ts";
import { tableLines } from "../table.ts";
import { inUnits } from "../values.ts";
import { refuseMemory } from "./call.ts";

interface ScheduleSettings {
  url: string;
  queue: string;
  json?: boolean;
}

const LIST_HELP = `
Schedules are declared in code, with broker.schedule(). TICK is the time of the tick that was enqueued
last, STATE is

waiting    its time is to come
cancelled  this one will not run, the next one will
running    its time has come, and it is not over
over       and no pool has made the next one: the schedule is gone from the code, or no pool runs

Examples
  worq schedules --queue mail
  worq schedules --json | jq -r 'select(.state == "over").name'
`;

const END_HELP = `
The tick that was to come is cancelled. A pool whose code declares the schedule makes it anew, so take
it from the code first.

Examples
  worq unschedule nightly --queue mail

Exit codes: 1 the queue has no such schedule
`;

/** The command `schedules`. */
export function schedulesCommand(): Command {
  return new Command("schedules")
    .description("list the schedules of a queue, and when they tick")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(jsonOption())
    .addHelpText("after", LIST_HELP)
    .action(schedules);
}

/** The command `unschedule`. */
export function unscheduleCommand(): Command {
  return new Command("unschedule")
    .description("end schedules that are gone from the code")
    .argument("<names...>", "names of schedules")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(jsonOption())
    .addHelpText("after", END_HELP)
    .action(unschedule);
}

async function schedules(settings: ScheduleSettings): Promise<void> {
  refuseMemory(settings.url, "look at schedules");
  await using broker = getBroker(settings.url, settings.queue);
  const all = await broker.schedules();
  const lines = settings.json ? all.map((one) => toJson(one)) : tableOf(all);
  if (lines.length > 0) await writeLine(lines.join("\n"));
}

function tableOf(all: readonly Schedule[]): string[] {
  if (all.length === 0) return ["no schedule is known in this queue"];
  const rows = all.map((one) => [
    oneLine(one.name),
    oneLine(one.task),
    timesOf(one),
    one.tick.toISOString(),
    one.state,
  ]);
  return tableLines(["NAME", "TASK", "TIMES", "TICK", "STATE"], rows, []);
}

function timesOf({ cron, timeZone, every, overlap }: Schedule): string {
  const times = every === undefined
    ? `${cron ?? "?"} ${timeZone ?? ""}`
    : `every ${inUnits(every)}`;
  return oneLine(times) + (overlap === "skip" ? ", skips" : "");
}

async function unschedule(names: string[], settings: ScheduleSettings): Promise<void> {
  refuseMemory(settings.url, "end schedules");
  await using broker = getBroker(settings.url, settings.queue);
  let unknown = 0;
  for (const name of names) {
    const answer = await broker.unschedule(name) ? "ended" : "unknown";
    if (answer === "unknown") unknown++;
    await writeLine(settings.json ? toJson({ name, answer }) : `${name}  ${answer}`);
  }
  if (unknown > 0) {
    throw new CliError(
      `${unknown} of ${names.length} schedules are not in queue "${broker.name}"; another queue: ` +
        "--queue",
      EXIT.failed,
    );
  }
}
