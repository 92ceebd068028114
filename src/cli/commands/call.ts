/** `worq call`: one task, and its result. */
import { Command, Option } from "commander";
import { getQueue, type OneTaskOptions, type Target, task } from "../../../mod.ts";
import { CliError, EXIT } from "../failure.ts";
import { queueOption, urlOption } from "../options.ts";
import { toJson, writeLine } from "../output.ts";
import { duration, moment, momentOrSpan, span, whole } from "../values.ts";

interface CallSettings {
  url: string;
  queue: string;
  timeout?: number;
  wait: boolean;
  delay?: number;
  at?: Date;
  expires?: Date;
  retries?: number;
  priority?: number;
}

const HELP = `
Each argument is a JSON value, and one argument of the task. The result is written as JSON; with
--no-wait it is the id of the task.

Examples
  worq call tasks.add '[1,2,3]'
  worq call mail.send '"ann@example.com"' '{"subject":"hello"}' --no-wait
  worq call report.build 2026 --timeout 30s
  worq call report.build 2026 --at 2027-01-31T18:00 --retries 3 --no-wait
  worq call alarm.ring --delay 10m --expires 15m --priority 9 --no-wait

Exit codes: 1 the task failed, 3 the server cannot be reached, 4 no result in time
`;

/** The command `call`. */
export function callCommand(): Command {
  return new Command("call")
    .description("enqueue a task and write its result")
    .argument("<task>", "full name of the task, as in tasks.add")
    .argument("[args...]", "its arguments, each as JSON")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(new Option("--timeout <time>", "wait no longer").argParser(duration))
    .addOption(new Option("--delay <time>", "do not run it before that").argParser(span))
    .addOption(
      new Option("--at <time>", "not before that time, as in 2027-01-31T18:00").argParser(moment),
    )
    .addOption(
      new Option("--expires <time>", "start it before that time, or within 30s, or not at all")
        .argParser(momentOrSpan),
    )
    .addOption(
      new Option("--retries <n>", "how often it runs again after it failed").argParser(whole()),
    )
    .addOption(
      new Option("--priority <n>", "0 to 255: before all with a lower one").argParser(whole(255)),
    )
    .addOption(new Option("--no-wait", "write the id of the task, and do not wait"))
    .addHelpText("after", HELP)
    .action(call);
}

async function call(name: string, texts: string[], settings: CallSettings): Promise<void> {
  const args = texts.map(parseArgument);
  refuseMemory(settings.url, "call");
  await using q = getQueue(settings.url, { name: settings.queue });
  const deferred = await task(targetNamed(q, name), optionsOf(settings))(...args);
  if (!settings.wait) return await writeLine(deferred.id);
  const { timeout } = settings;
  await writeLine(toJson(await deferred.result(timeout === undefined ? {} : { timeout })));
}

function optionsOf({ delay, at, expires, retries, priority }: CallSettings) {
  const options = { delay, runAt: at, expiresAt: expires, retries, priority };
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as OneTaskOptions<unknown[]>;
}

/** The task of that name on a queue. Throws a `CliError` for what is no name. */
export function targetNamed(
  queue: object,
  name: string,
): Target<unknown[], unknown> {
  const parts = name.split(".");
  if (!parts.every((part) => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(part))) {
    throw new CliError(`"${name}" is no name of a task: write it as in tasks.add`);
  }
  let target = queue as Record<string, unknown>;
  for (const part of parts) target = target[part] as Record<string, unknown>;
  const found = target as unknown as Target<unknown[], unknown> | undefined;
  if (parts.length === 1 && ["size", "clear"].includes(name) || typeof found !== "function") {
    throw new CliError(`"${name}" cannot be the name of a task`);
  }
  return found;
}

function parseArgument(text: string, index: number): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const quoted = JSON.stringify(text).replaceAll("'", `'\\''`);
    const looksLikeText = !/^[\s[{"\d-]/.test(text);
    throw new CliError(
      `argument ${index + 1} is not JSON: ${(error as Error).message}` +
        (looksLikeText ? `; a text needs quotes: '${quoted}'` : ""),
    );
  }
}

/** Throws a `CliError` for a queue that no other process can see. */
export function refuseMemory(url: string, act: string): void {
  if (!url.startsWith("memory:")) return;
  throw new CliError(
    `cannot ${act} on ${url}: it would be in the memory of this process alone; name a redis:// URL`,
    EXIT.usage,
  );
}
