/** {@linkcode dashboard}: a handler of requests that shows queues, pools and tasks. */
import { QueueUnavailable } from "../errors.ts";
import { emptyAnswer, errorAnswer } from "./answers.ts";
import { Guard } from "./auth.ts";
import { Board, type DashboardSource } from "./board.ts";
import { Events } from "./events.ts";
import { Looks } from "./overview.ts";
import { type Redact, Redaction } from "./redaction.ts";
import { Refusal } from "./refusal.ts";
import { Routes } from "./routes.ts";

export type { DashboardSource, Redact };

/** What a dashboard lets whom do. */
export interface DashboardOptions {
  /** Whether nothing can be changed from it. @default {false} */
  readOnly?: boolean;
  /**
   * What visitors have to know: the address with `?token=…` at its end gives a browser a cookie,
   * programs send `Authorization: Bearer …`. Without one, and without `allow`, only requests to names
   * of this machine are answered, such as `localhost`.
   */
  token?: string;
  /**
   * What is not to be seen of arguments, results and contexts: patterns of keys, or a function that
   * gives what to show for each value. @default {keys such as password, secret, token, apiKey, cookie}
   */
  redact?: Redact;
  /** Whether a request is let in, besides the token if there is one. */
  allow?: (request: Request) => boolean | Promise<boolean>;
  /** Path that it is mounted at, such as `/worq/`. @default {what a request has in front of a path that it knows} */
  base?: string;
}

/** Answers requests, until it is disposed of. */
export interface Dashboard extends AsyncDisposable {
  /** Answers one. */
  (request: Request): Promise<Response>;
}

/**
 * A handler that shows queues on a page: those of brokers, which stay open when it is disposed of, or
 * those of a server, where a queue that is new is found after a while. Throws a `TypeError` for a
 * source or an option that cannot be.
 *
 * @example
 * ```ts
 * import { dashboard } from "@worq/worq/dashboard";
 * import { strictEqual } from "node:assert/strict";
 *
 * await using page = dashboard({ url: "memory://", queues: ["mail"] }, { token: "known to few" });
 * strictEqual((await page(new Request("http://localhost/"))).status, 401);
 * ```
 */
export function dashboard(source: DashboardSource, options: DashboardOptions = {}): Dashboard {
  return dashboardOf(new Board(source), options);
}

/** The same for a board, which it owns from now on. */
export function dashboardOf(board: Board, options: DashboardOptions): Dashboard {
  const { readOnly = false, token, redact, allow, base } = options;
  const guard = new Guard({ ...(token !== undefined && { token }), ...(allow && { allow }) });
  const looks = new Looks(board, readOnly);
  const events = new Events(() => looks.overview());
  const redaction = new Redaction(redact);
  const routes = new Routes({ board, guard, looks, events, redaction, readOnly });
  const given = base === undefined ? undefined : `/${base}/`.replace(/\/+/g, "/");

  async function answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const root = given ?? baseOf(url.pathname);
    const stopped = await guard.stop(request, url, root);
    if (stopped !== undefined) return stopped;
    // The page has relative addresses, for which its own has to end with a slash.
    if (`${url.pathname}/` === root) return emptyAnswer(308, { location: root });
    if (!url.pathname.startsWith(root)) {
      throw new Refusal(404, `there is nothing here; the dashboard is at ${root}`);
    }
    return await routes.answer(request, url, url.pathname.slice(root.length));
  }

  const handler = (request: Request) => answer(request).catch(failed);
  return Object.assign(handler, {
    async [Symbol.asyncDispose]() {
      events[Symbol.dispose]();
      await board[Symbol.asyncDispose]();
    },
  });
}

/** What stands in front of a path that the dashboard knows. */
function baseOf(path: string): string {
  return /^(.*?\/)(?:api\/[^/]+|assets\/[^/]+|[^/]*)$/.exec(path)?.[1] ?? "/";
}

function failed(error: unknown): Response {
  if (error instanceof Refusal) return errorAnswer(error.status, error.message);
  const status = error instanceof QueueUnavailable ? 503 : 500;
  return errorAnswer(status, error instanceof Error ? error.message : String(error));
}
