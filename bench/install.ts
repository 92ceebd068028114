/** The packages that the measured processes need. */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Has Deno put the packages of the project and of its peers where Bun finds them, too. */
export function installPackages(): void {
  for (const folder of ["..", "peers"]) install(folder);
}

function install(folder: string): void {
  const cwd = fileURLToPath(new URL(folder, import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ["install", "--frozen"], {
    cwd,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`Cannot install the packages of ${cwd}: ${stderr}`);
}
