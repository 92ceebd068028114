/** `worq doctor`: what is wrong with a server and its queues, and what to do about it. */
import { Command, Option } from "commander";
import { getBroker } from "../../../mod.ts";
import type { Diagnosis, Level } from "../../doctor/diagnosis.ts";
import { examine } from "../../doctor/examine.ts";
import { CliError, EXIT } from "../failure.ts";
import { oneLine } from "../one_line.ts";
import { jsonOption, setting, urlOption } from "../options.ts";
import { styled, toJson, writeLine } from "../output.ts";
import { refuseMemory } from "./call.ts";

interface DoctorSettings {
  url: string;
  queue?: string;
  strict?: boolean;
  json?: boolean;
}

const HELP = `
Looks at the server, or at every server of a cluster, as its user may, and at the queues there; it
changes nothing. Each line is a check,

✓  nothing is wrong      ·  something to know
!  a warning             ✗  an error

and what is wrong comes with why it matters and what to do.

Examples
  worq doctor
  worq doctor --url redis://app:secret@host:6379 --queue mail
  worq doctor --strict                     in CI: a warning fails, too
  worq doctor --json | jq -r 'select(.level == "error").remedy'

Exit codes: 1 an error, with --strict a warning
`;

/** The command `doctor`. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("tell what is wrong with a server and its queues, and what to do about it")
    .addOption(urlOption())
    .addOption(setting("--queue <name>", "the only queue to look at (default: all)"))
    .addOption(new Option("--strict", "end with 1 for warnings, too"))
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action(doctor);
}

async function doctor({ url, queue, strict, json }: DoctorSettings): Promise<void> {
  refuseMemory(url, "look at a server");
  // Refuses a URL or a name that cannot be, before anything is opened.
  await getBroker(url, queue)[Symbol.asyncDispose]();
  const found = await examine(url, queue === undefined ? {} : { queue });
  const lines = json ? found.map((one) => toJson(one)) : linesOf(found);
  await writeLine(lines.join("\n"));
  const [errors, warnings] = [countOf(found, "error"), countOf(found, "warning")];
  const summary = [many(errors, "error"), many(warnings, "warning")].filter((text) => text !== "");
  if (errors > 0 || (strict && warnings > 0)) {
    throw new CliError(`${summary.join(" and ")} found, see above`, EXIT.failed);
  }
  if (json) return;
  await writeLine(warnings > 0 ? `no error, ${summary.join("")}` : "nothing is wrong");
}

const MARKS = {
  ok: ["green", "✓"],
  note: ["cyan", "·"],
  warning: ["yellow", "!"],
  error: ["red", "✗"],
} as const satisfies Record<Level, readonly [Parameters<typeof styled>[0], string]>;

/** The checks that found nothing, one line each, and what was found with its reason and its remedy. */
function linesOf(found: readonly Diagnosis[]): string[] {
  const width = Math.max(...found.map(({ check }) => check.length));
  const line = (level: Level, check: string, text: string) => {
    const [colour, mark] = MARKS[level];
    return `${styled(colour, mark)} ${styled("bold", check.padEnd(width))}  ${oneLine(text)}`;
  };
  const indent = " ".repeat(width + 4);
  const fine = Map.groupBy(found.filter(({ level }) => level === "ok"), ({ check }) => check);
  const wrong = found.filter(({ level }) => level !== "ok");
  return [
    ...[...fine].map(([check, all]) => line("ok", check, fineText(all))),
    ...wrong.flatMap(({ level, check, where, text, why, remedy }) => [
      line(level, check, `${where}: ${text}`),
      `${indent}${oneLine(why ?? "")}`,
      `${indent}→ ${oneLine(remedy ?? "")}`,
    ]),
  ];
}

function fineText([first, ...others]: readonly Diagnosis[]): string {
  const { where, text } = first!;
  return others.length === 0 ? `${where}: ${text}` : `${where} and ${others.length} more`;
}

function countOf(found: readonly Diagnosis[], level: Level): number {
  return found.filter((one) => one.level === level).length;
}

function many(count: number, what: string): string {
  return count === 0 ? "" : count === 1 ? `1 ${what}` : `${count} ${what}s`;
}
