/** {@linkcode Routes}: what each path of the dashboard answers. */
import { createHash } from "node:crypto";
import { METRICS_TYPE } from "../metrics.ts";
import { act, readAction } from "./actions.ts";
import { emptyAnswer, errorAnswer, jsonAnswer, pageAnswer, textAnswer } from "./answers.ts";
import { type Asset, ASSETS, PAGE } from "./assets.ts";
import type { Guard } from "./auth.ts";
import type { Board } from "./board.ts";
import type { Events } from "./events.ts";
import { graphOf } from "./graph.ts";
import type { Looks } from "./overview.ts";
import type { Redaction } from "./redaction.ts";
import { checkId, oneOf, Refusal, textIn, wholeIn } from "./refusal.ts";
import { taskOf } from "./task.ts";
import { PLACES, tasksIn } from "./tasks.ts";

/** What a dashboard is made of. */
export interface Parts {
  readonly board: Board;
  readonly guard: Guard;
  readonly looks: Looks;
  readonly events: Events;
  readonly redaction: Redaction;
  readonly readOnly: boolean;
}

type Answer = (request: Request, url: URL) => Response | Promise<Response>;

/** Characters of a request that acts. */
const MOST_TEXT = 4_000_000;
const MOST_ROWS = 500;
const MOST_FROM = 1_000_000_000;
const MOST_DEPTH = 100;
const ASSET = "assets/";

/** By method and path. */
export class Routes {
  readonly #parts: Parts;
  readonly #routes: ReadonlyMap<string, Answer>;

  constructor(parts: Parts) {
    this.#parts = parts;
    const { looks, events } = parts;
    this.#routes = new Map<string, Answer>([
      ["GET ", () => pageAnswer(pageFor(parts.guard.actionToken))],
      ["GET metrics", async () => textAnswer(METRICS_TYPE, await looks.metrics())],
      ["GET api/overview", async () => jsonAnswer(await looks.overview())],
      ["GET api/events", () => textAnswer("text/event-stream", events.listen())],
      ["GET api/tasks", (_, { searchParams }) => this.#tasks(searchParams)],
      ["GET api/task", (_, { searchParams }) => this.#task(searchParams)],
      ["GET api/graph", (_, { searchParams }) => this.#graph(searchParams)],
      ["POST api/action", (request, url) => this.#action(request, url)],
    ]);
  }

  /** Answers a request for a path below the base. */
  async answer(request: Request, url: URL, path: string): Promise<Response> {
    if (request.method !== "HEAD") return await this.#answer(request.method, request, url, path);
    const { body, status, headers } = await this.#answer("GET", request, url, path);
    await body?.cancel();
    return new Response(null, { status, headers });
  }

  async #answer(method: string, request: Request, url: URL, path: string): Promise<Response> {
    if (method === "GET" && path.startsWith(ASSET)) {
      return assetAnswer(request, url, path.slice(ASSET.length));
    }
    const answer = this.#routes.get(`${method} ${path}`);
    if (answer !== undefined) return await answer(request, url);
    const other = method === "GET" ? "POST" : "GET";
    if (this.#routes.has(`${other} ${path}`)) {
      throw new Refusal(405, `${JSON.stringify(path)} takes ${other} alone`);
    }
    throw new Refusal(404, `there is nothing at ${JSON.stringify(path)}`);
  }

  async #tasks(query: URLSearchParams): Promise<Response> {
    const wanted = {
      place: oneOf("place", query.get("place"), PLACES),
      from: wholeIn(query, "from", [0, MOST_FROM], 0),
      count: wholeIn(query, "count", [1, MOST_ROWS], 50),
      name: query.get("name") ?? "",
    };
    const broker = await this.#parts.board.broker(textIn(query, "queue"));
    return jsonAnswer(await tasksIn(broker, wanted, this.#parts.redaction));
  }

  async #task(query: URLSearchParams): Promise<Response> {
    const id = checkId(textIn(query, "id"));
    const broker = await this.#parts.board.broker(textIn(query, "queue"));
    return jsonAnswer(await taskOf(broker, id, this.#parts.redaction));
  }

  async #graph(query: URLSearchParams): Promise<Response> {
    const id = checkId(textIn(query, "id"));
    const depth = wholeIn(query, "depth", [0, MOST_DEPTH], 3);
    const { board } = this.#parts;
    const { taskQueue } = await board.broker(textIn(query, "queue"));
    const other = (name: string) => board.sibling(taskQueue, name);
    return jsonAnswer(await graphOf(taskQueue, id, depth, other));
  }

  async #action(request: Request, url: URL): Promise<Response> {
    const { board, guard, looks, readOnly } = this.#parts;
    if (readOnly) return errorAnswer(403, "this dashboard is read-only");
    const problem = guard.mayNot(request, url);
    if (problem !== undefined) return errorAnswer(403, problem);
    const action = readAction(await textOf(request));
    const done = await act(await board.broker(action.queue), action);
    looks.changed();
    return jsonAnswer({ done });
  }
}

/** The text of a request. Throws a {@linkcode Refusal} for a very long one, before it is read in full. */
async function textOf(request: Request): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of request.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > MOST_TEXT) throw new Refusal(413, `more than ${MOST_TEXT} characters`);
  }
  return text + decoder.decode();
}

/** Asked for with the hash in its address, it never changes; otherwise the browser asks whether it did. */
function assetAnswer(request: Request, url: URL, name: string): Response {
  const asset = assetOf(name);
  if (asset === undefined) throw new Refusal(404, `there is no asset ${JSON.stringify(name)}`);
  const hash = hashOf(asset);
  const etag = `"${hash}"`;
  const keep = url.searchParams.get("v") === hash
    ? "public, max-age=31536000, immutable"
    : "no-cache";
  const headers = { etag, "cache-control": keep };
  return request.headers.get("if-none-match") === etag
    ? emptyAnswer(304, headers)
    : textAnswer(asset.type, asset.text, headers);
}

function assetOf(name: string): Asset | undefined {
  return Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
}

const hashes = new Map<Asset, string>();

function hashOf(asset: Asset): string {
  const known = hashes.get(asset);
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(asset.text).digest("hex").slice(0, 16);
  hashes.set(asset, hash);
  return hash;
}

/** The page, with the hashes of what it asks for. */
function pageFor(token: string): string {
  return PAGE.replace("{{token}}", token).replace(
    /(?<=(?:src|href)="assets\/)([^"?]+)(?=")/g,
    (name) => {
      const asset = assetOf(name);
      return asset === undefined ? name : `${name}?v=${hashOf(asset)}`;
    },
  );
}
