/** A server that answers the page of the dashboard with made-up data, and remembers what is asked. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ASSETS, PAGE } from "../../src/dashboard/assets.ts";
import {
  acrossGraph,
  HOSTILE,
  largeGraph,
  overviewOf,
  smallGraph,
  taskOf,
  tasksOf,
} from "./dashboard_data.ts";

const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TOKEN = "token-of-the-stub";
const PLAIN = ["mail", "images", "reports", "billing.invoices"];

/** An action that was asked for. */
export interface Asked {
  readonly action: string;
  readonly queue: string;
  readonly ids?: readonly string[];
}

/** The stub; `queues` and `readOnly` may be changed while it runs. */
export class DashboardStub {
  readonly actions: Asked[] = [];
  queues: readonly string[] = PLAIN;
  readOnly = false;
  graph: "small" | "large" | "alone" | "across" = "small";
  #look = 400;
  #isAway = false;
  readonly #listeners = new Set<ServerResponse>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(): Promise<DashboardStub> {
    const stub = new DashboardStub();
    stub.#server.listen(0, "127.0.0.1");
    await once(stub.#server, "listening");
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Tells all pages a look, as the server does every two seconds. */
  tell(ahead = 0): void {
    const text = JSON.stringify(this.#overview(ahead));
    for (const listener of this.#listeners) listener.write(`event: overview\ndata: ${text}\n\n`);
  }

  /** Tells what five minutes brought, so that charts have something to show. */
  tellPast(): void {
    for (let i = 149; i >= 0; i--) this.tell(-2_000 * i);
  }

  /** Ends the streams of events, and takes no new ones, as a server that goes away. */
  hangUp(): void {
    this.#isAway = true;
    for (const listener of this.#listeners) listener.destroy();
    this.#listeners.clear();
  }

  /** Takes streams of events again. */
  comeBack(): void {
    this.#isAway = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #overview(ahead: number) {
    return overviewOf(this.#look++, Date.now() + ahead, this.readOnly, this.queues);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    response.setHeader("content-security-policy", CSP);
    response.setHeader("x-content-type-options", "nosniff");
    const asset = ASSETS[pathname.replace("/assets/", "")];
    if (pathname === "/") {
      send(response, "text/html; charset=utf-8", PAGE.replace("{{token}}", TOKEN));
    } else if (asset !== undefined) send(response, asset.type, asset.text);
    else if (pathname === "/api/events") this.#listen(response);
    else if (pathname === "/api/action") await this.#act(request, response);
    else {
      const found = this.#find(pathname, Object.fromEntries(searchParams));
      json(response, found ?? { error: "unknown" }, found === undefined ? 404 : 200);
    }
  }

  #find(
    path: string,
    { queue = "", id = "", place = "ready", from = "0", count = "50", name = "" },
  ) {
    const now = Date.now();
    switch (path) {
      case "/api/overview":
        return this.#overview(0);
      case "/api/task":
        return id.startsWith("5Zr2") ? taskOf(queue, id, now) : undefined;
      case "/api/graph":
        if (this.graph === "large") return largeGraph(id);
        if (this.graph === "across") return acrossGraph(id);
        return this.graph === "small"
          ? smallGraph(id)
          : { nodes: smallGraph(id).nodes.slice(3, 4), edges: [], more: false };
      case "/api/tasks": {
        const start = Number(from);
        const total = place === "running" ? 0 : 120;
        const size = Math.min(Number(count), total - start);
        if (name !== "") {
          const all = tasksOf(queue, place, now, 0, total).filter((task) =>
            task.name.includes(name)
          );
          return { total, from: 0, next: null, scanned: total, tasks: all.slice(0, Number(count)) };
        }
        const next = start + size < total ? start + size : null;
        return {
          total,
          from: start,
          next,
          scanned: size,
          tasks: tasksOf(queue, place, now, start, size),
        };
      }
      default:
        return undefined;
    }
  }

  #listen(response: ServerResponse): void {
    if (this.#isAway) return void response.destroy();
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("retry: 200\n\n");
    this.#listeners.add(response);
    response.on("close", () => this.#listeners.delete(response));
    this.tell();
  }

  async #act(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const part of request) body += part;
    if (this.readOnly || request.headers["x-worq-token"] !== TOKEN) {
      return json(response, { error: "not allowed" }, 403);
    }
    const asked = JSON.parse(body) as Asked;
    this.actions.push(asked);
    json(response, { done: asked.ids?.length ?? 1 });
  }
}

/** A queue whose names and tasks are made to break the page. */
export const HOSTILE_QUEUE: string = HOSTILE.markup;
export const HOSTILE_QUEUES: readonly string[] = [...Object.values(HOSTILE), ...PLAIN];

function send(response: ServerResponse, type: string, text: string, status = 200): void {
  response.writeHead(status, { "content-type": type });
  response.end(text);
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  send(response, "application/json", JSON.stringify(body), status);
}
