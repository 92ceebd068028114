/** worq in memory, the whole way that a call goes: with ids, encoding, leases and results. */
import { getBroker, InlineWorkerPool } from "../../mod.ts";
import { contest } from "./one.ts";

await contest((task, concurrency) => {
  const tasks = { noop: task };
  const broker = getBroker("memory://").expose(tasks);
  new InlineWorkerPool(broker, { concurrency }).start();
  const q = broker.queue<typeof tasks>();
  return async (data) => {
    const deferred = await q.noop(data);
    return await deferred.result();
  };
});
