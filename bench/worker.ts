/** The process that works: the tasks of every side, and its end. */
import process from "node:process";
import { type Payload, READY } from "./protocol.ts";

/** Does nothing: its result is a small integer. */
export const noop = ({ i }: Payload): number => i;

/** The fan-in. */
export const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Lets the run know that tasks are taken, and works until the standard input ends. */
export async function untilTheEnd(): Promise<void> {
  console.log(READY);
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once("end", resolve));
  process.exit(0);
}
