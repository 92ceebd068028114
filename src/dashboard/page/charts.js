/** Lines over the last minutes, drawn by uPlot, with the values beside the names. */
import { el, setText } from "./dom.js";
import { clock } from "./format.js";
import { colour, onTheme } from "./theme_switch.js";

/** Seconds that a chart shows. */
const WINDOW = 300;
const HEIGHT = 150;

/** `series` are `{ name, tone, dash?, of(look) }`; `tell` makes a text of a value. */
export function chart(title, series, tell) {
  const values = series.map(() => el("b", {}, "–"));
  const legend = series.map(({ name, tone, dash }, i) =>
    el(
      "span",
      { class: `key ${tone}${dash ? " dashed" : ""}` },
      name,
      values[i],
    )
  );
  const box = el("div", { class: "plot", "aria-hidden": "true" });
  const element = el(
    "figure",
    { class: "card chart" },
    el("figcaption", {}, el("span", { class: "title" }, title), ...legend),
    box,
  );
  let plot, data, at;

  function draw() {
    plot?.destroy();
    plot = new globalThis.uPlot(options(), data, box);
  }

  function options() {
    const axis = {
      stroke: colour("muted"),
      font: "11px system-ui, sans-serif",
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
    };
    return {
      width: Math.max(box.clientWidth, 120),
      height: HEIGHT,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 6 }, y: false },
      scales: {
        x: { range: (_, __, max) => [max - WINDOW, max] },
        y: { range: (_, __, max) => [0, Math.max(max * 1.1, 1)] },
      },
      axes: [
        {
          ...axis,
          incrs: [60, 120],
          size: 24,
          values: (_, at) => at.map((s) => clock(1_000 * s, false)),
        },
        { ...axis, size: 52, space: 36, values: (_, at) => at.map((n) => tell(n)) },
      ],
      series: [
        {},
        ...series.map(({ tone, dash, fill }) => ({
          stroke: colour(tone),
          width: 1.75,
          ...(dash ? { dash: [5, 4] } : {}),
          ...(fill ? { fill: `${colour(tone)}1c` } : {}),
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: {
        setCursor: [({ cursor }) => {
          at = cursor.idx ?? undefined;
          tellValues();
        }],
      },
    };
  }

  function tellValues() {
    const i = at ?? data[0].length - 1;
    series.forEach((_, s) => setText(values[s], tell(data[s + 1][i] ?? undefined)));
  }

  function update(looks) {
    data = [
      looks.map(({ now }) => now / 1_000),
      ...series.map(({ of }) => looks.map((look) => of(look) ?? null)),
    ];
    if (box.isConnected && globalThis.uPlot) {
      if (plot === undefined) draw();
      else plot.setData(data);
    }
    if (looks.length > 0) tellValues();
  }

  const watch = new ResizeObserver(() => {
    if (data === undefined) return;
    if (plot === undefined) draw();
    else plot.setSize({ width: Math.max(box.clientWidth, 120), height: HEIGHT });
  });
  watch.observe(box);
  const forget = onTheme(() => plot && draw());

  function close() {
    watch.disconnect();
    forget();
    plot?.destroy();
  }
  return { element, update, close };
}

/** The three charts of some queues: what was done, what there is, how long it took. */
export function queueCharts(pick) {
  const sum = (of) => (look) => pick(look).reduce((all, queue) => all + of(queue), 0);
  const most = (of) => (look) => {
    const known = pick(look).map(of).filter((n) => n !== undefined && n !== null);
    return known.length === 0 ? undefined : Math.max(...known);
  };
  const number = (n) => n === undefined ? "–" : brief(n);
  const charts = [
    chart("Per second", [
      { name: "done", tone: "success", fill: true, of: sum(({ rates }) => rates.done) },
      { name: "failed", tone: "failed", dash: true, of: sum(({ rates }) => rates.failed) },
    ], number),
    chart("Tasks", [
      { name: "ready", tone: "ready", fill: true, of: sum(({ stats }) => stats.ready) },
      { name: "running", tone: "running", of: sum(({ stats }) => stats.leased) },
      { name: "pending", tone: "pending", dash: true, of: sum(({ stats }) => stats.pending) },
    ], number),
    chart("Time of an attempt", [
      { name: "P50", tone: "ready", of: most(({ rates }) => rates.p50) },
      { name: "P99", tone: "violet", dash: true, of: most(({ rates }) => rates.p99) },
    ], time),
  ];
  return {
    element: el("div", { class: "charts" }, ...charts.map(({ element }) => element)),
    update: (looks) => charts.forEach((one) => one.update(looks)),
    close: () => charts.forEach((one) => one.close()),
  };
}

function brief(n) {
  if (n >= 1_000_000) return `${+(n / 1_000_000).toFixed(1)}M`;
  if (n >= 10_000) return `${+(n / 1_000).toFixed(1)}k`;
  return `${+n.toFixed(n < 10 ? 1 : 0)}`;
}

function time(ms) {
  if (ms === undefined) return "–";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${+(ms / 1_000).toFixed(1)} s` : `${+(ms / 60_000).toFixed(1)} min`;
}
