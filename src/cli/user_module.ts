/** The user's module: found, imported, and made to have an `init`. */
import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Broker, getBroker, TaskSpace } from "../../mod.ts";
import { CliError } from "./failure.ts";
import { didYouMean } from "./nearest.ts";

type Exports = Record<string, unknown>;

/** URL of a module on the command line. Throws a `CliError` when there is no such file. */
export function findModule(module: string): string {
  if (module === "") throw new CliError("which module? its name is empty");
  if (/^[a-z][a-z\d+.-]+:/i.test(module)) return module;
  const path = resolve(module);
  if (existsSync(path)) {
    checkFile(path, module);
    return pathToFileURL(path).href;
  }
  const folder = dirname(path);
  const there = existsSync(folder) ? readdirSync(folder) : [];
  throw new CliError(
    `there is no module ${module}${didYouMean(basename(path), there)}`,
  );
}

function checkFile(path: string, module: string): void {
  if (statSync(path).isDirectory()) {
    throw new CliError(`${module} is a folder: name the module in it`);
  }
  try {
    accessSync(path, constants.R_OK);
  } catch (error) {
    throw new CliError(`cannot read the module ${module}: ${(error as Error).message}`);
  }
}

/**
 * A module with an `init`: its own, or one that exposes the functions and task spaces that it
 * exports, under their names.
 */
export async function loadModule(load: () => Promise<Exports>): Promise<Exports> {
  await import("./own_copy.ts");
  const module = await load().catch((error) => {
    throw explained(error);
  });
  if (typeof module.init === "function") return module;
  // Not among the names that a message tells: the module does not export it.
  const init = { value: (url: string) => exposeExports(url, module) };
  return Object.defineProperty({ ...module }, "init", init);
}

function exposeExports(url: string, module: Exports): Broker {
  const broker = getBroker(url);
  for (const [name, value] of Object.entries(module)) {
    if (value instanceof TaskSpace) broker.expose(value);
    else if (typeof value === "function" && name !== "default") {
      broker.expose({ [name]: value as () => unknown });
    }
  }
  if (broker.tasks.length > 0) return broker;
  throw new CliError(
    "the module has no tasks: export functions, a TaskSpace, or init(url), which returns a broker",
  );
}

const UNRESOLVED = [
  /Cannot find (?:package|module) ['"]([^'"]+)['"]/i,
  /(?:Import|specifier) ['"]([^'"]+)['"] (?:not a dependency|was not found|not found|is not)/i,
  /Could not resolve ['"]([^'"]+)['"]/i,
];
/** What Deno makes of a package that it does not know: a file beside the module. */
const UNPREPARED = /Loading unprepared module: (\S+), imported from: (\S+\/)/;

/** What to do about an import that cannot be followed. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const name = packageIn(error.message);
  if (name === undefined || /^[./]|^file:|\.[cm]?[jt]sx?$/.test(name)) return error;
  return new CliError(
    `the module imports "${name}", which is not in worq, nor in a node_modules beside it: run it ` +
      "with the packages of its own by --runtime deno, bun or node, or put it into a binary with " +
      `worq build (${error.message})`,
  );
}

function packageIn(message: string): string | undefined {
  const [, module, folder = ""] = UNPREPARED.exec(message) ?? [];
  if (module !== undefined) return module.startsWith(folder) ? module.slice(folder.length) : module;
  return UNRESOLVED.map((pattern) => pattern.exec(message)?.[1]).find(Boolean);
}
