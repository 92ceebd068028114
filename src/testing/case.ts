/** What the cases of the suite have in common. */
import { decode } from "../codec.ts";
import type { FailureData } from "../task_queue.ts";
import type { Driver } from "./driver.ts";

/** What the clock says when a test begins, in milliseconds since 1970. */
export const SUITE_START = 1_000_000_000_000;

/** An empty queue, with what drives it. */
export interface Bench extends AsyncDisposable {
  readonly driver: Driver;
  /** Moves the clock. */
  pass(milliseconds: number): void;
}

/** A test of the suite. */
export type Case = readonly [name: string, body: (bench: Bench) => Promise<void>];

/** The failure behind the text of an outcome. */
export const failureIn = (text: string | undefined): FailureData =>
  decode(text ?? "") as FailureData;

/** Ids of claims or tasks. */
export const ids = (claims: readonly { id: string }[]): string[] => claims.map(({ id }) => id);
