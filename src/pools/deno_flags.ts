/** How a process is started on Deno, with no more permissions than it should have. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isDeno } from "../runtime.ts";

/**
 * What a worker may do on Deno: `true` for everything of that kind, `false` for nothing, a list for
 * exactly that. What is not named is denied.
 */
export interface WorkerPermissions {
  /** Environment variables. */
  env?: boolean | readonly string[];
  /** Native libraries. */
  ffi?: boolean | readonly string[];
  /** Hosts to import code from. */
  import?: boolean | readonly string[];
  /** Hosts to talk to, such as `api.example.com:443`. */
  net?: boolean | readonly string[];
  /** Files and folders to read. */
  read?: boolean | readonly string[];
  /** Programs to run. */
  run?: boolean | readonly string[];
  /** Facts about the system, such as `hostname`. */
  sys?: boolean | readonly string[];
  /** Files and folders to write. */
  write?: boolean | readonly string[];
}

/** What a worker process is started with. */
export interface DenoStart {
  /** URL of the module that serves as the worker. */
  readonly entry: string;
  /** URL of the user's module. */
  readonly module: string;
  /** What the worker may do; what this process may do when undefined. */
  readonly permissions: WorkerPermissions | undefined;
  /** More arguments for the runtime. */
  readonly runtimeArgs: readonly string[];
}

const KINDS = ["env", "ffi", "import", "net", "read", "run", "sys", "write"] as const;

/** The command line of a worker, without the program. */
export function denoArguments(start: DenoStart): string[] {
  const { entry, module, permissions, runtimeArgs } = start;
  // The import is part of the entry's own code, which needs no permission to read the module.
  const code = `import { serve } from ${JSON.stringify(entry)};\n` +
    `serve(() => import(${JSON.stringify(module)}));\n`;
  return [
    ...["run", "--quiet", "--no-prompt"],
    ...(permissions === undefined ? inheritedFlags() : flagsOf(permissions)),
    ...configFlags([module, mainModule(), entry]),
    ...runtimeArgs,
    `data:application/javascript,${encodeURIComponent(code)}`,
  ];
}

/** Whether this process may use temporary files, without being asked about each. */
export function mayUseFiles(): boolean {
  if (!isDeno) return true;
  return (["env", "read", "write"] as const).every((name) => stateOf(name) === "granted");
}

function flagsOf(permissions: WorkerPermissions): string[] {
  for (const [kind, value] of Object.entries(permissions)) {
    const known = (KINDS as readonly string[]).includes(kind);
    const list = Array.isArray(value) && value.every((item) => typeof item === "string");
    if (known && (list || typeof value === "boolean" || value === undefined)) continue;
    throw new TypeError(
      `Cannot make pool: permissions.${kind} must be ` +
        (known ? "true, false or a list of texts" : `one of ${KINDS.join(", ")}`) +
        `, received ${JSON.stringify(value)}`,
    );
  }
  const flags = KINDS.flatMap((kind) => flagOf(kind, permissions[kind]));
  // Deno gives a process that it starts for this one every permission when no flag says anything.
  return flags.length > 0 ? flags : ["--deny-ffi"];
}

function flagOf(kind: string, value: boolean | readonly string[] | undefined): string[] {
  if (value === true) return [`--allow-${kind}`];
  // Some hosts may be imported from unless that is denied.
  if (kind === "import" && !value) return ["--deny-import"];
  if (value === undefined || value === false || value.length === 0) return [];
  return [`--allow-${kind}=${value.map((item) => item.replaceAll(",", ",,")).join(",")}`];
}

/** The permissions of this process as flags. */
function inheritedFlags(): string[] {
  if (!isDeno) return ["--allow-all"];
  const granted = KINDS.filter((name) => stateOf(name) === "granted");
  if (granted.length === KINDS.length) return ["--allow-all"];
  const exact = ownFlags();
  if (exact !== undefined) return exact;
  const flags = granted.map((name) => `--allow-${name}`);
  return flags.length > 0 ? flags : ["--deny-ffi"];
}

/** Whether something is granted: all of a kind, or a path. */
function stateOf(name: typeof KINDS[number], path?: string): string {
  return deno().permissions.querySync(path === undefined ? { name } : { name, path }).state;
}

interface DenoNamespace {
  readonly mainModule: string;
  readonly permissions: {
    querySync(descriptor: { name: string; path?: string }): { state: string };
  };
}

function deno(): DenoNamespace {
  return (globalThis as unknown as { Deno: DenoNamespace }).Deno;
}

/**
 * The permission flags that this process was started with, lists and all; undefined when they cannot
 * be seen. Deno tells a program which kinds it was granted, but not which hosts and folders; the
 * command line tells, and reading that takes every permission, so that another process does it.
 */
function ownFlags(): string[] | undefined {
  const code = `Deno.stdout.writeSync(Deno.readFileSync("/proc/${process.pid}/cmdline"))`;
  const { spawnSync } = process.getBuiltinModule("node:child_process"); // as in process.ts
  const { status, stdout } = spawnSync(process.execPath, ["eval", code], { encoding: "utf8" });
  return status === 0 ? permissionFlags(stdout.split("\0").slice(1)) : undefined;
}

/** Options before the name of the script whose value is the argument after them. */
const VALUED = new Set([
  ...["-c", "--config", "--import-map", "--location", "--seed", "--cert", "-L", "--log-level"],
  ...["--ext", "--preload", "--import", "--require", "--conditions", "--filter", "--ignore"],
]);

/** Of the arguments of a Deno, those that give or deny permissions. */
export function permissionFlags(args: readonly string[]): string[] {
  const flags: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (VALUED.has(arg)) i++;
    else if (/^--(allow|deny|ignore)-|^-[A-Z]*[AEINRSW]|^-P|^--permission-set/.test(arg)) {
      flags.push(arg);
    } else if (arg === "--" || (i > 0 && !arg.startsWith("-"))) break; // the script, and its own
  }
  return flags.length > 0 ? flags : ["--deny-ffi"];
}

/** The configuration that the first of these modules would have that has one. */
function configFlags(modules: readonly string[]): string[] {
  for (const module of modules) {
    const path = module.startsWith("file:") ? configOf(fileURLToPath(module)) : undefined;
    if (path !== undefined) return ["--config", path];
  }
  return [];
}

/** The configuration that a file has when it is run by itself. */
export function configOf(file: string): string | undefined {
  for (let folder = dirname(file);; folder = dirname(folder)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      if (isThere(join(folder, name))) return join(folder, name);
    }
    if (folder === dirname(folder)) return undefined;
  }
}

/** What this process was started with; nothing where that may not be known. */
function mainModule(): string {
  try {
    return deno().mainModule;
  } catch {
    return "";
  }
}

/** Whether there is a file, as far as this process may know: nobody is asked for permission. */
function isThere(path: string): boolean {
  return (!isDeno || stateOf("read", path) === "granted") && existsSync(path);
}
