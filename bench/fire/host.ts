/** A process that runs a pool until it is told to end, or dies of it. */
import process from "node:process";
import {
  type Broker,
  InlineWorkerPool,
  ProcessWorkerPool,
  startPools,
  ThreadWorkerPool,
  type WorkerPool,
} from "@worq/worq";
import { init, type Place } from "./tasks.ts";

/** Kinds of pools. */
export type HostKind = "inline" | "thread" | "process";

/** What a host is told. */
export interface HostOptions {
  readonly kind: HostKind;
  readonly url: string;
  readonly place: Place;
}

/** What it prints when it takes tasks. */
export const READY = "ready";

const CONCURRENCY = 10;
const quiet = () => {};

function makePool(broker: Broker, { kind, place }: HostOptions): WorkerPool {
  const options = {
    concurrency: CONCURRENCY,
    logger: {
      debug: quiet,
      info: (event: string) => event === READY && console.log(READY),
      warn: quiet,
      error: quiet,
    },
    onError: quiet,
  };
  if (kind === "inline") return new InlineWorkerPool(broker, options);
  const module = new URL("./tasks.ts", import.meta.url);
  const more = { ...options, module, workers: 1, initArgs: [place] };
  return kind === "thread"
    ? new ThreadWorkerPool(broker, more)
    : new ProcessWorkerPool(broker, more);
}

if (import.meta.main) {
  const options: HostOptions = JSON.parse(process.argv[2]!);
  const { url, place } = options;
  // Who started it is gone: nobody would end it any more.
  process.stdin.once("end", () => process.exit(1)).resume();
  const broker = init(url, place);
  await startPools(makePool(broker, options));
  await broker[Symbol.asyncDispose]();
  process.exit(0);
}
