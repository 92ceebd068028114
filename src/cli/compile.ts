/** {@linkcode compile}: the kit, and a module of the user's if there is one, as one program. */
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { configOf } from "../pools/deno_flags.ts";
import { CliError } from "./failure.ts";
import { type Builder, KIT } from "./kit.ts";
import { SPELLINGS } from "./spellings.ts";
import { findProgram, runTool } from "./tools.ts";

/** What to make. */
export interface Compilation {
  /** Folder of the kit, which gets more files. */
  readonly kit: string;
  /** What makes it. */
  readonly builder: Builder;
  /** URL of the module to put in. */
  readonly module?: string;
  /** Path of the program, in a folder that is there. */
  readonly output: string;
  /** Another system than this one, in the builder's words. */
  readonly target?: string;
}

const MODULE = "module.js";

/** Makes a program, and gives what the builder said. Throws a `CliError` with it when that fails. */
export async function compile(what: Compilation): Promise<string> {
  const { kit, builder, module } = what;
  const output = resolve(what.output);
  writeFileSync(join(kit, "main.js"), mainOf(builder, module !== undefined));
  return builder === "bun"
    ? await compileWithBun(what, output)
    : await compileWithDeno(what, output);
}

function mainOf(builder: Builder, hasModule: boolean): string {
  const [importKit, kit] = builder === "bun"
    // The path of a file inside the program.
    ? [`import kit from "./${KIT}" with { type: "file" };`, "kit"]
    : ["", `new URL("./${KIT}", import.meta.url)`];
  const module = hasModule ? `new URL("./${MODULE}", import.meta.url).href` : "undefined";
  return `import { readFileSync } from "node:fs";
import { begin } from "./cli.js";
${importKit}
await begin({ module: ${module}, kit: () => readFileSync(${kit}, "utf8") });
`;
}

async function compileWithBun(what: Compilation, output: string): Promise<string> {
  const { kit, module, target } = what;
  const entries = ["main.js", "thread_worker.js"];
  if (module !== undefined) {
    // It finds worq when it runs, so that there is one copy.
    writeFileSync(join(kit, MODULE), `export * from ${JSON.stringify(fileURLToPath(module))};\n`);
    entries.push(MODULE);
  }
  return await runTool(findProgram("bun"), [
    ...["build", "--compile", "--bytecode", "--format=esm", "--splitting"],
    "--entry-naming=[name].[ext]",
    // Names of functions are names of tasks.
    ...["--minify-whitespace", "--minify-syntax"],
    ...["--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"],
    "--compile-autoload-package-json", // packages beside a module on disk
    ...SPELLINGS.flatMap((name) => ["--external", name]),
    ...(target === undefined ? [] : [`--target=${target}`]),
    ...entries.map((entry) => join(kit, entry)),
    ...["--outfile", output],
  ]);
}

async function compileWithDeno(what: Compilation, output: string): Promise<string> {
  const { kit, module, target } = what;
  const deno = findProgram("deno");
  if (module !== undefined) {
    const config = configOf(fileURLToPath(module));
    await runTool(deno, [
      ...["bundle", "--quiet", "--platform=deno", "--output", join(kit, MODULE)],
      ...SPELLINGS.flatMap((name) => ["--external", name]),
      ...(config === undefined ? ["--no-config"] : ["--config", config]),
      fileURLToPath(module),
    ]);
  }
  const parts = SPELLINGS.map((
    name,
  ) => [name, `./${name.match(/\/(backend|testing|otel|dashboard)$/)?.[1] ?? "mod"}.js`]);
  const config = join(kit, "deno.json");
  writeFileSync(config, JSON.stringify({ imports: Object.fromEntries(parts) }));
  const workers = ["thread_worker.js", "process_worker.js"];
  const found = ["mod.js", "backend.js", "testing.js", "otel.js", "dashboard.js"]; // by the user's modules
  const included = [...workers, ...found, KIT, MODULE]
    .map((name) => join(kit, name)).filter((path) => existsSync(path));
  return await runTool(deno, [
    ...["compile", "--allow-all", "--no-check", "--no-lock", "--config", config],
    ...included.flatMap((path) => ["--include", path]),
    ...(target === undefined ? [] : ["--target", target]),
    ...["--output", output, join(kit, "main.js")],
  ]).catch((error: CliError) => {
    if (!error.message.includes("base binary")) throw error;
    throw new CliError(
      `Deno cannot get what its programs begin with, --runtime bun can: ${error.message}`,
    );
  });
}
