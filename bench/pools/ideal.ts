/** The least time that work can take on two cores. */
import { type Payload, payload } from "../protocol.ts";
import { type PingPong, threads } from "./ping_pong.ts";

const CORES = 2;

/** Two bare threads that get their share of the work with one message each. */
export class Ideal {
  readonly #threads: PingPong = threads(CORES);

  /** `n` times the task `burn`. */
  async burn(n: number): Promise<void> {
    const shares: Payload[] = Array.from(
      { length: CORES },
      (_, core) => payload(Math.floor((n + core) / CORES)),
    );
    await Promise.all(shares.map((share) => this.#threads.call("burns", share)));
  }
}
