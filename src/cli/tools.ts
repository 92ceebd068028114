/** Programs that the command starts, and what they say when they fail. */
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { CliError } from "./failure.ts";
import { ownRuntime, type Runtime } from "../runtime.ts";
import { binary } from "./self.ts";

/** Node has the hooks by which modules find worq from this version on. */
const NODE = [22, 15] as const;

/** Path of a runtime's program. Throws a `CliError` when there is none that will do. */
export function findProgram(runtime: Runtime): string {
  if (runtime === ownRuntime && binary === undefined) return process.execPath;
  const { status, stdout } = spawnSync(runtime, ["--version"], { encoding: "utf8" });
  if (status === 0) {
    if (runtime === "node") checkNode(stdout.trim());
    return runtime;
  }
  throw new CliError(`there is no ${runtime} on the PATH: install it, or use another --runtime`);
}

function checkNode(version: string): void {
  const [major = 0, minor = 0] = version.replace("v", "").split(".").map(Number);
  if (major > NODE[0] || (major === NODE[0] && minor >= NODE[1])) return;
  throw new CliError(`workers need Node ${NODE.join(".")} or later, this is ${version}`);
}

/** Runs a program to its end, and gives what it said. Throws a `CliError` with what it said when it fails. */
export async function runTool(
  program: string,
  args: readonly string[],
): Promise<string> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => said += text);
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return said.trim();
  throw new CliError(`${program} ${args[0]} failed with code ${code}:\n${said.trim()}`);
}
