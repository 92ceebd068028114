/** fastq. */
import fastq from "fastq";
import { contest } from "../memory/one.ts";

await contest((task, concurrency) => {
  const queue = fastq.promise(task, concurrency);
  return (data) => queue.push(data);
});
