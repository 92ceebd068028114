/** Values on the command line, in the environment and in the settings file: text to value. */
import { InvalidArgumentError } from "commander";
import { didYouMean } from "./nearest.ts";

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZES: Record<string, number> = { B: 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** Milliseconds that a timer can wait; for more, it would not wait at all. */
const LONGEST = 2 ** 31 - 1;
/** Milliseconds that a task can be put off. */
const CENTURY = 36_525 * 86_400_000;

/** Milliseconds of `30s`, `1.5m`, `250ms`, for a timer. */
export function duration(text: string): number {
  const milliseconds = span(text);
  if (milliseconds <= LONGEST) return milliseconds;
  throw new InvalidArgumentError("It takes at most 24d.");
}

/** Milliseconds, for something that no timer waits for. */
export function span(text: string): number {
  const milliseconds = millisecondsOf(text);
  if (milliseconds !== undefined && milliseconds <= CENTURY) return milliseconds;
  if (milliseconds !== undefined) throw new InvalidArgumentError("It takes at most 36525d.");
  const hint = /^\d+$/.test(text) ? `write ${text}s for seconds` : "as in 30s";
  throw new InvalidArgumentError(`It takes a number with a unit (${keys(UNITS)}), ${hint}.`);
}

/** Milliseconds as `1h`, `1500ms`: in the largest unit that gives a whole number. */
export function inUnits(milliseconds: number): string {
  const [unit, size] = Object.entries(UNITS).reverse().find(([, size]) =>
    milliseconds % size === 0
  )!;
  return `${milliseconds / size}${unit}`;
}

function millisecondsOf(text: string): number | undefined {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * UNITS[unit]!;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/;

/** A time of the clock on the wall here, or with its zone. */
export function moment(text: string): Date {
  const date = new Date(TIME.test(text) ? text : NaN);
  if (date.getTime() >= 0) return date;
  throw new InvalidArgumentError(
    "It takes a time as in 2027-01-31T18:00, or with its zone as in 2027-01-31T18:00Z.",
  );
}

/** A time, or how long it is until then. */
export function momentOrSpan(text: string): Date {
  return /^\d+(\.\d+)?[a-z]*$/.test(text) ? new Date(Date.now() + span(text)) : moment(text);
}

/** Bytes of `512M`. */
export function bytes(text: string): number {
  const [, number, unit = "B"] = /^(\d+)(B|K|M|G)?$/.exec(text) ?? [];
  if (number !== undefined && Number(number) > 0) return Number(number) * SIZES[unit]!;
  throw new InvalidArgumentError(`It takes a number of bytes, more than 0, as in 512M.`);
}

/** Whole numbers, as in `3,1`. */
export function counts(text: string): number[] {
  return list(text).map(count);
}

/** So many in a time, as in `10/1s`. */
export function rate(text: string): { count: number; per: number } {
  const [number = "", time = "", ...rest] = text.split("/");
  if (rest.length > 0 || time === "") {
    throw new InvalidArgumentError("It takes a number for a time, as in 10/1s.");
  }
  return { count: count(number), per: span(time) };
}

/** A whole number, 1 or more. */
export function count(text: string): number {
  if (/^[1-9]\d*$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new InvalidArgumentError("It takes a whole number, 1 or more.");
}

/** A whole number, 0 or more, and at most `most`. */
export function whole(most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) <= most) return Number(text);
    const range = most === Number.MAX_SAFE_INTEGER ? "0 or more" : `0 to ${most}`;
    throw new InvalidArgumentError(`It takes a whole number, ${range}.`);
  };
}

/** Workers that one pool may have: each is a process or a thread. */
const MOST_WORKERS = 1_024;

/** A number of workers. */
export function workerCount(text: string): number {
  const workers = count(text);
  if (workers <= MOST_WORKERS) return workers;
  throw new InvalidArgumentError(
    `It takes ${MOST_WORKERS} at most; --concurrency gives each of them more tasks.`,
  );
}

/** One of a few words. */
export function oneOf<const T extends string>(words: readonly T[]): (text: string) => T {
  return (text) => {
    const word = words.find((one) => one === text);
    if (word !== undefined) return word;
    throw new InvalidArgumentError(
      `It takes one of ${words.join(", ")}${didYouMean(text, words) || "."}`,
    );
  };
}

/** The parts of `a,b`. */
export function list(text: string): string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.every((part) => part !== "")) return parts;
  throw new InvalidArgumentError("It takes names with commas between them, as in a,b.");
}

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `:8080` for every address of this machine, or `127.0.0.1:8080`. */
export function address(text: string): Address {
  const [, host = "", port] = /^(.*):(\d+)$/.exec(text) ?? [];
  if (port !== undefined && Number(port) < 65_536) {
    return { host: host === "" ? "0.0.0.0" : host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  }
  throw new InvalidArgumentError("It takes [HOST]:PORT, as in :8080 or 127.0.0.1:8080.");
}

/** What a bare `--allow-net` gives, and with a value the parts of it. */
export function permission(text: string): true | string[] {
  return text === "*" ? true : list(text);
}

function keys(record: Record<string, unknown>): string {
  return Object.keys(record).join(", ");
}
