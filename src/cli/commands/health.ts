/** `worq health`: whether a pool is ready, for a container's own check. */
import { Command } from "commander";
import { checkHealth } from "../health.ts";
import { variableOf } from "../options.ts";
import { writeLine } from "../output.ts";
import { address } from "../values.ts";
import process from "node:process";

const HELP = `
Examples
  worq health :8080
  HEALTHCHECK CMD ["worq", "health"]     in a Dockerfile, with WORQ_HEALTH=:8080

Exit codes: 0 the pool is ready, 1 it is not
`;

/** The command `health`. */
export function healthCommand(): Command {
  return new Command("health")
    .description("ask a pool that was started with --health whether it is ready")
    .argument("[address]", "where it listens (or WORQ_HEALTH)", process.env[variableOf("health")])
    .addHelpText("after", HELP)
    .action(async (at: string | undefined) => {
      await checkHealth(address(at ?? ":8080"));
      await writeLine("ready");
    });
}
