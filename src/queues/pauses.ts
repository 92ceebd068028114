/** Pauses and time limits of connections. */

const SHORTEST = 20;

/** Milliseconds before try number `tries` (from 0): doubling, `longest` at most, half of it random. */
export function pauseBefore(tries: number, longest: number): number {
  return Math.min(longest, SHORTEST * 2 ** tries) * (0.5 + Math.random() / 2);
}

/** Resolves after some milliseconds; rejects with the reason of `signal`. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** What `promise` gives within `ms`; an error with `message` otherwise, and `tooLate` gets the rest. */
export async function within<T>(
  ms: number,
  message: string,
  promise: Promise<T>,
  tooLate: (late: T) => unknown = () => {},
): Promise<T> {
  const { promise: end, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    reject(new Error(message));
    promise.then(tooLate, () => {});
  }, ms);
  try {
    return await Promise.race([promise, end]);
  } finally {
    clearTimeout(timer);
  }
}
