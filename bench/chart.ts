/** Results as bars. */
import { format } from "./markdown.ts";
import { medianOf, type Row } from "./outcomes.ts";
import { OURS, partsOf } from "./sides.ts";
import { svgOf } from "./svg.ts";

/** Bars of one figure. */
interface Panel {
  readonly title: string;
  readonly workload: string;
  readonly case: string;
  readonly key: string;
}

const PANELS: readonly Panel[] = [
  { title: "W1b: enqueue in bulk, tasks/s →", workload: "w1b", case: "", key: "rate" },
  { title: "W1b2: 1,000 calls in flight, tasks/s →", workload: "w1b2", case: "", key: "rate" },
  { title: "W1c: end to end, concurrency 50, tasks/s →", workload: "w1c", case: "50", key: "rate" },
  { title: "W1c: CPU of all processes, s/1,000 tasks ←", workload: "w1c", case: "50", key: "cpu" },
  { title: "W1d: drain of a full queue, tasks/s →", workload: "w1d", case: "", key: "rate" },
  { title: "W2: idle round trip p50, ms ←", workload: "w2", case: "", key: "p50" },
  { title: "W3: fan-in of 1,000, ms ←", workload: "w3", case: "1,000", key: "ms" },
  {
    title: "W4: no-ops, pool of 2 threads, tasks/s →",
    workload: "w4",
    case: "threads",
    key: "rate",
  },
  {
    title: "W4: no-ops, pool of 2 processes, tasks/s →",
    workload: "w4",
    case: "processes",
    key: "rate",
  },
  { title: "W5: in memory, tasks/s →", workload: "w5", case: "", key: "rate" },
];

const COLUMNS = 2;
const WIDTH = 460;
const LINE = 18;
/** Widths of names and of the longest bar. */
const NAMES = 120;
const LONGEST = 250;
const GAP = 20;

/** The medians of what was measured; panels of what was not are left out. */
export function chartOf(rows: readonly Row[]): string {
  const tops: number[] = new Array(COLUMNS).fill(0);
  const panels: string[] = [];
  for (const panel of PANELS) {
    const bars = barsOf(panel, rows);
    if (bars.length === 0) continue;
    const column = tops.indexOf(Math.min(...tops));
    panels.push(panelOf(panel, bars, column * WIDTH, tops[column]!));
    tops[column]! += (bars.length + 1) * LINE + GAP;
  }
  const title = "worq beside others, medians; → longer is better, ← shorter is better";
  return svgOf(COLUMNS * WIDTH, Math.max(...tops), title, panels);
}

/** Sides with their medians, in the order in which they were first measured. */
function barsOf({ workload, case: label, key }: Panel, rows: readonly Row[]): [string, number][] {
  const own = rows.filter((row) => row.workload === workload && row.case === label);
  return [...new Set(own.map(({ side }) => side))]
    .map((side): [string, number] => [side, medianOf(own, { workload, case: label, side, key })])
    .filter(([, value]) => Number.isFinite(value));
}

function panelOf({ title }: Panel, bars: [string, number][], left: number, top: number): string {
  const most = Math.max(...bars.map(([, value]) => value));
  const lines = bars.map(([side, value], i) => {
    const y = (i + 1) * LINE;
    const width = (value / most * LONGEST).toFixed(1);
    const ours = partsOf(side).library === OURS ? ' class="ours"' : "";
    return `<text x="0" y="${y + 13}">${side}</text>` +
      `<rect x="${NAMES}" y="${y + 3}" width="${width}" height="${LINE - 6}"${ours} />` +
      `<text x="${NAMES + Number(width) + 6}" y="${y + 13}">${format(value)}</text>`;
  });
  return [
    `<g transform="translate(${left} ${top})">`,
    `<text class="title" x="0" y="13">${title}</text>`,
    ...lines,
    "</g>",
  ].join("\n");
}
