/** {@linkcode Progress}: a bar at the bottom of a terminal, and all that is written above it. */
import process from "node:process";
import { output, styled } from "./output.ts";

/** What a bar shows. */
export interface Counts {
  readonly done: number;
  readonly failed: number;
  /** Undefined as long as nobody knows. */
  readonly total: number | undefined;
}

interface Sample {
  readonly time: number;
  readonly over: number;
}

/** Milliseconds between redraws. */
const TURN = 100;
/** Milliseconds and results, at least, that the rate is taken from. */
const [SPAN, RESULTS] = [10_000, 10];
/** Columns of the shortest bar. */
const SHORTEST = 8;
/** Columns of a terminal that does not tell. */
const WIDTH = 80;
/** Columns that stay free: a terminal writes `^C` there, which must not break the line. */
const MARGIN = 3;

/** Draws on standard error until it is disposed of, when that is a terminal and `wanted`. */
export class Progress implements Disposable {
  readonly #counts: Counts;
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #samples: Sample[] = [];
  #turn = Promise.withResolvers<void>();
  /** Lines that wait for their turn. */
  #notes = "";
  /** The line that is there, without its colours. */
  #drawn = "";
  #hidden = false;

  /** Follows `counts`, whose values change. */
  constructor(counts: Counts, wanted: boolean) {
    this.#counts = counts;
    if (!wanted || !process.stderr.isTTY || process.env.TERM === "dumb") return;
    this.#timer = setInterval(() => this.#draw(), TURN);
  }

  /** Writes a line to standard error, above the bar. */
  note(line: string): void {
    if (this.#timer === undefined) process.stderr.write(`${line}\n`);
    else this.#notes += `${line}\n`;
  }

  /** Has something written to standard output, above the bar when that is the same terminal. */
  async above(write: () => Promise<void>): Promise<void> {
    if (this.#timer === undefined || !output().isTTY) return await write();
    await this.#turn.promise;
    this.#hidden = true;
    process.stderr.write(this.#erase());
    await write();
    this.#hidden = false;
    this.#draw();
  }

  /** Removes the bar. */
  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#turn.resolve();
    process.stderr.write(this.#erase() + this.#notes);
    this.#notes = "";
  }

  #draw(): void {
    if (this.#hidden) return;
    this.#sample();
    const parts = this.#fitting((process.stderr.columns || WIDTH) - MARGIN);
    const plain = parts.join("");
    if (plain !== this.#drawn || this.#notes !== "") {
      const [bar = "", count = "", failed = "", ...rest] = parts;
      const line = coloured("green", bar) + count + coloured("red", failed) + rest.join("");
      process.stderr.write(this.#erase() + this.#notes + line);
      this.#notes = "";
      this.#drawn = plain;
    }
    this.#turn.resolve();
    this.#turn = Promise.withResolvers();
  }

  /** A terminal that became narrower has broken the line into several. */
  #erase(): string {
    const rows = Math.ceil(this.#drawn.length / (process.stderr.columns || WIDTH));
    const up = rows > 1 ? `\x1b[${rows - 1}A` : "";
    const text = this.#drawn === "" ? "" : `\r${up}\x1b[J`;
    this.#drawn = "";
    return text;
  }

  /** Bar, count, failures, rate and time left; what has no room is empty. */
  #fitting(columns: number): string[] {
    const { done, failed, total } = this.#counts;
    const over = done + failed;
    const rate = this.#rate();
    const count = total === undefined
      ? `${done} done`
      : `${`${over}`.padStart(`${total}`.length)}/${total}`;
    const failures = failed > 0 ? `  ${failed} failed` : "";
    const pace = rate > 0 ? `  ${paceOf(rate)}` : "";
    const left = rate > 0 && total !== undefined ? `  ${clockOf((total - over) / rate)} left` : "";
    const barred = total === undefined ? 0 : SHORTEST + 1;
    const fits = (...parts: string[]) => barred + parts.join("").length <= columns;
    const rest = fits(count, failures, pace, left)
      ? [count, failures, pace, left]
      : fits(count, failures, left)
      ? [count, failures, "", left]
      : [count.slice(0, columns), fits(count, failures) ? failures : "", "", ""];
    const width = columns - rest.join("").length - 1;
    if (total === undefined || width < SHORTEST) return ["", ...rest];
    const full = total === 0 ? width : Math.floor(width * over / total);
    return [`${"█".repeat(full)}${"░".repeat(width - full)} `, ...rest];
  }

  #sample(): void {
    const now = performance.now();
    const { done, failed } = this.#counts;
    const over = done + failed;
    const samples = this.#samples;
    // From the first result on: before it, workers start.
    if (over > (samples.at(-1)?.over ?? 0)) samples.push({ time: now, over });
    const isOld = ({ time, over: then }: Sample) => now - time > SPAN && over - then >= RESULTS;
    while (samples.length > 1 && isOld(samples[1]!)) samples.shift();
  }

  /** Results in a second. */
  #rate(): number {
    const [first] = this.#samples;
    const { done, failed } = this.#counts;
    const seconds = (performance.now() - (first?.time ?? 0)) / 1_000;
    return first === undefined || seconds === 0 ? 0 : (done + failed - first.over) / seconds;
  }
}

function coloured(colour: "green" | "red", text: string): string {
  return text === "" ? "" : styled(colour, text, process.stderr);
}

/** `98/s`, or `12/min` for what is slow. */
function paceOf(rate: number): string {
  if (rate >= 10) return `${Math.round(rate)}/s`;
  if (rate >= 1) return `${rate.toFixed(1)}/s`;
  return rate * 60 >= 1 ? `${Math.round(rate * 60)}/min` : `${Math.ceil(rate * 3_600)}/h`;
}

/** `1:07`, or `2:03:10`. */
function clockOf(seconds: number): string {
  const whole = Math.ceil(seconds);
  const parts = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60, whole % 60];
  const [hours, ...rest] = parts.map((part) => `${part}`.padStart(2, "0"));
  return `${parts[0] === 0 ? "" : `${hours}:`}${rest.join(":")}`.replace(/^0(?=\d+:)/, "");
}
