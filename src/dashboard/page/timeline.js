/** The attempts of a task, each a bar from when it began to when it ended. */
import { data, el } from "./dom.js";
import { clock, span } from "./format.js";

const LOOKS = {
  failed: { word: "failed", mark: "✕", tone: "failed" },
  lost: { word: "worker lost", mark: "⚠", tone: "expired" },
  running: { word: "running", mark: "◐", tone: "running" },
  success: { word: "success", mark: "✓", tone: "success" },
  expired: { word: "expired", mark: "–", tone: "expired" },
};

export function timeline() {
  const element = el("ol", { class: "timeline" });
  let told = "";
  function update(task, now) {
    const rows = rowsOf(task, now);
    const signature = JSON.stringify(rows);
    if (signature === told) return;
    told = signature;
    const start = Math.min(...rows.map(({ started }) => started));
    const end = Math.max(...rows.map(({ ended }) => ended), start + 1);
    element.replaceChildren(...rows.map((row) => rowOf(row, start, end)));
  }
  return { element, update };
}

/** Attempts without a value, and the one that runs or brought the outcome. */
function rowsOf({ attempts, status, started, ended, pool }, now) {
  const rows = attempts.map((one) => ({ ...one, ended: one.ended ?? one.started }));
  const isTold = rows.some((row) => row.started === started) || started === undefined ||
    started === null;
  if (!isTold) {
    const kind = status === "processing" || status === "running" ? "running" : status;
    rows.push({ kind, pool, started, ended: ended ?? now, text: "" });
  }
  return rows;
}

function rowOf({ kind, pool, started, ended, text }, start, end) {
  const { word, mark, tone } = LOOKS[kind] ?? { word: kind, mark: "·", tone: "expired" };
  const bar = el("span", { class: `stretch ${tone}` });
  // Through the object model: the page allows no style attributes.
  bar.style.marginInlineStart = `${100 * (started - start) / (end - start)}%`;
  bar.style.width = `${100 * (ended - started) / (end - start)}%`;
  return el(
    "li",
    {},
    el(
      "div",
      { class: "attempt" },
      el(
        "span",
        { class: `badge ${tone}` },
        el("span", { class: "mark", "aria-hidden": "true" }, mark),
        word,
      ),
      el("span", {}, `${clock(started)}, ${span(ended - started)}`),
      pool ? data(pool, "code") : "",
    ),
    el("span", { class: "track", "aria-hidden": "true" }, bar),
    text ? el("p", { class: "data bad" }, text) : "",
  );
}
