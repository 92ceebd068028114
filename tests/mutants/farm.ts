/** {@linkcode farm}: has processes try mutants. */
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { READY, type Stage, type Verdict } from "./protocol.ts";

const CHILD = fileURLToPath(new URL("child.ts", import.meta.url));

/** How mutants are tried. */
export interface Farm {
  readonly processes: number;
  readonly stages: readonly Stage[];
}

/** Gives mutants, by their numbers, to processes, and the verdicts as they come. */
export async function farm(
  mutants: readonly number[],
  { processes, stages }: Farm,
  onVerdict: (mutant: number, verdict: Verdict) => void,
): Promise<void> {
  const left = mutants.toReversed();
  const work = async () => {
    while (left.length > 0) await useProcess(left, stages, onVerdict);
  };
  await Promise.all(Array.from({ length: processes }, work));
}

/** Has one process try mutants until none is left, or the process has to end. */
async function useProcess(
  left: number[],
  stages: readonly Stage[],
  onVerdict: (mutant: number, verdict: Verdict) => void,
): Promise<void> {
  const child = spawn(process.execPath, ["run", "-A", CHILD, ...stages], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const stop = () => child.kill();
  process.once("exit", stop);
  const ended = new Promise<unknown>((resolve) => child.once("close", resolve));
  let trying: number | undefined;
  const next = () => {
    trying = left.pop();
    if (trying === undefined) child.stdin.end();
    else child.stdin.write(`${trying}\n`);
  };
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === READY) {
      next();
      continue;
    }
    if (!line.startsWith("{")) continue; // what a test prints
    const verdict: Verdict = JSON.parse(line);
    onVerdict(trying!, verdict);
    trying = undefined;
    if (!verdict.last) next();
  }
  const code = await ended;
  process.off("exit", stop);
  if (trying !== undefined) throw new Error(`The process that tried ${trying} ended with ${code}`);
}
