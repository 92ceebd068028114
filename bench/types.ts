/**
 * How long the compiler takes for a queue of many tasks: `deno check` on a program that calls some
 * of them, minus the same program with one task.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SIZES = [1, 500, 2_000];
const ROUNDS = 5;

function program(size: number): string {
  const tasks = Array.from(
    { length: size },
    (_, i) => `  task${i}: (a: { id: number; tags: string[] }, b: string) => ({ a, b, n: ${i} }),`,
  );
  const calls = Array.from(
    { length: Math.min(size, 50) },
    (_, i) => `await q.many.task${i}({ id: 1, tags: ["x"] }, "y");`,
  );
  return [
    'import { getQueue, TaskSpace } from "@worq/worq";',
    'const many = new TaskSpace("many", {',
    ...tasks,
    "});",
    'await using q = getQueue<typeof many>("memory://");',
    ...calls,
    "",
  ].join("\n");
}

function check(file: string, text: string): number {
  writeFileSync(file, `// ${crypto.randomUUID()}\n${text}`); // never twice the same, or it is not checked
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["check", file], { cwd: ROOT });
  if (status !== 0) throw new Error(`Cannot check: ${stderr}`);
  return performance.now() - start;
}

const folder = mkdtempSync(join(ROOT, "bench", ".types-"));
try {
  const times = new Map<number, number[]>(SIZES.map((size) => [size, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const size of SIZES) {
      times.get(size)!.push(check(join(folder, `check${size}.ts`), program(size)));
    }
  }
  console.log("| tasks in the space | deno check, ms, median [min–max] |\n|---:|---:|");
  for (const [size, list] of times) {
    list.sort((a, b) => a - b);
    const [low, middle, high] = [list[0]!, list[ROUNDS >> 1]!, list.at(-1)!].map(Math.round);
    console.log(`| ${size} | ${middle} [${low}–${high}] |`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
