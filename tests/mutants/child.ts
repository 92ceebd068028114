/** A process that tries mutants: see `protocol.ts`. Its arguments are the stages. */
import process from "node:process";
import { createInterface } from "node:readline";
import { Bench } from "./bench.ts";
import { READY, STAGES } from "./protocol.ts";
import { allMutants, plant } from "./sources.ts";

// A test that hangs may fail later.
process.on("unhandledRejection", () => {});
const bench = await Bench.start();
process.once("exit", () => bench.kill());
const stages = STAGES.filter((stage) => process.argv.includes(stage));
const mutants = allMutants();
console.log(READY);
for await (const line of createInterface({ input: process.stdin })) {
  const mutant = mutants[Number(line)];
  const verdict = await bench.try(mutant ? plant(mutant) : (text) => text, stages);
  console.log(JSON.stringify(verdict));
  if (verdict.last) break;
}
process.exit();
