/** What a task throws reaches whoever asks for its result, as the cause of a `TaskFailure`. */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool, TaskFailure } from "@worq/worq";

export async function main(url: string): Promise<void> {
  const tasks = {
    func(_arg: string): string {
      throw new RangeError("fail!");
    },
  };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const deferred = await q.func("arg");
  try {
    await deferred.result({ timeout: 30_000 });
  } catch (error) {
    if (!(error instanceof TaskFailure)) throw error;
    console.log(error.message.replace(error.taskId, "ID"));
    console.log(error.cause instanceof RangeError);
  }
  console.log(deferred.toString().replace(deferred.id, "ID"));
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// func [default:ID] RangeError: fail!
// true
// <Deferred func [default:ID] failed>
