import { MemoryTaskQueue } from "@worq/worq/backend";
import { testTaskQueue } from "@worq/worq/testing";

testTaskQueue({
  name: "MemoryTaskQueue",
  open: (clock) => new MemoryTaskQueue("memory://suite", crypto.randomUUID(), { clock }),
  test: (name, body) => Deno.test(name, body),
});
