/** All queues and pools. */
import { queueCharts } from "./charts.js";
import { data, el, empty, section, setText } from "./dom.js";
import { history } from "./events.js";
import { count, rate, span } from "./format.js";
import { poolTable } from "./pools.js";
import { queueTiles } from "./queue_tiles.js";
import { link } from "./router.js";
import { drawSpark, spark } from "./spark.js";
import { badge } from "./status.js";
import { liveTable } from "./table.js";

export function overviewView() {
  const tiles = queueTiles();
  const charts = queueCharts(({ queues }) => queues);
  const queues = queueTable();
  const pools = poolTable();
  const element = el(
    "div",
    { class: "view" },
    el("h1", { class: "unseen", tabindex: "-1" }, "Overview"),
    tiles.element,
    charts.element,
    section("Queues", queues.element),
    section("Pools", pools.element),
  );
  function update(overview) {
    tiles.update(overview.queues);
    charts.update(history());
    queues.update(overview.queues);
    pools.update(overview.pools);
  }
  return { title: "Overview", element, update, close: charts.close };
}

function queueTable() {
  const number = (title, of, more = "") => ({
    title,
    class: `number ${more}`,
    text: (queue) => of(queue),
  });
  return liveTable(
    "Queues",
    [
      {
        title: "Queue",
        class: "name",
        make: ({ name }) =>
          el("div", { class: "with-badge" }, el("a", { href: link("queue", name) }, data(name))),
        update: (cell, { stats }) => {
          const shown = cell.querySelector(".badge");
          if (stats.paused && !shown) cell.append(badge("paused"));
          if (!stats.paused) shown?.remove();
        },
      },
      number("Ready", ({ stats }) => count(stats.ready)),
      number("Running", ({ stats }) => count(stats.leased)),
      number("Pending", ({ stats }) => count(stats.pending), "wide"),
      number("Scheduled", ({ stats }) => count(stats.scheduled), "wider"),
      {
        title: "Dead",
        class: "number",
        make: ({ name }) => el("a", { href: `${link("queue", name)}?place=dead` }),
        update: (cell, { stats }) => {
          setText(cell, count(stats.dead));
          cell.className = stats.dead > 0 ? "some" : "none";
        },
      },
      number("Done/s", ({ rates }) => rate(rates.done)),
      number("Failed/s", ({ rates }) => rate(rates.failed), "wide"),
      number("P50", ({ rates }) => span(rates.p50), "wider"),
      number("P99", ({ rates }) => span(rates.p99), "wide"),
      {
        title: "Last minutes",
        class: "wider",
        make: spark,
        update: (canvas, { name }) => drawSpark(canvas, doneOf(name)),
      },
    ],
    ({ name }) => name,
    {
      empty: () =>
        empty(
          "There is no queue yet. One is there as soon as a task is called, or a pool serves it: ",
          "worq run tasks.ts",
        ),
    },
  );
}

function doneOf(name) {
  return history().flatMap(({ queues }) =>
    queues.filter((queue) => queue.name === name).map(({ rates }) => rates.done)
  );
}
