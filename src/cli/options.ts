/** Options that commands share. */
import { Option } from "commander";
import { list, oneOf } from "./values.ts";

/** The server, when nobody names one. */
const DEFAULT_URL = "redis://localhost:6379/0";

/** The environment variable of a long option: `--task-timeout` is `WORQ_TASK_TIMEOUT`. */
export function variableOf(name: string): string {
  return `WORQ_${name.replaceAll("-", "_").toUpperCase()}`;
}

/** An option that may come from the settings file and, when it takes a value, the environment. */
export function setting(flags: string, description: string): Option {
  const option = new Option(flags, description);
  // A switch would be on as soon as its variable exists, `false` included.
  return option.isBoolean() ? option : option.env(variableOf(option.name()));
}

/** An option that takes one of a few words. */
export function choice(option: Option, words: readonly string[]): Option {
  return option.choices(words).argParser(oneOf(words));
}

/** `--url`. */
export const urlOption = (): Option =>
  setting("--url <url>", "server of the queue").default(DEFAULT_URL);

/** `--queue` with one name. */
export const queueOption = (): Option =>
  setting("--queue <name>", "name of the queue").default("default");

/** `--queue` with several names. */
export const queuesOption = (): Option =>
  setting("--queue <names>", "names of queues, as in a,b").argParser(list);

/** `--json`. */
export const jsonOption = (): Option => new Option("--json", "write JSON, for programs");
