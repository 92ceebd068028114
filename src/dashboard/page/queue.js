/** One queue: its numbers, its charts, its tasks. */
import { act } from "./actions.js";
import { queueCharts } from "./charts.js";
import { data, el, empty, setText } from "./dom.js";
import { history } from "./events.js";
import { queueTiles } from "./queue_tiles.js";
import { badge } from "./status.js";
import { taskList } from "./tasks.js";

export function queueView(name, query) {
  const tiles = queueTiles();
  const charts = queueCharts(({ queues }) => queues.filter((queue) => queue.name === name));
  const tasks = taskList(name, query);
  const state = el("span");
  const pause = el("button", { type: "button" }, "Pause…");
  const clear = el("button", { type: "button", class: "grave" }, "Clear…");
  const buttons = el("div", { class: "buttons" }, pause, clear);
  const missing = el(
    "div",
    { hidden: true },
    empty(
      "No such queue is known now. It is there as soon as a task of it is called, or a pool serves it: ",
      "worq run tasks.ts",
    ),
  );
  let isPaused = false;
  pause.addEventListener("click", () => act(isPaused ? "resume" : "pause", name));
  clear.addEventListener("click", async () => await act("clear", name) && tasks.load());
  const element = el(
    "div",
    { class: "view" },
    el(
      "div",
      { class: "head" },
      el("h1", { tabindex: "-1" }, data(name)),
      state,
      el("span", { class: "grow" }),
      buttons,
    ),
    missing,
    tiles.element,
    charts.element,
    tasks.element,
  );
  function update(overview) {
    const queue = overview.queues.find((one) => one.name === name);
    missing.hidden = queue !== undefined;
    tiles.update(queue === undefined ? [] : [queue]);
    charts.update(history());
    buttons.hidden = overview.readOnly;
    tasks.update(overview, queue);
    const wasPaused = isPaused;
    isPaused = queue?.stats.paused ?? false;
    setText(pause, isPaused ? "Resume…" : "Pause…");
    if (wasPaused !== isPaused) state.replaceChildren(...(isPaused ? [badge("paused")] : []));
  }
  function close() {
    charts.close();
    tasks.close();
  }
  return { title: name, element, update, close };
}
