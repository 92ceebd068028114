/** What `map.ts` measures: as tasks, and for one input as a program, which `xargs` starts. */
import process from "node:process";
import { burns } from "./pools/tasks.ts";

/** Some 20 ms of computing. */
export const work = (text: string): number => burns({ i: 20, pad: text });

/** As good as nothing. */
export const tiny = (text: string): number => text.length;

if (import.meta.main) {
  const [name, text = ""] = process.argv.slice(2);
  console.log(JSON.stringify(name === "work" ? work(text) : tiny(text)));
}
