/** The least that a queue is: what waits, a promise for each, and how many run. */
import type { Payload } from "../protocol.ts";
import { contest } from "./one.ts";

await contest((task, concurrency) => {
  const waiting: { data: Payload; resolve(result: Promise<number>): void }[] = [];
  let [next, running] = [0, 0];
  const begin = () => {
    if (running === concurrency || next === waiting.length) return;
    const { data, resolve } = waiting[next++]!;
    running++;
    const result = task(data);
    resolve(result);
    result.finally(() => {
      running--;
      begin();
    });
  };
  return (data) =>
    new Promise((resolve) => {
      waiting.push({ data, resolve });
      begin();
    });
});
