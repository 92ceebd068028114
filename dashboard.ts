/**
 * A page that shows queues, pools and tasks: {@linkcode dashboard} makes a handler of requests, which
 * any server of the web's `Request` and `Response` takes. docs/dashboard.md tells more; the command
 * `worq dashboard` serves the same.
 *
 * @example
 * ```ts
 * import { getBroker } from "@worq/worq";
 * import { dashboard } from "@worq/worq/dashboard";
 * import { strictEqual } from "node:assert/strict";
 *
 * await using broker = getBroker("memory://");
 * await using page = dashboard(broker, { readOnly: true });
 * // Deno.serve({ hostname: "127.0.0.1" }, page);
 * const answer = await page(new Request("http://localhost/api/overview"));
 * strictEqual((await answer.json()).queues[0].name, "default");
 * ```
 *
 * @module
 */
export {
  type Dashboard,
  dashboard,
  type DashboardOptions,
  type DashboardSource,
  type Redact,
} from "./src/dashboard/handler.ts";
