/** Workers without a pool: a message for each task, a message for each result. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Payload } from "../protocol.ts";
import type * as tasks from "./tasks.ts";

/** What a worker is told: a task, and its argument. */
export type Ping = readonly [task: keyof typeof tasks, data: Payload];

/** The way to a worker. */
interface Link {
  send(ping: Ping): void;
  /** Has `hear` called with each result, in the order of the tasks. */
  listen(hear: (result: number) => void): void;
}

/** Gives a task to each of its workers in turn. */
export class PingPong {
  readonly #links: readonly Link[];
  readonly #waiting: ((result: number) => void)[][];
  #next = 0;

  constructor(links: readonly Link[]) {
    this.#links = links;
    this.#waiting = links.map((link) => {
      const waiting: ((result: number) => void)[] = [];
      link.listen((result) => waiting.shift()!(result));
      return waiting;
    });
  }

  /** Calls a task and resolves with its result. */
  call(...ping: Ping): Promise<number> {
    const i = this.#next;
    this.#next = (i + 1) % this.#links.length;
    return new Promise((resolve) => {
      this.#waiting[i]!.push(resolve);
      this.#links[i]!.send(ping);
    });
  }
}

/** As many threads. */
export function threads(workers: number): PingPong {
  return new PingPong(Array.from({ length: workers }, () => {
    const worker = new Worker(new URL("./ping_thread.ts", import.meta.url), { type: "module" });
    return {
      send: (ping) => worker.postMessage(ping),
      listen: (hear) => worker.onmessage = ({ data }) => hear(data),
    };
  }));
}

/** As many processes. */
export function processes(workers: number): PingPong {
  const path = fileURLToPath(new URL("./ping_process.ts", import.meta.url));
  return new PingPong(Array.from({ length: workers }, () => {
    const child = fork(path);
    return {
      send: (ping) => child.send(ping),
      listen: (hear) => child.on("message", (result) => hear(result as number)),
    };
  }));
}

/** Does what a worker is told, and gives `answer` the result. */
export function pong(known: typeof tasks, [task, data]: Ping, answer: (r: number) => void): void {
  const result = known[task](data);
  if (typeof result === "number") answer(result);
  else result.then(answer);
}
