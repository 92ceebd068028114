/** Tasks that `worq map` is tested with. */
import process from "node:process";
import { TaskSpace } from "@worq/worq";

/** Gives its input. */
export const echo = (input: unknown): unknown => input;

/** Id of the process that runs it. */
export const pid = (_input: unknown): number => process.pid;

/** Ends the sooner the greater the number is. */
export async function late(input: string): Promise<string> {
  await new Promise((resolve) => setTimeout(resolve, 20 * (5 - Number(input))));
  return input;
}

/** Fails for what is odd. */
export function half(input: string): number {
  if (Number(input) % 2 === 1) throw new RangeError(`${input} is odd`);
  return Number(input) / 2;
}

/** Prints its input. */
export const print = (input: string): void => console.log(`printed ${input}`);

/** Id of its process; never ends with "stay". */
export const unlessStay = (input: string): number | Promise<never> =>
  input === "stay" ? new Promise<never>(() => {}) : process.pid;

/** Tasks with a name of two parts. */
export const texts: TaskSpace<"texts", { upper(text: string): string }> = new TaskSpace("texts", {
  upper: (text: string) => text.toUpperCase(),
});
