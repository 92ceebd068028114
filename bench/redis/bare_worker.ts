/** The worker process of the bare pipeline: `bare_worker.ts <Redis URL> <queue> <concurrency>`. */
import process from "node:process";
import { openBareClient } from "./bare_client.ts";
import { EXCHANGE, wakeOf } from "./bare_scripts.ts";
import { noop, serveWorker, sum } from "./worker.ts";

const LEASE = 30_000;
/** Seconds that results are kept. */
const KEEP = "3600";

const [url = "", queue = "", concurrency = ""] = process.argv.slice(2);
const client = await openBareClient(url);
const exchange = await client.script(EXCHANGE);
let woken = Promise.withResolvers<void>();
await client.listen(wakeOf(queue), () => woken.resolve());

/** A task to run: id, message, and the results that a fan-in takes. */
type Claim = readonly [id: string, message: string, inputs?: readonly string[]];

/** Runs a task and gives its id and its result, as texts. */
async function run([id, message, inputs = []]: Claim): Promise<string[]> {
  const [name, data] = JSON.parse(message);
  const result = await (name === "noop" ? noop(data) : sum(inputs.map(Number)));
  return [id, JSON.stringify(result)];
}

/** Takes tasks for good, as many at a time as there is room for. */
async function work(): Promise<never> {
  let over: string[] = [];
  while (true) {
    woken = Promise.withResolvers(); // before it looks, so that no call to wake goes unheard
    const until = `${Date.now() + LEASE}`;
    const claims = await exchange(queue, until, concurrency, KEEP, ...over) as Claim[];
    if (claims.length === 0) await woken.promise;
    over = (await Promise.all(claims.map(run))).flat();
  }
}

await serveWorker(() => void work());
