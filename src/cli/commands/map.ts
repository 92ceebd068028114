/** `worq map`: one task for each input, on all cores. */
import { availableParallelism } from "node:os";
import process from "node:process";
import { Command, Option } from "commander";
import { getBroker, QueueUnavailable } from "../../../mod.ts";
import { CliError, EXIT } from "../failure.ts";
import { type Format, FORMATS, inputsOf, readInputs } from "../map_inputs.ts";
import { startPool } from "../map_pool.ts";
import { leaveNothing } from "../map_queue.ts";
import { failuresOf, summaryOf } from "../map_report.ts";
import { Mapping } from "../mapping.ts";
import { choice } from "../options.ts";
import { note, write } from "../output.ts";
import { poolOptions, type PoolSettings } from "../pool.ts";
import { Progress } from "../progress.ts";
import { binary } from "../self.ts";
import { refuseMemory, targetNamed } from "./call.ts";

interface MapSettings extends PoolSettings {
  url: string;
  queue?: string;
  input: Format;
  withInput?: boolean;
  failFast?: boolean;
  progress: boolean;
}

/** Inputs under way for each worker, and in all at least. */
const [AHEAD, LEAST_AHEAD] = [64, 1_000];
/** Milliseconds that results are kept: in memory they are told at once, from a server maybe late. */
const KEPT = { memory: 100, server: 60_000 };
/** What ends it early, and the exit code. */
const SIGNALS: readonly (readonly [NodeJS.Signals, code: number])[] = [
  ["SIGINT", EXIT.interrupted],
  ["SIGTERM", EXIT.terminated],
  // A command that was started with nohup has no terminal.
  ...process.stderr.isTTY ? [["SIGHUP", EXIT.hungUp] as const] : [],
];
/** Module, colon, task; the module may have colons, too. */
const TARGET = /^(?:(?<module>.+):)?(?<task>[\p{ID_Start}$_][\p{ID_Continue}$.]*)$/su;

const HELP = `
The target is a module, a colon and the full name of a task. Inputs are arguments, or else the lines
of standard input, without the empty ones. Each is one task. Results are written as JSON, a line for
each, in the order of the inputs. What tasks print goes to standard error (but not with --threads).

With --url, the tasks are in a queue of their own on that server: for tasks that call other tasks.
With --queue, too, the pools that serve that queue run them, and this command starts none; then the
name of the task is enough.

Ctrl-C ends the tasks that run, after the --grace if one is given, and writes the results that are
there; a second Ctrl-C ends everything at once.

Examples
  worq map ./tasks.ts:resize *.png
  find . -name '*.png' | worq map ./tasks.ts:resize > sizes.jsonl
  worq map ./tasks.ts:score --input json --with-input < rows.jsonl
  worq map score --url redis://host:6379 --queue scores < ids.txt

Exit codes: 1 some inputs failed, 2 wrong usage, or the module cannot be run, 130 Ctrl-C, 141 the
reader of the output is gone, 143 SIGTERM
`;

/** The command `map`. */
export function mapCommand(): Command {
  const command = new Command("map")
    .description("run one task for each argument or line of input, on all cores")
    .argument("<target>", "module and task, as in ./tasks.ts:resize")
    .argument("[inputs...]", "inputs; none, or -, for the lines of standard input")
    .addOption(new Option("--url <url>", "server of the queue").default("memory://"))
    .addOption(new Option("--queue <name>", "have the pools of this queue run the tasks"))
    .addOption(
      choice(new Option("--input <format>", "what an input is"), FORMATS).default("text"),
    )
    .addOption(new Option("--with-input", "write {input, result} or {input, error} for each"))
    .addOption(new Option("--fail-fast", "stop at the first failure"))
    .addOption(new Option("--no-progress", "draw no progress bar"));
  for (const option of poolOptions()) command.addOption(option);
  return command.addHelpText("after", HELP).action(map);
}

async function map(
  target: string,
  texts: string[],
  settings: MapSettings,
  command: Command,
): Promise<void> {
  checkQueue(settings, command);
  const { url, queue, input, withInput = false, failFast = false, grace = 0 } = settings;
  const { module, task } = parseTarget(target, queue !== undefined);
  const fromStream = texts.length === 0 || (texts.length === 1 && texts[0] === "-");

  await using broker = getBroker(url, queue ?? `map-${crypto.randomUUID()}`);
  await broker.size(); // a wrong URL is told at once
  const resultTimeout = url.startsWith("memory:") ? KEPT.memory : KEPT.server;
  const mapping: Mapping = new Mapping({
    call: targetNamed(broker.queue({ resultTimeout }), task),
    write: (lines) => progress.above(() => write(lines)),
    window: Math.max(LEAST_AHEAD, AHEAD * (settings.workers ?? availableParallelism())),
    withInput,
    failFast,
    total: fromStream ? undefined : texts.length,
  });
  const started = performance.now();
  const isTyped = fromStream && process.stdin.isTTY;
  using progress = new Progress(mapping, settings.progress && !isTyped);
  const say = (line: string) => progress.note(line);
  using interrupt = onInterrupt({
    stop() {
      mapping.stop();
      if (grace > 0) say("waiting for the tasks that run; Ctrl-C again ends them");
    },
    atOnce() {
      progress[Symbol.dispose]();
      note(`interrupted: ${summaryOf(mapping, performance.now() - started)}`);
    },
  });
  const { stopped } = mapping;
  const pool = module === undefined
    ? undefined
    : await startPool(broker, { module, task }, settings, { stopped, say });
  let isServed = true;
  try {
    if (isTyped) say("inputs, a line for each; Ctrl-D ends them");
    await mapping.run(fromStream ? readInputs(process.stdin, input) : [inputsOf(texts, input)]);
  } catch (error) {
    isServed = !(error instanceof QueueUnavailable);
    throw error;
  } finally {
    await pool?.stop({ grace: mapping.isStopped ? grace : 0 });
    const left = await mapping.unfinished();
    if (isServed) await leaveNothing(broker, left, pool !== undefined);
  }
  await mapping.finish();
  progress[Symbol.dispose]();
  failuresOf(mapping, fromStream ? "line" : "argument").forEach(note);
  end(mapping, performance.now() - started, interrupt.code);
}

/** Tells how it went, and throws a `CliError` with the exit code unless all went well. */
function end(mapping: Mapping, time: number, interruptedBy: number | undefined): void {
  const interrupted = interruptedBy !== undefined;
  const { failed, isStopped } = mapping;
  if (process.stderr.isTTY || failed > 0 || interrupted) {
    const early = interrupted ? "interrupted: " : isStopped ? "stopped at the first failure: " : "";
    note(`${early}${summaryOf(mapping, time)}`);
  }
  if (interrupted) throw new CliError("", interruptedBy);
  if (failed > 0) throw new CliError("", EXIT.failed);
}

/** Throws a `CliError` for options that cannot be together. */
function checkQueue({ url, queue }: MapSettings, command: Command): void {
  if (queue === undefined) return;
  refuseMemory(url, "use --queue");
  const idle = poolOptions().find((option) =>
    command.getOptionValueSource(option.attributeName()) === "cli"
  );
  if (idle === undefined) return;
  throw new CliError(`${idle.long} is for a pool of this command, which has none with --queue`);
}

/** The parts of `./tasks.ts:resize`; without a module when others have it. */
function parseTarget(target: string, elsewhere: boolean): { module?: string; task: string } {
  const { module = binary?.module, task } = TARGET.exec(target)?.groups ?? {};
  if (task !== undefined && elsewhere) return { task };
  if (task !== undefined && module !== undefined) return { module, task };
  throw new CliError(`which task of ${target}? write it as in ./tasks.ts:resize`);
}

/** Calls `stop` at the first signal; at the second one, `atOnce`, and ends the process. */
function onInterrupt(
  { stop, atOnce }: { stop(): void; atOnce(): void },
): Disposable & { code: number | undefined } {
  const listeners = SIGNALS.map(([signal, code]) =>
    [signal, () => {
      if (interrupt.code !== undefined) {
        atOnce();
        process.exit(code);
      }
      interrupt.code = code;
      stop();
    }] as const
  );
  const interrupt = {
    code: undefined as number | undefined,
    [Symbol.dispose]: () => listeners.forEach(([signal, hear]) => process.off(signal, hear)),
  };
  for (const [signal, hear] of listeners) process.on(signal, hear);
  return interrupt;
}
