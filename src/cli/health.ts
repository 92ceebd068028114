/** Whether a pool is alive and ready, over HTTP: for those who restart and route. */
import { createServer, get } from "node:http";
import { METRICS_TYPE } from "../metrics.ts";
import { CliError, EXIT } from "./failure.ts";
import { listening } from "./listening.ts";
import type { Address } from "./values.ts";

/** What is told of a pool. */
export interface Health {
  /** Why it is not ready; undefined when it is. */
  readiness(): Promise<string | undefined>;
  /** Its figures, in the format of Prometheus. */
  metrics(): Promise<string>;
}

/** An answer: its status and text. */
type Answer = readonly [status: number, text: string, type?: string];

/** Milliseconds that an answer may take. */
const PATIENCE = 5_000;

const PLAIN = "text/plain; charset=utf-8";

/**
 * Serves `/livez`, `/readyz` and `/metrics` until it is disposed of. Throws a `CliError` when it
 * cannot.
 */
export async function serveHealth(at: Address, health: Health): Promise<AsyncDisposable> {
  const server = createServer(async ({ url = "" }, response) => {
    const [status, text, type = PLAIN] = await answerTo(url.split("?")[0]!, health)
      .catch((error): Answer => [503, `${error.message}\n`]);
    response.writeHead(status, { "content-type": type });
    response.end(text);
  });
  await listening(server, at, "--health");
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answerTo(path: string, health: Health): Promise<Answer> {
  switch (path) {
    case "/livez":
      return [200, "ok\n"];
    case "/readyz": {
      const problem = await health.readiness().catch(String);
      return problem === undefined ? [200, "ok\n"] : [503, `${problem}\n`];
    }
    case "/metrics":
      return [200, await health.metrics(), METRICS_TYPE];
    default:
      return [404, "try /livez, /readyz or /metrics\n"];
  }
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
