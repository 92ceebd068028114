/**
 * A method is exposed through a function that calls it on its object. The object stays in the
 * worker's process, and so does what it remembers from one task to the next.
 */
import process from "node:process";
import { getBroker, getQueue, InlineWorkerPool } from "@worq/worq";

class Database {
  value: number | undefined;

  update(value: number): void {
    this.value = value;
  }
}

export async function main(url: string): Promise<void> {
  const database = new Database();
  const tasks = { updateValue: (value: number) => database.update(value) };
  await using broker = getBroker(url);
  broker.expose(tasks);
  await using _pool = new InlineWorkerPool(broker).start();

  // What follows calls tasks; usually that is another process.
  await using q = getQueue<typeof tasks>(url);
  const updated = await q.updateValue(2);
  await updated.wait({ timeout: 30_000 });
  console.log(database.value);
}

if (import.meta.main) await main(process.argv[2] ?? "memory://");

// Output:
// 2
