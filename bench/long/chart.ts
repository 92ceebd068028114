/** What was read on the way, as lines over the number of tasks that were done. */
import { format } from "../markdown.ts";
import type { Row } from "../outcomes.ts";
import { partsOf } from "../sides.ts";
import { svgOf } from "../svg.ts";

const PANELS = [
  { title: "Redis, MB", key: "redis" },
  { title: "keys of Redis", key: "keys" },
  { title: "producer, MB", key: "producer" },
  { title: "worker, MB", key: "worker" },
  { title: "probe p50, ms", key: "p50" },
  { title: "probe p99, ms", key: "p99" },
] as const;

const COLUMNS = 2;
const [WIDTH, HEIGHT] = [460, 150];
/** Of the space between the axes, in a panel. */
const [LEFT, TOP, WIDE, HIGH] = [70, 26, 360, 90];
/** Lines of text below the title, and its height. */
const LINE = 18;

/** Lines of all sides; empty when nothing was read on the way. */
export function linesOf(rows: readonly Row[]): string {
  const sampled = rows.filter(({ samples = [] }) => samples.length > 0);
  if (sampled.length === 0) return "";
  const panels = PANELS.map((panel, i) =>
    panelOf(panel, sampled, i % COLUMNS * WIDTH, LINE + Math.floor(i / COLUMNS) * HEIGHT)
  );
  const names = sampled.map(({ side }, i) => {
    const y = 13;
    const x = LEFT + i * 150;
    return `<path class="${partsOf(side).runtime}" d="M${x} ${y - 4}h20" />` +
      `<text x="${x + 26}" y="${y}">${side}</text>`;
  });
  const height = LINE + Math.ceil(PANELS.length / COLUMNS) * HEIGHT;
  const title = "Memory, keys and latency over the number of tasks done";
  return svgOf(COLUMNS * WIDTH, height, title, [...names, ...panels]);
}

function panelOf(
  { title, key }: typeof PANELS[number],
  rows: readonly Row[],
  left: number,
  top: number,
): string {
  const points = rows.flatMap(({ samples = [] }) => samples.map((one) => [one.done!, one[key]!]));
  const mostX = Math.max(...points.map(([x]) => x!));
  const mostY = Math.max(...points.map(([, y]) => y!).filter(Number.isFinite), 0);
  const lines = rows.map(({ side, samples = [] }) => {
    const path = samples.filter((one) => Number.isFinite(one[key])).map((one, i) => {
      const x = LEFT + one.done! / mostX * WIDE;
      const y = TOP + HIGH - one[key]! / mostY * HIGH;
      return `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    return `<path class="${partsOf(side).runtime}" d="${path.join("")}" />`;
  });
  return [
    `<g transform="translate(${left} ${top})">`,
    `<text class="title" x="${LEFT}" y="16">${title}</text>`,
    `<path d="M${LEFT} ${TOP}v${HIGH}h${WIDE}" />`,
    `<text x="${LEFT - 6}" y="${TOP + 8}" text-anchor="end">${format(mostY)}</text>`,
    `<text x="${LEFT - 6}" y="${TOP + HIGH}" text-anchor="end">0</text>`,
    `<text x="${LEFT + WIDE}" y="${TOP + HIGH + 14}" text-anchor="end">${format(mostX)}</text>`,
    ...lines,
    "</g>",
  ].join("\n");
}
