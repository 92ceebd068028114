/** How a state looks: each has a word and a shape, so that none is told by colour alone. */
import { el } from "./dom.js";

const LOOKS = {
  pending: { word: "pending", mark: "○", tone: "pending" },
  scheduled: { word: "scheduled", mark: "◷", tone: "pending" },
  enqueued: { word: "ready", mark: "▷", tone: "ready" },
  ready: { word: "ready", mark: "▷", tone: "ready" },
  processing: { word: "running", mark: "◐", tone: "running" },
  running: { word: "running", mark: "◐", tone: "running" },
  success: { word: "success", mark: "✓", tone: "success" },
  failed: { word: "failed", mark: "✕", tone: "failed" },
  dead: { word: "failed", mark: "✕", tone: "failed" },
  expired: { word: "expired", mark: "–", tone: "expired" },
  paused: { word: "paused", mark: "❚❚", tone: "running" },
};

export function lookOf(status) {
  return LOOKS[status] ?? { word: status, mark: "·", tone: "expired" };
}

export function badge(status) {
  const { word, mark, tone } = lookOf(status);
  return el(
    "span",
    { class: `badge ${tone}` },
    el("span", { "aria-hidden": "true", class: "mark" }, mark),
    word,
  );
}

/** Whether a task in this state will not change any more. */
export function isOver(status) {
  return ["success", "failed", "dead", "expired"].includes(status);
}
