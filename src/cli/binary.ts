/** {@linkcode begin}: where a binary begins. Its own first file imports this. */
import process from "node:process";
import { type Binary, enterBinary, WORKER } from "./self.ts";

/** Does what the arguments of this process say. What that takes is loaded then, and nothing else. */
export async function begin(what: Binary): Promise<never> {
  enterBinary(what);
  const [first, ...rest] = process.argv.slice(2);
  if (first === WORKER) return await work(rest[0]!);
  const { main } = await import("./program.ts");
  process.exit(await main(process.argv.slice(2)));
}

/** A worker never ends by itself: its pool has it end. */
async function work(module: string): Promise<never> {
  const { serve } = await import("./serve.ts");
  serve(() => import(module));
  return await new Promise(() => {});
}
