/** p-queue. */
import PQueue from "p-queue";
import { contest } from "../memory/one.ts";

await contest((task, concurrency) => {
  const queue = new PQueue({ concurrency });
  return (data) => queue.add(() => task(data));
});
