/** `worq fsck`: what is wrong with a queue, and what sets it right. */
import { Command, Option } from "commander";
import { type Finding, getBroker } from "../../../mod.ts";
import { agree } from "../confirm.ts";
import { CliError, EXIT } from "../failure.ts";
import { oneLine } from "../one_line.ts";
import { jsonOption, queueOption, urlOption } from "../options.ts";
import { output, toJson, writeLine } from "../output.ts";
import { tableLines } from "../table.ts";
import { count } from "../values.ts";
import { refuseMemory } from "./call.ts";

interface FsckSettings {
  url: string;
  queue: string;
  limit: number;
  repair?: boolean;
  yes?: boolean;
  json?: boolean;
}

const HELP = `
A queue is sound unless somebody changed its keys by hand, or the server lost some of what it had
confirmed. Pools and callers may go on meanwhile. A repair loses no task: one whose message is there
will run, one that cannot run any more ends as expired, and who waits is told. A task whose place was
lost while a pool had it may run twice.

Examples
  worq fsck --queue mail
  worq fsck --queue mail --repair
  worq fsck --queue mail --repair --yes     for scripts
  worq fsck --json | jq -r .invariant | sort | uniq -c

Exit codes: 1 something is wrong, and was not repaired
`;

/** The command `fsck`. */
export function fsckCommand(): Command {
  return new Command("fsck")
    .description("check a queue for what must hold in it, and repair it")
    .addOption(urlOption())
    .addOption(queueOption())
    .addOption(new Option("--repair", "set right what can be set right"))
    .addOption(new Option("--yes", "do not ask, with --repair"))
    .addOption(new Option("--limit <n>", "findings to list at most").argParser(count).default(1000))
    .addOption(jsonOption())
    .addHelpText("after", HELP)
    .action(fsck);
}

async function fsck({ url, queue, limit, repair, yes, json }: FsckSettings): Promise<void> {
  refuseMemory(url, "check a queue");
  await using broker = getBroker(url, queue);
  const found = await broker.fsck({ limit });
  const many = found.filter(({ remedy }) => remedy !== undefined).length;
  const asks = repair && !yes && many > 0;
  if (!repair || (asks && !json)) await tell(found, json);
  if (asks) await agree(`repair ${findingsText(many)} of queue "${queue}"`, "nothing was repaired");
  const after = repair ? await broker.fsck({ limit, repair }) : found;
  if (repair) await tell(after, json);
  const repaired = after.filter((finding) => finding.repaired).length;
  const left = after.length - repaired;
  if (left > 0) throw new CliError(whatIsLeft(left, many, queue, repair), EXIT.failed);
  if (json) return;
  await writeLine(
    repaired > 0
      ? `queue "${queue}" is sound again: ${findingsText(repaired)} repaired`
      : `queue "${queue}" is sound`,
  );
}

function whatIsLeft(left: number, many: number, queue: string, repair = false): string {
  const what = `${findingsText(left)} in queue "${queue}"`;
  if (repair) return `${what} could not be repaired`;
  return many === 0
    ? `${what}, which nothing repairs`
    : `${what}; --repair repairs ${many} of them`;
}

async function tell(findings: readonly Finding[], json: boolean | undefined): Promise<void> {
  if (findings.length === 0) return;
  if (json) return await writeLine(findings.map((finding) => toJson(finding)).join("\n"));
  const rows = findings.map(({ invariant, id, problem, remedy, repaired }) => [
    invariant,
    oneLine(id),
    repaired ? "repaired" : remedy === undefined ? "no repair" : "can be repaired",
    oneLine(problem + (remedy === undefined ? "" : `: ${remedy}`)),
  ]);
  const lines = tableLines(["INVARIANT", "ID", "STATE", "PROBLEM"], rows, []);
  const { isTTY, columns } = output();
  // Colours are in the first line only, which is short.
  await writeLine(
    lines.map((line, i) => isTTY && i > 0 ? line.slice(0, columns) : line).join("\n"),
  );
}

function findingsText(n: number): string {
  return n === 1 ? "1 finding" : `${n} findings`;
}
