/** One task: its facts, why it has not run, what became of it, and the tasks around it. */
import { act } from "./actions.js";
import { get } from "./api.js";
import { data, el, empty, section, setText } from "./dom.js";
import { latest } from "./events.js";
import { clock, plural, relative, span } from "./format.js";
import { graphView } from "./graph.js";
import { link } from "./router.js";
import { badge, isOver } from "./status.js";
import { timeline } from "./timeline.js";

export function taskView(queue, id) {
  const title = el("h1", { tabindex: "-1" }, data(id));
  const state = el("span");
  const buttons = el("div", { class: "buttons" });
  const why = el("p", { class: "why" });
  const facts = el("dl", { class: "pairs" });
  const progress = el("div", { class: "progress" });
  const attempts = timeline();
  const texts = el("div", { class: "texts" });
  const log = el("ol", { class: "log" });
  const logCard = section("Log", log);
  const attemptCard = section("Attempts", attempts.element);
  const graph = graphView(queue, id);
  const body = el(
    "div",
    { class: "view", hidden: true },
    why,
    el("div", { class: "columns" }, section("Facts", progress, facts), attemptCard),
    texts,
    logCard,
    graph.element,
  );
  const gone = el("div", { hidden: true });
  const element = el(
    "div",
    { class: "view" },
    el("div", { class: "head" }, title, state, el("span", { class: "grow" }), buttons),
    gone,
    body,
  );
  let task, isAsking = false;

  async function load() {
    if (isAsking) return;
    isAsking = true;
    try {
      task = await get("task", { queue, id });
      show();
    } catch (error) {
      if (error.status !== 404) {
        gone.replaceChildren(empty(`The task could not be read: ${error.message}`));
      } else if (task === undefined) {
        gone.replaceChildren(
          empty(
            "The queue does not know this task: it was never there, was cleared, or its result was kept for its time. Tasks whose results should stay longer are given a resultTimeout.",
          ),
        );
      }
      gone.hidden = false;
      body.hidden = task === undefined;
    } finally {
      isAsking = false;
    }
  }

  function show() {
    const now = latest()?.now ?? Date.now();
    gone.hidden = true;
    body.hidden = false;
    document.title = `${task.name} · worq`;
    renew(title, task.name, () => [data(task.name)]);
    renew(state, task.status, () => [badge(task.status)]);
    setText(why, task.why?.text ?? "");
    why.hidden = !task.why?.text || task.why.cause === "over";
    renew(facts, JSON.stringify([task, Math.floor(now / 1_000)]), () => factsOf(task, now));
    renew(progress, JSON.stringify(task.progress), () => progressOf(task.progress));
    attemptCard.hidden = task.attempts.length === 0 && task.started === undefined;
    attempts.update(task, now);
    renew(
      texts,
      JSON.stringify([task.args, task.result, task.error, task.context]),
      () => textsOf(task),
    );
    logCard.hidden = task.log.length === 0;
    renew(log, JSON.stringify(task.log), () => task.log.map(logLine));
    showButtons();
  }

  function showButtons() {
    const isReadOnly = latest()?.readOnly ?? true;
    const kinds = isReadOnly || task === undefined
      ? []
      : !isOver(task.status)
      ? [["cancel", "Cancel…"]]
      : task.status === "failed" || task.status === "dead"
      ? [["redrive", "Run again…"], ["discard", "Discard…"]]
      : [];
    renew(buttons, kinds.join(), () =>
      kinds.map(([action, title]) =>
        el("button", {
          type: "button",
          class: action === "redrive" ? "main" : "grave",
          onclick: async () => await act(action, queue, [id]) && load(),
        }, title)
      ));
  }

  function update() {
    showButtons();
    const isDone = task !== undefined && isOver(task.status);
    if (!document.hidden && !isDone) load();
    graph.update();
  }

  load();
  return { title: id, element, update, close: graph.close };
}

/** New children only when what they tell has changed: focus and selection stay. */
function renew(element, signature, make) {
  if (element.dataset.of === signature) return;
  element.dataset.of = signature;
  element.replaceChildren(...make());
}

function factsOf(task, now) {
  const at = (time) =>
    time === undefined || time === null ? undefined : `${clock(time)} (${relative(time, now)})`;
  const rows = [
    ["Queue", el("a", { href: link("queue", task.queue) }, data(task.queue))],
    ["Id", el("code", {}, task.id)],
    ["Due", at(task.due)],
    ["Started", at(task.started)],
    ["Ended", at(task.ended)],
    ["Took", task.started && task.ended ? span(task.ended - task.started) : undefined],
    ["Pool", task.pool && data(task.pool, "code")],
    ["Failures", task.failures ? `${task.failures}` : undefined],
    ["Workers lost", task.losses ? `${task.losses}` : undefined],
    ["Takes results of", task.needs ? plural(task.needs, "task") : undefined],
    ["Taken by", task.refs ? `${task.refs}` : undefined],
  ];
  return rows.filter(([, value]) => value !== undefined && value !== null && value !== "")
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
}

function progressOf(progress) {
  if (!progress) return [];
  const percent = `${Math.round(100 * progress.part)} %`;
  const bar = el("progress", { max: "1", value: `${progress.part}`, "aria-label": "Progress" });
  return [bar, el("span", {}, percent, progress.text ? ": " : "", data(progress.text ?? ""))];
}

function textsOf({ args, result, error, context }) {
  const text = (name, value, isBad = false) =>
    value === null || value === undefined || value === "" ? undefined : section(
      name,
      el("pre", {
        tabindex: "0",
        class: isBad ? "bad" : undefined,
        "aria-label": name,
        role: "region",
      }, value),
    );
  const told = typeof context === "object" && context !== null && Object.keys(context).length > 0
    ? JSON.stringify(context, undefined, 2)
    : typeof context === "string"
    ? context
    : undefined;
  return [
    text("Error", error && (error.stack || error.text), true),
    text("Arguments", args),
    text("Result", result),
    text("Context", told),
  ].filter((one) => one !== undefined);
}

function logLine({ at, text }) {
  return el("li", {}, el("time", {}, clock(at)), el("bdi", {}, text));
}
