/** Whether something grows for good, by what was read of it on the way. */

/** A figure in the first half of the way and in the last. */
export interface Growth {
  /** How much it rose from the beginning to the end of each half, as parts of its mean there. */
  readonly first: number;
  readonly last: number;
  /** In the last half it did not grow, or less than half as much as in the first, or it did. */
  readonly verdict: "no" | "slows" | "grows";
}

/** The line that fits best. */
interface Line {
  readonly slope: number;
  readonly mean: number;
  /** How far what was read is from the line: its standard deviation. */
  readonly scatter: number;
}

/** What is less than this part of the mean says nothing: memory comes and goes in lumps. */
const LEAST = 0.05;
/** Neither does a rise that is not so many times the scatter. */
const CLEAR = 2;

/** The growth of `values` that were read at `places`, from the first to the last. */
export function growthOf(places: readonly number[], values: readonly number[]): Growth {
  const half = places.length >> 1;
  const [first, last] = [
    riseOf(places.slice(0, half), values.slice(0, half)),
    riseOf(places.slice(-half), values.slice(-half)),
  ];
  // What only comes back to where it was does not grow: the machine was busier for a while.
  const isHigher = last.mean > first.mean * (1 + LEAST);
  const grows = isHigher && last.part > LEAST && last.rise > CLEAR * last.scatter;
  const slows = last.slope < first.slope / 2;
  const verdict = !grows ? "no" : slows ? "slows" : "grows";
  return { first: first.part, last: last.part, verdict };
}

function riseOf(places: readonly number[], values: readonly number[]) {
  const line = lineOf(places, values);
  const rise = line.slope * (places.at(-1)! - places[0]!);
  return { ...line, rise, part: rise / line.mean };
}

/** By least squares. */
function lineOf(places: readonly number[], values: readonly number[]): Line {
  const [middle, mean] = [meanOf(places), meanOf(values)];
  const slope = meanOf(places.map((x, i) => (x - middle) * (values[i]! - mean))) /
    meanOf(places.map((x) => (x - middle) ** 2));
  const off = places.map((x, i) => (values[i]! - mean - slope * (x - middle)) ** 2);
  return { slope, mean, scatter: Math.sqrt(meanOf(off)) };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
