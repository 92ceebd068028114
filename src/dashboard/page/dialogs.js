/** Questions before something is done, help, and short messages. */
import { el } from "./dom.js";

/** Asks; whether the answer was yes. */
export function ask({ title, text, yes, isGrave = false }) {
  const confirm = el("button", { class: isGrave ? "grave" : "main", value: "yes" }, yes);
  const dialog = el(
    "dialog",
    { "aria-labelledby": "ask-title" },
    el(
      "form",
      { method: "dialog" },
      el("h2", { id: "ask-title" }, title),
      el("p", {}, text),
      el(
        "div",
        { class: "buttons" },
        el("button", { value: "no", autofocus: true }, "Keep as it is"),
        confirm,
      ),
    ),
  );
  return open(dialog).then((answer) => answer === "yes");
}

const KEYS = [
  ["/", "search tasks of a queue"],
  ["Esc", "back to where this is part of"],
  ["?", "this help"],
  ["← → ↑ ↓", "in a graph: next task; with Shift, move"],
  ["+ − 0", "in a graph: larger, smaller, all of it"],
  ["Enter", "in a graph: open the task or the group"],
];
const STATES = [
  ["pending", "waits for results of other tasks"],
  ["scheduled", "waits for its time"],
  ["ready", "waits for a worker"],
  ["running", "a worker has it"],
  ["failed", "failed for good"],
  ["dead", "failed for good, and is kept to be run again or discarded"],
  ["P50, P99", "half, and 99 of 100, of the attempts took at most so long"],
  ["expired", "there will be no result"],
];

export function help() {
  const list = (rows, tag) =>
    el(
      "dl",
      { class: "pairs" },
      ...rows.flatMap(([name, text]) => [el("dt", {}, el(tag, {}, name)), el("dd", {}, text)]),
    );
  return open(el(
    "dialog",
    { "aria-labelledby": "help-title" },
    el(
      "form",
      { method: "dialog" },
      el("h2", { id: "help-title" }, "Keys"),
      list(KEYS, "kbd"),
      el("h3", {}, "Words"),
      list(STATES, "span"),
      el("div", { class: "buttons" }, el("button", { class: "main", autofocus: true }, "Close")),
    ),
  ));
}

function open(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

/** Says something for some seconds. */
export function toast(text, isBad = false) {
  const one = el("p", { class: isBad ? "toast bad" : "toast" }, text);
  document.getElementById("toasts").append(one);
  setTimeout(() => one.remove(), isBad ? 10_000 : 5_000);
}
