/** {@linkcode serveHere}: the web server that the runtime of this process brings along. */
import { isDeno } from "../../src/runtime.ts";

/** Answers a request. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** A server that listens; ends with its scope. */
export interface RuntimeServer extends AsyncDisposable {
  /** Where it listens, without a path. */
  readonly origin: string;
}

/** What is used of Bun. */
interface BunServer {
  readonly port: number;
  stop(closeActiveConnections: boolean): Promise<void>;
}

const HOST = "127.0.0.1";

/** Serves on a free port of this machine, as docs/dashboard.md tells. */
export function serveHere(handler: Handler): RuntimeServer {
  if (isDeno) {
    const abort = new AbortController();
    const { signal } = abort;
    const server = Deno.serve({ hostname: HOST, port: 0, signal, onListen() {} }, handler);
    return {
      origin: `http://${HOST}:${server.addr.port}`,
      async [Symbol.asyncDispose]() {
        abort.abort();
        await server.finished;
      },
    };
  }
  const { Bun } = globalThis as unknown as {
    Bun: { serve(options: Record<string, unknown>): BunServer };
  };
  const server = Bun.serve({ hostname: HOST, port: 0, idleTimeout: 60, fetch: handler });
  return {
    origin: `http://${HOST}:${server.port}`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
