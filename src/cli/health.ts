/** Whether a pool is alive and ready, over HTTP: for those who restart and route. */
import { createServer, get, type Server } from "node:http";
import { CliError, EXIT } from "./failure.ts";
import type { Address } from "./values.ts";

/** Why a pool is not ready; undefined when it is. */
export type Readiness = () => Promise<string | undefined>;

/** Milliseconds that an answer may take. */
const PATIENCE = 5_000;

/** Serves `/livez` and `/readyz` until it is disposed of. Throws a `CliError` when it cannot. */
export async function serveHealth(at: Address, readiness: Readiness): Promise<AsyncDisposable> {
  const server = createServer(async ({ url }, response) => {
    const path = (url ?? "").split("?")[0];
    const known = path === "/livez" || path === "/readyz";
    const problem = path === "/readyz" ? await readiness().catch(String) : undefined;
    response.writeHead(!known ? 404 : problem === undefined ? 200 : 503, {
      "content-type": "text/plain; charset=utf-8",
    });
    response.end(`${known ? problem ?? "ok" : "try /livez or /readyz"}\n`);
  });
  await listening(server, at);
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listening(server: Server, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why = error.code === "EADDRINUSE" ? "the port is taken" : error.message;
      reject(new CliError(`cannot listen on ${host}:${port}: ${why}; choose another --health`));
    });
    server.listen(port, host, () => resolve());
  });
}

/** Asks a pool whether it is ready. Throws a `CliError` when it is not. */
export async function checkHealth({ host, port }: Address): Promise<void> {
  const from = host === "0.0.0.0" ? "127.0.0.1" : host;
  const { promise, resolve, reject } = Promise.withResolvers<[number, string]>();
  const request = get({ host: from, port, path: "/readyz", timeout: PATIENCE }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part) => text += part);
    response.on("end", () => resolve([response.statusCode ?? 0, text.trim()]));
  });
  request.on("timeout", () => request.destroy(new Error(`no answer within ${PATIENCE} ms`)));
  request.on("error", reject);
  const [status, text] = await promise.catch((error) => {
    throw new CliError(`no pool answers at ${from}:${port}: ${error.message}`, EXIT.failed);
  });
  if (status !== 200) throw new CliError(`the pool is not ready: ${text}`, EXIT.failed);
}
