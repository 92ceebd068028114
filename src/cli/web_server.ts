/** {@linkcode serveWeb}: serves a handler of the web's requests, by the server that all runtimes have. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import { listening } from "./listening.ts";
import type { Address } from "./values.ts";

/** Answers a request. */
export type Handler = (request: Request) => Promise<Response>;

/** A server that listens. */
export interface WebServer extends AsyncDisposable {
  /** The port, also where the system chose it. */
  readonly port: number;
}

/** Serves until it is disposed of. Throws a `CliError` that names the `option` when it cannot. */
export async function serveWeb(
  at: Address,
  option: string,
  handler: Handler,
): Promise<WebServer> {
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing, handler).catch(() => outgoing.destroy());
  });
  await listening(server, at, option);
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : at.port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(incoming: IncomingMessage, outgoing: ServerResponse, handler: Handler) {
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  const request = requestOf(incoming, gone.signal);
  if (request === undefined) return outgoing.writeHead(400).end();
  const response = await handler(request);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.fromWeb(response.body as NodeStream), outgoing);
}

/** Undefined when its address or a header is none. */
function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const { method = "GET", url = "/", headers } = incoming;
  const address = `http://${headers.host ?? "localhost"}${url}`;
  if (!url.startsWith("/") || !URL.canParse(address)) return undefined;
  const fields = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]]
  );
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(address, {
    method,
    headers: fields,
    signal,
    ...(hasBody && { body: Readable.toWeb(incoming) as ReadableStream, duplex: "half" }),
  });
}
