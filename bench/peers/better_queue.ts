/** better-queue. */
import BetterQueue from "better-queue";
import type { Payload } from "../protocol.ts";
import { contest } from "../memory/one.ts";

/** What its jobs hand their outcome to. */
type Done = (error: unknown, result?: number) => void;

await contest((task, concurrent) => {
  const queue = new BetterQueue(
    (data: Payload, done: Done) => void task(data).then((result) => done(null, result), done),
    { concurrent },
  );
  return (data) =>
    new Promise((resolve, reject) => {
      queue.push(data, (error: unknown, result: number) => error ? reject(error) : resolve(result));
    });
});
