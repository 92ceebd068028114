/** `worq build`: a binary of one's own, with a module inside. */
import { existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { ownRuntime } from "../../runtime.ts";
import { compile } from "../compile.ts";
import { CliError } from "../failure.ts";
import { type Builder, makeKit, unpackKit } from "../kit.ts";
import { choice } from "../options.ts";
import { note } from "../output.ts";
import { binary } from "../self.ts";
import { findModule } from "../user_module.ts";

interface BuildSettings {
  output: string;
  runtime: Builder;
  target?: string;
  verbose?: boolean;
}

const HELP = `
The binary does all that worq does, and has the module and its packages inside: what it runs by
itself is that module. It is made by Deno or Bun, which must be installed here, but not where the
binary runs.

Examples
  worq build ./tasks.ts -o my-worq && ./my-worq run --url redis://host:6379
  worq build ./tasks.ts -o my-worq --runtime bun --target bun-linux-arm64
  worq build -o dist/worq                     worq itself, without a module
`;

/** The command `build`. */
export function buildCommand(): Command {
  return new Command("build")
    .description("make a binary that has a module and its packages inside")
    .argument("[module]", "module that exports init(url), or tasks")
    .addOption(new Option("-o, --output <file>", "where to put it").default("worq"))
    .addOption(
      choice(new Option("--runtime <name>", "what makes it, and is in it"), ["deno", "bun"])
        .default(ownRuntime === "bun" ? "bun" : "deno"),
    )
    .addOption(new Option("--target <name>", "another system, in the words of that runtime"))
    .addOption(new Option("--verbose", "show what that runtime says"))
    .addHelpText("after", HELP)
    .action(build);
}

async function build(module: string | undefined, settings: BuildSettings): Promise<void> {
  const { output, runtime, target } = settings;
  const url = module === undefined ? undefined : findModule(module);
  if (url !== undefined && !url.startsWith("file:")) {
    throw new CliError(`cannot build ${module}: it must be a file`);
  }
  prepareOutput(output, url);
  const kit = binary === undefined ? await makeKit(runtime) : unpackKit(binary.kit());
  const said = await compile({
    kit,
    builder: runtime,
    output,
    ...(url === undefined ? {} : { module: url }),
    ...(target === undefined ? {} : { target }),
  });
  if (settings.verbose) note(said);
  note(`${output}: ${(statSync(output).size / 1e6).toFixed(1)} MB`);
}

/** Throws a `CliError` where no program can be, or where it would take the place of the module. */
function prepareOutput(output: string, module: string | undefined): void {
  if (output === "") throw new CliError("where to put it? --output is empty");
  if (existsSync(output)) {
    if (statSync(output).isDirectory()) {
      throw new CliError(`${output} is a folder: name the file to make with --output`);
    }
    if (module !== undefined && realpathSync(output) === realpathSync(fileURLToPath(module))) {
      throw new CliError(`${output} is the module itself: name another file with --output`);
    }
  }
  const folder = dirname(resolve(output));
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new CliError(`cannot make the folder ${folder}: ${(error as Error).message}`);
  }
}
