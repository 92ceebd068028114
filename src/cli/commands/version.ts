/** `worq version`: which worq this is. */
import { Command } from "commander";
import config from "../../../deno.json" with { type: "json" };
import { writeLine } from "../output.ts";

/** The command `version`. */
export function versionCommand(): Command {
  return new Command("version")
    .description("write the version")
    .action(() => writeLine(config.version));
}
