/// <reference lib="deno.worker" />
/** A thread without a pool. */
import { type Ping, pong } from "./ping_pong.ts";
import * as tasks from "./tasks.ts";

const scope = globalThis as unknown as DedicatedWorkerGlobalScope;
const answer = (result: number) => scope.postMessage(result);
scope.onmessage = ({ data }: MessageEvent<Ping>) => pong(tasks, data, answer);
