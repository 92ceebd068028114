/** {@linkcode screenOf}: what `worq top` shows, as lines. */
import type { CardTask, PoolCard } from "../cards.ts";
import type { Rates } from "../rates.ts";
import type { QueueStats } from "../task_queue.ts";
import { oneLine } from "./one_line.ts";
import { styled } from "./output.ts";
import { tableLines } from "./table.ts";

/** A queue at one moment. */
export interface TopQueue {
  readonly name: string;
  readonly stats: QueueStats;
  readonly rates: Rates;
}

/** A pool at one moment. */
export interface TopPool {
  readonly card: PoolCard;
  readonly rates: Rates;
}

/** A task that runs. */
export interface TopTask extends CardTask {
  readonly queue: string;
  readonly pool: string;
}

/** By what the queues are sorted. */
export const SORTS = ["name", "ready", "running", "rate", "failures"] as const;
/** One of them. */
export type Sort = typeof SORTS[number];

/** All that is on the screen. */
export interface TopState {
  readonly server: string;
  readonly now: Date;
  readonly queues: readonly TopQueue[];
  readonly pools: readonly TopPool[];
  readonly tasks: readonly TopTask[];
  readonly sort: Sort;
  /** Name of the queue that keys are about. */
  readonly selected: string | undefined;
  /** A question, or what went wrong. */
  readonly message: string;
  /** What is shown is from before it; undefined while the server answers. */
  readonly silence: Silence | undefined;
}

/** A server that does not answer. */
export interface Silence {
  readonly since: Date;
  /** What the last try met; empty while it is under way. */
  readonly reason: string;
}

const QUEUE_NUMBERS = ["PENDING", "READY", "RUNNING", "DEAD", "DONE/s", "FAILED/s", "P50", "P99"];
const POOL_NUMBERS = ["RUNNING", "PLACES", "DONE/s", "P99", "MEMORY"];
const TASK_NUMBERS = ["SINCE"];
/** Lines that are there whatever happens: the title, heads, empty lines, keys. */
const FRAME = 8;
const KEYS = "q quit   ↑↓ queue   s sort   p pause or resume   c clear";

/** The queues in their order. */
export function sorted(queues: readonly TopQueue[], sort: Sort): TopQueue[] {
  const value = ({ stats, rates }: TopQueue) =>
    ({
      name: 0,
      ready: stats.ready,
      running: stats.leased,
      rate: rates.done,
      failures: rates.failed,
    })[sort];
  return queues.toSorted((a, b) => value(b) - value(a) || (a.name < b.name ? -1 : 1));
}

/** The screen, as many lines as there is room for, none wider than it. */
export function screenOf(state: TopState, columns: number, rows: number): string[] {
  const { server, now, sort, selected } = state;
  const title = `worq top  ${server}  ${clock(now)}  by ${sort}`;
  const room = Math.max(3, rows - FRAME);
  const [queueRoom, poolRoom, taskRoom] = shares(room, [
    ...[state.queues.length, state.pools.length, state.tasks.length],
  ]);
  const queues = windowOf(sorted(state.queues, sort), queueRoom!, selected);
  const lines = [
    styled("bold", title),
    ...tableLines(
      ["  QUEUE", ...QUEUE_NUMBERS],
      queues.map((one) => queueCells(one, selected)),
      QUEUE_NUMBERS,
    ),
    "",
    ...tableLines(
      ["  POOL", "KIND", ...POOL_NUMBERS, "HOST"],
      state.pools.slice(0, poolRoom).map(poolCells),
      POOL_NUMBERS,
    ),
    "",
    ...tableLines(
      ["  LONGEST", ...TASK_NUMBERS, "ID", "POOL"],
      state.tasks.slice(0, taskRoom).map((one) => taskCells(one, now)),
      TASK_NUMBERS,
    ),
  ];
  const free = Math.max(0, rows - 1 - lines.length);
  return [...lines.slice(0, rows - 1), ...Array<string>(free).fill(""), lastLine(state)]
    .map((line) => fit(line, columns));
}

function lastLine({ message, silence }: TopState): string {
  if (message !== "") return message;
  if (silence === undefined) return styled("dim", KEYS);
  const { since, reason } = silence;
  const why = reason === "" ? "" : `: ${oneLine(reason)}`;
  return styled("red", `The server does not answer since ${clock(since)}, trying again${why}`);
}

function clock(time: Date): string {
  return time.toLocaleTimeString("en-GB");
}

function queueCells({ name, stats, rates }: TopQueue, selected: string | undefined): string[] {
  const { pending, ready, leased, dead, paused } = stats;
  return [
    `${name === selected ? ">" : " "} ${oneLine(name)}${paused ? " (paused)" : ""}`,
    ...[pending, ready, leased, dead].map(String),
    ...[rates.done, rates.failed].map(rateText),
    ...[rates.p50, rates.p99].map(timeText),
  ];
}

function poolCells({ card, rates }: TopPool): string[] {
  const memory = card.memory + card.workers.reduce((sum, { memory = 0 }) => sum + memory, 0);
  return [
    `  ${oneLine(card.id)}${card.stopping ? " (stops)" : ""}`,
    card.kind,
    ...[`${card.running}`, `${card.places}`, rateText(rates.done), timeText(rates.p99)],
    `${Math.round(memory / 1e6)} MB`,
    `${oneLine(card.host)}:${card.pid}`,
  ];
}

function taskCells({ name, id, since, pool, queue }: TopTask, now: Date): string[] {
  return [
    `  ${oneLine(name)}`,
    timeText(Math.max(0, now.getTime() - since)),
    id,
    `${pool} ${oneLine(queue)}`,
  ];
}

function rateText(rate: number): string {
  return rate === 0 ? "0" : rate < 10 ? rate.toFixed(1) : `${Math.round(rate)}`;
}

/** Milliseconds, short. */
function timeText(time: number | undefined): string {
  if (time === undefined) return "–";
  if (time < 1_000) return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
  if (time < 600_000) return `${(time / 1_000).toFixed(1)} s`;
  return `${Math.round(time / 60_000)} min`;
}

/** How many lines each list gets of `room`: what one does not need, the others have. */
function shares(room: number, wanted: readonly number[]): number[] {
  const given = wanted.map(() => 0);
  for (let left = room; left > 0;) {
    const open = wanted.flatMap((want, i) => given[i]! < want ? [i] : []);
    if (open.length === 0) break;
    for (const i of open.slice(0, left)) given[i]!++;
    left -= Math.min(left, open.length);
  }
  return given;
}

/** So many of the queues that the selected one is among them. */
function windowOf(
  queues: readonly TopQueue[],
  room: number,
  selected: string | undefined,
): TopQueue[] {
  const at = queues.findIndex(({ name }) => name === selected);
  const first = Math.max(0, at - room + 1);
  return queues.slice(first, first + room);
}

/** Cut where the terminal ends; what is styled is short. */
function fit(line: string, columns: number): string {
  // deno-lint-ignore no-control-regex -- styles are no columns
  const plain = line.replace(/\x1b\[[\d;]*m/g, "");
  return plain.length <= columns ? line : plain.slice(0, columns);
}
