/** A measured process, from inside. */
import process from "node:process";
import { createInterface } from "node:readline";
import { ANSWER, type Answer, type Ask, type Figures, READY } from "./protocol.ts";

/** Answers questions with what `measure` gives, until the standard input ends. */
export async function serve<Op extends string>(
  measure: (ask: Ask<Op>) => Promise<Figures>,
): Promise<void> {
  console.log(READY);
  for await (const line of createInterface({ input: process.stdin })) {
    console.log(ANSWER + JSON.stringify(await answer(measure, JSON.parse(line))));
  }
  process.exit(0);
}

async function answer<Op extends string>(
  measure: (ask: Ask<Op>) => Promise<Figures>,
  ask: Ask<Op>,
): Promise<Answer> {
  try {
    return { figures: await measure(ask) };
  } catch (error) {
    return { error: error instanceof Error ? error.stack ?? error.message : String(error) };
  }
}
