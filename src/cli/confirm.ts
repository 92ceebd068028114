/** {@linkcode agree}: asks before something that cannot be taken back. */
import { createInterface } from "node:readline/promises";
import process from "node:process";
import { CliError, EXIT } from "./failure.ts";

/**
 * Goes on when the user agrees to `act`, such as "remove 3 tasks". Throws a `CliError` otherwise, and
 * where nobody can be asked.
 */
export async function agree(act: string, otherwise: string): Promise<void> {
  if (!process.stdin.isTTY) throw new CliError(`this would ${act}: say so with --yes`);
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await lines.question(`${act[0]!.toUpperCase()}${act.slice(1)}? [y/N] `);
  lines.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CliError(otherwise, EXIT.failed);
}

/** "1 task", "2 tasks". */
export function tasksText(count: number): string {
  return count === 1 ? "1 task" : `${count} tasks`;
}
