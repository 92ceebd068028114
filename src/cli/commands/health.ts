/** `worq health`: whether a pool is ready, for a container's own check. */
import { Argument, Command } from "commander";
import { checkHealth } from "../health.ts";
import { variableOf } from "../options.ts";
import { writeLine } from "../output.ts";
import { type Address, address } from "../values.ts";
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
    .addArgument(new Argument("[address]", "where it listens (or WORQ_HEALTH)").argParser(address))
    .addHelpText("after", HELP)
    .action(async (at: Address | undefined) => {
      await checkHealth(at ?? address(process.env[variableOf("health")] ?? ":8080"));
      await writeLine("ready");
    });
}
