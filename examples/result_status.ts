/**
 * A handle can be asked where its task stands.
 *
 * The two promises hold worker and caller in step so that each state can be seen; a real program
 * needs nothing of the kind.
 */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const started = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const tasks = {
    async func(arg: string) {
      started.resolve();
      await goOn.promise;
      return arg;
    },
  };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using q = getQueue<typeof tasks>(url);

  const deferred = await q.func("arg");
  console.log(await deferred.status());

  await using _pool = new InlineWorkerPool(broker).start();
  await started.promise;
  console.log(await deferred.status());

  goOn.resolve();
  await deferred.wait({ timeout: 30_000 });
  console.log(await deferred.status());
  console.log(deferred.value);
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// enqueued
// processing
// success
// arg
