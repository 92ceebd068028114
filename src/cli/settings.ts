/** {@linkcode applySettings}: the settings file of a server. Flags win, then the environment. */
import { existsSync, readFileSync } from "node:fs";
import type { Command, Option } from "commander";
import { CliError } from "./failure.ts";
import { didYouMean } from "./nearest.ts";
import { list, permission } from "./values.ts";

const DEFAULT_FILE = "worq.json";
/** Short for a value of `--pool`. */
const SHORT = ["processes", "threads", "inline"];

/**
 * Sets what neither the command line nor the environment did from the settings file at `path`, or
 * from `worq.json` in this folder when there is one. Its keys are the names of the long options.
 */
export function applySettings(command: Command, path: string | undefined): void {
  if (path === undefined && !existsSync(DEFAULT_FILE)) return;
  const file = path ?? DEFAULT_FILE;
  for (const [key, value] of Object.entries(readSettings(file))) {
    const option = optionNamed(command, key, file);
    const name = option.attributeName();
    const given = valueOf(option, value, key, file);
    if (rivalsOf(option).some((rival) => isGiven(command, rival))) continue;
    command.setOptionValueWithSource(name, given, "config");
  }
}

/** What wins over an option of the file; `--threads` wins over `"processes": true`, too. */
function rivalsOf(option: Option): string[] {
  const name = option.attributeName();
  return SHORT.includes(name) ? ["pool", ...SHORT] : [name];
}

function isGiven(command: Command, name: string): boolean {
  return ["cli", "env"].includes(command.getOptionValueSource(name) ?? "");
}

function readSettings(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    throw new CliError(`cannot read the settings file ${file}: ${(error as Error).message}`);
  }
  try {
    const settings = JSON.parse(text);
    if (typeof settings === "object" && settings !== null && !Array.isArray(settings)) {
      return settings;
    }
  } catch (error) {
    throw new CliError(`the settings file ${file} is not JSON: ${(error as Error).message}`);
  }
  throw new CliError(`the settings file ${file} must be an object, as in { "workers": 4 }`);
}

function optionNamed(command: Command, key: string, file: string): Option {
  const options = command.options.filter(({ long }) => long !== "--config");
  const option = options.find((one) => one.name() === key || one.attributeName() === key);
  if (option !== undefined) return option;
  const names = options.map((one) => one.name());
  throw new CliError(
    `the settings file ${file} has an unknown name "${key}"${didYouMean(key, names)}`,
  );
}

function valueOf(option: Option, value: unknown, key: string, file: string): unknown {
  const wrong = (why: string) =>
    new CliError(`the settings file ${file} has ${key}: ${JSON.stringify(value)}. ${why}`);
  if (option.isBoolean()) {
    if (typeof value === "boolean") return value;
    throw wrong("It takes true or false.");
  }
  if (option.optional && typeof value === "boolean") return value ? true : undefined;
  const isList = option.parseArg === list || option.parseArg === permission;
  if (isList && Array.isArray(value)) {
    if (value.length > 0 && value.every((part) => part !== "" && typeof part === "string")) {
      return value;
    }
    throw wrong("It takes texts, none of them empty.");
  }
  if (typeof value !== "string" && typeof value !== "number") {
    throw wrong(isList ? "It takes a text, or a list of texts." : "It takes a text or a number.");
  }
  const text = String(value);
  try {
    return option.parseArg === undefined ? text : option.parseArg(text, undefined);
  } catch (error) {
    throw wrong((error as Error).message);
  }
}
