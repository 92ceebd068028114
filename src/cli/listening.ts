/** {@linkcode listening}: has a server listen where the user said. */
import type { Server } from "node:http";
import { CliError } from "./failure.ts";
import type { Address } from "./values.ts";

/** Resolves when it does. Throws a `CliError` that names the `option` when it cannot. */
export function listening(server: Server, { host, port }: Address, option: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "the port is taken" : error.message;
      reject(new CliError(`cannot listen on ${host}:${port}: ${why}; choose another ${option}`));
    });
    server.listen(port, host, () => resolve());
  });
}
