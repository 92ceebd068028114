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

/** Runs a task and gives its id and its result, as texts. */
async function run(id: string, message: string, inputs: readonly string[]): Promise<string[]> {
  const [name, data] = JSON.parse(message);
  const result = await (name === "noop" ? noop(data) : sum(inputs.map(Number)));
  return [id, JSON.stringify(result)];
}

/** Takes tasks for good, as many at a time as there is room for. */
async function work(): Promise<never> {
  let over: string[] = [];
  while (true) {
    woken = Promise.withResolvers();
    const claims = await exchange(
      ...[queue, `${Date.now() + LEASE}`, concurrency, KEEP, ...over],
    ) as [id: string, message: string, inputs: string[]][number][];
    const runs: Promise<string[]>[] = [];
    for (let at = 0; at < claims.length; at += 3) {
      runs.push(run(claims[at] as string, claims[at + 1] as string, claims[at + 2] as string[]));
    }
    if (runs.length === 0) await woken.promise;
    over = (await Promise.all(runs)).flat();
  }
}

await serveWorker(() => void work());
