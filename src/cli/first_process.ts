/** {@linkcode endOnSignals}: for process 1 of a container, which no signal ends by itself. */
import process from "node:process";
import { EXIT } from "./failure.ts";

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;

/** Ends this process on SIGINT and SIGTERM, unless someone else here listens to them. */
export function endOnSignals(): void {
  for (const [signal, code] of Object.entries(CODES)) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(code);
    });
  }
}
