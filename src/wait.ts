/** Waiting with an end: the only timers besides heartbeats. */

/** How long to wait, and what else may end the wait. */
export interface WaitOptions {
  /** Milliseconds to wait; 0 asks once. Waits until there is an answer when omitted. */
  timeout?: number;
  /** Ends the wait early: it rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Throws a `RangeError` unless `value` is a number of milliseconds, 0 or more. */
export function checkMilliseconds(act: string, name: string, value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== "number" || !(value >= 0)) {
    throw new RangeError(
      `Cannot ${act}: ${name} must be milliseconds, 0 or more, received ${String(value)}`,
    );
  }
}

/** The longest time that a timer can have; it fires at once for anything longer. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

/** Throws a `RangeError` unless `value` is a whole number, 0 or more, and at most `most`. */
export function checkWhole(act: string, name: string, value: unknown, most = Infinity): void {
  if (value === undefined) return;
  if (Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most) return;
  const range = most === Infinity ? "0 or more" : `0 to ${most}`;
  throw new RangeError(
    `Cannot ${act}: ${name} must be a whole number, ${range}, received ${String(value)}`,
  );
}

/** Throws a `RangeError` unless `value` is a whole number, 1 or more. */
export function checkCount(act: string, name: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 1) {
    throw new RangeError(
      `Cannot ${act}: ${name} must be a whole number, 1 or more, received ${String(value)}`,
    );
  }
}

/** What `arrival` resolves to, or undefined when the time is up first. */
export async function waitUntil<T>(
  arrival: Promise<T>,
  options: WaitOptions,
): Promise<T | undefined> {
  const { timeout, signal } = options;
  signal?.throwIfAborted();
  if (timeout === undefined && signal === undefined) return await arrival;
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  const onAbort = () => reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  // A plain timer, not AbortSignal.timeout(): while only that is pending, Bun and Node exit.
  // A wait of 25 days is a wait without end.
  const timer = timeout === undefined || timeout > LONGEST_TIMER
    ? undefined
    : setTimeout(() => resolve(undefined), timeout);
  try {
    return await Promise.race([arrival, promise]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}
