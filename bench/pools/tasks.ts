/**
 * The tasks of every contestant: what is in a worker besides the pool's own code. It imports no
 * other file of ours, because the time that this takes is not the pool's.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Payload } from "../protocol.ts";

/** Calls of `step` that take about a millisecond together. */
const STEPS = 850;
/** Milliseconds that a worker rests each time it is met again. */
const REST = 2;
/** Tells this worker from others. */
const SELF = Math.floor(Math.random() * 2 ** 31);

/** What `burn` computes: used, or a compiler would leave it out. */
let burnt = 0;
let met = false;

/** Does nothing: its result is a small integer. */
export const noop = ({ i }: Payload): number => i;

/** A millisecond of computing; its result is a small integer. */
export function burn({ i }: Payload): number {
  let x = i;
  for (let k = 0; k < STEPS; k++) x = step(x);
  burnt ^= x;
  return i;
}

/** `i` times as long, in one go. */
export function burns({ i, pad }: Payload): number {
  for (let k = 0; k < i; k++) burn({ i: k, pad });
  return i;
}

/** Tells this worker from others: at once the first time, later so that others get their turn. */
export async function meet(_data: Payload): Promise<number> {
  if (met) await sleep(REST);
  met = true;
  return SELF;
}

/** A small function that is called often: every engine compiles it well, and stays with that. */
function step(x: number): number {
  for (let i = 0; i < 1_000; i++) x = (Math.imul(x, 1_664_525) + 1_013_904_223) ^ (x >>> 7);
  return x;
}
