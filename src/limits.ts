/** Limits as users give them. */
import type { Limits, Rate } from "./task_queue.ts";
import { checkCount } from "./wait.ts";

const ACT = "make broker";
/** Starts that a backend remembers for a line. */
const MAX_COUNT = 10_000;
const KNOWN = ["concurrency", "rate", "perKey"];

/** Throws for limits that cannot be. A misspelt one would be ignored in silence. */
export function checkLimits(limits: Limits, name = "limits"): void {
  if (typeof limits !== "object" || limits === null) {
    throw new TypeError(`Cannot ${ACT}: ${name} must be an object, received ${limits}`);
  }
  const known = name === "limits" ? KNOWN : KNOWN.slice(0, 2);
  const unknown = Object.keys(limits).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot ${ACT}: unknown ${name}.${unknown}, expected one of ${known.join(", ")}`,
    );
  }
  const { concurrency, rate, perKey } = limits;
  if (concurrency !== undefined) checkCount(ACT, `${name}.concurrency`, concurrency);
  if (rate !== undefined) checkRate(`${name}.rate`, rate);
  if (perKey !== undefined) checkLimits(perKey, `${name}.perKey`);
}

function checkRate(name: string, rate: Rate): void {
  checkCount(ACT, `${name}.count`, rate.count);
  checkCount(ACT, `${name}.per`, rate.per);
  if (rate.count <= MAX_COUNT) return;
  throw new RangeError(
    `Cannot ${ACT}: ${name}.count must be at most ${MAX_COUNT}, received ${rate.count}; give a ` +
      "smaller count for a shorter time",
  );
}
