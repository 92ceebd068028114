/**
 * The kit: worq as a few JavaScript files in one folder. Binaries are made of it and have it
 * inside, for the workers that other runtimes run, and for the binaries that they make themselves.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { CliError } from "./failure.ts";
import { findProgram, runTool } from "./tools.ts";

/** Runtimes that make binaries. */
export type Builder = "deno" | "bun";

/** The file with all the others in it. */
export const KIT = "kit.json";

/** Where each file of the kit comes from, seen from here. */
const SOURCES: Record<string, string> = {
  cli: "./binary.ts",
  thread_worker: "./thread_worker.ts",
  process_worker: "./process_worker.ts",
  mod: "../../mod.ts",
  backend: "../../backend.ts",
  testing: "../../testing.ts",
  otel: "../../otel.ts",
  dashboard: "../../dashboard.ts",
};

/** A new folder for as long as this process lives. */
function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `worq-${name}-`));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes the files of the kit in `text` into a new folder, and gives its path. */
export function unpackKit(text: string): string {
  const folder = temporaryFolder("kit");
  const files: Record<string, string> = JSON.parse(text);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  writeFileSync(join(folder, KIT), text);
  return folder;
}

/** Makes the kit from the source that this program is run from, and gives its folder. */
export async function makeKit(builder: Builder): Promise<string> {
  if (!import.meta.url.startsWith("file:")) {
    throw new CliError(
      `cannot build from ${import.meta.url}: get the binary, or clone the repository, and build there`,
    );
  }
  const sources = temporaryFolder("sources");
  const stubs = Object.entries(SOURCES).map(([name, path]) => {
    const url = new URL(path, import.meta.url);
    const source = builder === "deno" ? url.href : fileURLToPath(url);
    const stub = join(sources, `${name}.ts`);
    writeFileSync(stub, `export * from ${JSON.stringify(source)};\n`);
    return stub;
  });
  const folder = temporaryFolder("kit");
  await runTool(await findProgram(builder), [...bundling(builder), "--outdir", folder, ...stubs]);
  const files = Object.fromEntries(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
  writeFileSync(join(folder, KIT), JSON.stringify(files));
  return folder;
}

function bundling(builder: Builder): string[] {
  if (builder === "deno") {
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    return ["bundle", "--quiet", "--config", config, "--platform=deno", "--code-splitting"];
  }
  return [
    ...["build", "--target=node", "--format=esm", "--splitting"],
    ...["--entry-naming=[name].[ext]", "--chunk-naming=[name]-[hash].[ext]"],
  ];
}

/** URL of a file in a folder. */
export function urlIn(folder: string, file: string): URL {
  return pathToFileURL(join(folder, file));
}
