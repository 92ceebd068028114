/**
 * A task that the worker does not know fails and says so.
 *
 * Types promise what this build of the worker offers; the worker that runs may be an older one.
 */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool, TaskFailure } from "@worq/worq";

export async function main(url: string): Promise<void> {
  await using broker = getBroker(url);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<{ func(arg: string): string }>(url);
  const deferred = await q.func("arg");
  try {
    await deferred.result({ timeout: 30_000 });
  } catch (error) {
    if (!(error instanceof TaskFailure)) throw error;
    console.log(error.message.replace(error.taskId, "ID"));
  }
  console.log(deferred.toString().replace(deferred.id, "ID"));
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// func [default:ID] no such task
// <Deferred func [default:ID] failed>
