/** What the server tells every two seconds, what it told in the last minutes, and who listens. */
import { get } from "./api.js";

/** Looks that are remembered: five minutes. */
const KEPT = 150;
/** Milliseconds without a word after which the connection counts as lost. */
const SILENCE = 9_000;

const listeners = new Set();
const past = [];
let source, timer;
let isLost = false;

/** The last look; undefined before the first one. */
export function latest() {
  return past.at(-1);
}

/** All looks of the last minutes, oldest first. */
export function history() {
  return past;
}

/** Has `then(overview, isLost)` called with each look, and when the connection is lost. */
export function listen(then) {
  listeners.add(then);
  return () => listeners.delete(then);
}

export function connect() {
  get("overview").then((overview) => past.length === 0 && take(overview), () => lose());
  open();
}

function open() {
  source?.close();
  source = new EventSource("api/events");
  source.addEventListener("overview", ({ data }) => take(JSON.parse(data)));
  source.addEventListener("error", () => {
    lose();
    // The browser tries again by itself unless the server refused.
    if (source.readyState === EventSource.CLOSED) again(3_000);
  });
  again(SILENCE);
}

function again(time) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    lose();
    open();
  }, time);
}

function take(overview) {
  isLost = false;
  again(SILENCE);
  past.push(overview);
  if (past.length > KEPT) past.shift();
  tell();
}

function lose() {
  if (isLost) return;
  isLost = true;
  tell();
}

function tell() {
  for (const then of listeners) then(latest(), isLost);
}
