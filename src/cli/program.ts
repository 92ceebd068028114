/** The command line of `worq`: {@linkcode main} runs it and gives the exit code. */
import process from "node:process";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import config from "../../deno.json" with { type: "json" };
import { COMMANDS } from "./commands.ts";
import { CliError, describeThrown, EXIT } from "./failure.ts";
import { didYouMean } from "./nearest.ts";
import { endOnSignals } from "./first_process.ts";
import { note, output, styled, writeLine } from "./output.ts";
import { spellOut } from "./permissions.ts";

const EXAMPLES = `
Examples
  worq demo                                     the main job, in this process
  worq run ./tasks.ts --url redis://host:6379   a pool, on as many machines as you like
  worq call tasks.add '[1,2,3]'                 one task, and its result
  worq map ./tasks.ts:resize *.png              one task for each file, on all cores

Exit codes: 0 done, 1 a task failed or something is not there, 2 wrong usage, 3 the server cannot be
reached, 4 the time is up, 70 a fault of worq, 129 SIGHUP, 130 Ctrl-C, 141 the reader of the output
is gone, 143 SIGTERM
`;

/** Runs the command with these arguments, and gives the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  if (process.pid === 1) endOnSignals();
  forgetEmptyVariables();
  try {
    const program = await createProgram(args[0]);
    await program.parseAsync(spellOut(args), { from: "user" });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof InvalidArgumentError) tell(error.message); // of the environment
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { line, code } = describeThrown(error);
    if (line !== "") tell(line);
    return code;
  }
}

/** An empty variable is none: that is what templates make of one that nobody set. */
function forgetEmptyVariables(): void {
  for (const [name, value] of Object.entries(process.env)) {
    if (name.startsWith("WORQ_") && value === "") delete process.env[name];
  }
}

/** The program with the command of that name alone; with all of them when there is none. */
async function createProgram(named: string | undefined): Promise<Command> {
  const program = new Command("worq");
  program
    .description(`worq ${config.version}, a task queue for TypeScript`)
    .version(config.version, "-v, --version", "write the version")
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      outputError: (text) => tell(withoutLabel(text)),
      writeOut: (text) => output().write(text),
      writeErr: (text) => process.stderr.write(text),
    })
    .configureHelp({ styleTitle: (text) => styled("bold", text), showGlobalOptions: false })
    .addHelpText("after", EXAMPLES);
  const one = COMMANDS.get(named ?? "");
  if (one !== undefined) return program.addCommand((await one()).copyInheritedSettings(program));
  const commands = await Promise.all([...COMMANDS.values()].map((load) => load()));
  const help = new Command("help").description("tell more about a command")
    .argument("[command]", "its name").action((name?: string) => tellMore(program, name));
  for (const command of [...commands, help]) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  const { default: tab } = await import("@bomb.sh/tab/commander");
  // The library keeps its last step to itself.
  completeFiles(tab(program, { completionCommandName: "completions" }) as unknown as Completer);
  return program;
}

function tellMore(program: Command, name: string | undefined): void {
  const known = program.commands.map((command) => command.name());
  const command = name === undefined
    ? program
    : program.commands.find((one) => one.name() === name);
  if (command === undefined) {
    throw new CliError(`unknown command '${name}'${didYouMean(name!, known)}`);
  }
  command.outputHelp();
}

interface Completer {
  readonly completions: readonly unknown[];
  complete(word: string): void;
}

/** Where nothing is known to fit, it may be a file: modules and inputs are. */
function completeFiles(completer: Completer): void {
  const complete = completer.complete.bind(completer);
  completer.complete = (word) => {
    if (completer.completions.length > 0 || word.startsWith("-")) complete(word);
    else void writeLine(":0"); // the shell does as it does by default
  };
}

/** Commander's text, which may have several lines, as one. */
function withoutLabel(text: string): string {
  return text.replace(/^error: /, "")
    .replace(/\s*\n\(Did you mean (.*)\?\)/s, ", did you mean $1?")
    .trim().replaceAll("\n", " ");
}

function tell(line: string): void {
  note(`${styled("red", "worq:", process.stderr)} ${line}`);
}
