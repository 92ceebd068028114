#!/usr/bin/env -S deno run -A
/**
 * The `worq` command: `worq --help` tells what it does, and its exit codes.
 *
 * @module
 */
import process from "node:process";
import { main } from "./src/cli/program.ts";
import { enterCommand } from "./src/cli/self.ts";

enterCommand();
process.exit(await main(process.argv.slice(2)));
