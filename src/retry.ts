/** Whether a task that failed runs again, and after which pause. */
import type { Backoff, TaskPolicy } from "./message.ts";
import { checkMilliseconds, checkWhole } from "./wait.ts";

/** When a task that failed runs again, as its definition says. A caller's own options come first. */
export interface RetryRules {
  /** How often the task runs again after it failed. @default {0} */
  readonly retries?: number;
  /**
   * The pause before that: milliseconds, a {@linkcode Backoff}, or a function of how many attempts
   * failed, from 1 on, and of what the last one threw, which gives milliseconds.
   * @default {{ delay: 1_000, factor: 2, max: 3_600_000, jitter: 0.5 }}
   */
  readonly backoff?: number | Backoff | ((failures: number, error: unknown) => number);
  /**
   * After which errors: names of classes (the error's own, or one that it extends), or a function
   * of what was thrown. After any but `NonRetryable` when omitted.
   */
  readonly retryOn?: readonly string[] | ((error: unknown) => boolean);
}

/** Never retried, whatever the rules are: the name of the class, which survives every boundary. */
const FINAL = ["NonRetryable", "InvalidArguments"];
const DEFAULTS: Required<Backoff> = { delay: 1_000, factor: 2, max: 3_600_000, jitter: 0.5 };

/**
 * Milliseconds until a task runs again that threw `error` after `failures` attempts had failed
 * before; undefined when it does not. Throws when a function of the rules does, or gives no time.
 */
export function retryDelay(
  policy: Pick<TaskPolicy, "retries" | "backoff" | "retryOn">,
  failures: number,
  error: unknown,
  definition: RetryRules = {},
): number | undefined {
  if (failures >= (policy.retries ?? definition.retries ?? 0)) return undefined;
  if (FINAL.some((name) => isNamed(error, name))) return undefined;
  const { retryOn = definition.retryOn, backoff = definition.backoff } = policy;
  try {
    if (typeof retryOn === "function" && !retryOn(error)) return undefined;
    if (Array.isArray(retryOn) && !retryOn.some((name) => isNamed(error, name))) return undefined;
    return pauseOf(backoff, failures + 1, error);
  } catch (thrown) {
    throw new Error(`Cannot tell whether to retry: ${(thrown as Error)?.message ?? thrown}`, {
      cause: error,
    });
  }
}

/** Throws for rules that cannot be. */
export function checkRules(act: string, { retries, backoff, retryOn }: RetryRules): void {
  checkWhole(act, "retries", retries);
  if (typeof backoff !== "function") checkBackoff(act, backoff);
  if (retryOn === undefined || typeof retryOn === "function") return;
  if (Array.isArray(retryOn) && retryOn.every((name) => typeof name === "string")) return;
  throw new TypeError(
    `Cannot ${act}: retryOn must be names of errors, received ${String(retryOn)}`,
  );
}

function checkBackoff(act: string, backoff: unknown): void {
  if (typeof backoff === "number") return checkMilliseconds(act, "backoff", backoff);
  if (backoff === undefined) return;
  if (typeof backoff !== "object" || backoff === null) {
    throw new TypeError(`Cannot ${act}: backoff must be milliseconds or an object, not ${backoff}`);
  }
  for (const [key, value] of Object.entries(backoff)) {
    const name = `backoff.${key}`;
    if (key === "delay" || key === "max") checkMilliseconds(act, name, value);
    else if (key === "factor") checkRange(act, name, value, 1, 1_000);
    else if (key === "jitter") checkRange(act, name, value, 0, 1);
    else {
      throw new TypeError(
        `Cannot ${act}: unknown ${name}, expected ${Object.keys(DEFAULTS).join(", ")}`,
      );
    }
  }
}

function checkRange(act: string, name: string, value: unknown, least: number, most: number): void {
  if (typeof value === "number" && value >= least && value <= most) return;
  throw new RangeError(`Cannot ${act}: ${name} must be ${least} to ${most}, received ${value}`);
}

function pauseOf(backoff: RetryRules["backoff"], failures: number, error: unknown): number {
  if (typeof backoff === "function") {
    const pause = backoff(failures, error);
    if (typeof pause === "number" && pause >= 0) return Math.ceil(Math.min(pause, MAX_PAUSE));
    throw new RangeError(`backoff must give milliseconds, 0 or more, received ${pause}`);
  }
  const { delay, factor, max, jitter } = typeof backoff === "number"
    ? { delay: backoff, factor: 1, max: backoff, jitter: 0 }
    : { ...DEFAULTS, ...backoff };
  const pause = Math.min(max, delay * factor ** (failures - 1));
  return Math.ceil(pause * (1 - jitter * Math.random()));
}

/** Whether the error, or a class that it extends, has this name. */
function isNamed(error: unknown, name: string): boolean {
  if (typeof error !== "object" || error === null) return false;
  if ((error as { name?: unknown }).name === name) return true;
  for (let type = Object.getPrototypeOf(error); type !== null; type = Object.getPrototypeOf(type)) {
    if (type.constructor?.name === name) return true;
  }
  return false;
}

/** A hundred years. */
export const MAX_PAUSE = 3_155_760_000_000;
