/** Who waits hears of each task once, whatever way its outcome comes. */
import { deepStrictEqual } from "node:assert/strict";
import type { Outcome, QueueListener, TaskQueue } from "../src/task_queue.ts";
import { Waiters } from "../src/waiters.ts";

const CLIENT = "client-of-a-test";
const outcome = (text: string): Outcome => ({ status: "success", text });

/** A queue that answers and tells when the test says so. */
class Told {
  readonly client = CLIENT;
  readonly answers = Promise.withResolvers<Outcome[]>();
  listener: QueueListener = {};

  listen(listener: QueueListener): () => void {
    this.listener = listener;
    return () => {};
  }

  wait(): Promise<Outcome[]> {
    return this.answers.promise;
  }
}

function open(): { queue: Told; waiters: Waiters } {
  const queue = new Told();
  return { queue, waiters: new Waiters(queue as unknown as TaskQueue) };
}

Deno.test("an outcome that is told and is an answer, too, counts once", async () => {
  const { queue, waiters } = open();
  const seen: [number, string][] = [];
  const over = waiters.outcomes([{ id: "a" }, { id: "b" }], {}, (index, { text }) => {
    seen.push([index, text]);
    return true;
  });
  await Promise.resolve(); // asked for both
  queue.listener.outcome!("a", outcome("1"));
  queue.answers.resolve([outcome("1"), outcome("2")]);
  await over;
  deepStrictEqual(seen, [[0, "1"], [1, "2"]]);
  waiters.close(new Error("closed"));
});

Deno.test("who waits for a task by itself and who waits for many both hear of it", async () => {
  const { queue, waiters } = open();
  const seen: number[] = [];
  const tasks = [{ id: "a" }, { id: "b" }, { id: "a" }];
  const over = waiters.outcomes(tasks, {}, (index) => seen.push(index) > 0);
  const one = waiters.outcome({ id: "b" }, {});
  queue.listener.outcome!("b", outcome("2"));
  queue.listener.outcome!("a", outcome("1"));
  await over;
  deepStrictEqual(seen.toSorted(), [0, 1, 2]);
  deepStrictEqual(await one, outcome("2"));
  waiters.close(new Error("closed"));
});

Deno.test("a wait for many ends with the one that says so, and with its time", async () => {
  const { queue, waiters } = open();
  const first = waiters.outcomes([{ id: "a" }, { id: "b" }], {}, () => false);
  queue.listener.outcome!("b", outcome("2"));
  await first;
  const seen: number[] = [];
  await waiters.outcomes([{ id: "a" }], { timeout: 1 }, (index) => seen.push(index) > 0);
  queue.listener.outcome!("a", outcome("1"));
  deepStrictEqual(seen, []);
  waiters.close(new Error("closed"));
});
