/** Puts the parts together: which view is shown, keys, and whether the connection is there. */
import { help } from "./dialogs.js";
import { el, empty, setText } from "./dom.js";
import { connect, latest, listen } from "./events.js";
import { overviewView } from "./overview.js";
import { queueView } from "./queue.js";
import { link, place, up } from "./router.js";
import { taskView } from "./task.js";
import { themeSwitch } from "./theme_switch.js";
import { plain, short } from "./format.js";

const [main, trail, server, live, notice] = ["main", "trail", "server", "live", "notice"]
  .map((id) => document.getElementById(id));
let view;
let isFirst = true;

function go() {
  const { parts, query } = place();
  view?.close?.();
  view = viewOf(parts, query);
  main.replaceChildren(view.element);
  document.title = `${short(view.title, 60)} · worq`;
  showTrail(parts);
  if (latest() !== undefined) view.update?.(latest());
  // Who came by a key or a link hears where they are.
  if (!isFirst) {
    scrollTo(0, 0);
    main.querySelector("h1")?.focus({ preventScroll: true });
  }
  isFirst = false;
}

function viewOf([kind, queue, id], query) {
  if (kind === undefined) return overviewView();
  if (kind === "queue" && queue !== undefined) return queueView(queue, query);
  if (kind === "task" && id !== undefined) return taskView(queue, id);
  const element = el(
    "div",
    { class: "view" },
    el("h1", { tabindex: "-1" }, "Nothing here"),
    empty("This address leads nowhere. Esc leads to all queues."),
  );
  return { title: "Nothing here", element };
}

function showTrail([kind, queue, id]) {
  const parts = kind === undefined
    ? []
    : [[queue, link("queue", queue ?? "")], [id, link("task", queue ?? "", id ?? "")]]
      .filter(([text]) => text !== undefined);
  trail.replaceChildren(
    ...parts.map(([text, href], i) =>
      el(
        "a",
        { href, "aria-current": i === parts.length - 1 ? "page" : undefined },
        el("bdi", {}, short(plain(text), 40)),
      )
    ),
  );
}

function tell(overview, isLost) {
  live.className = isLost ? "live lost" : "live on";
  setText(live, isLost ? "no connection" : overview === undefined ? "connecting" : "live");
  setText(server, overview?.server ?? "");
  const text = isLost
    ? "The connection is lost. What you see may be old; trying again."
    : overview?.error;
  notice.hidden = !text;
  setText(notice, text ?? "");
  document.body.classList.toggle("stale", isLost);
  if (overview !== undefined && !isLost) view?.update?.(overview);
}

function onKey(event) {
  const { key, target, ctrlKey, metaKey, altKey } = event;
  if (ctrlKey || metaKey || altKey || document.querySelector("dialog[open]")) return;
  const isWriting = target instanceof HTMLInputElement && target.type !== "checkbox";
  if (key === "Escape") {
    if (isWriting && target.value !== "") return;
    if (isWriting) return target.blur();
    const { parts } = place();
    if (parts.length > 0) location.hash = up({ parts });
  } else if (isWriting) {
    return;
  } else if (key === "/") {
    const search = document.getElementById("search");
    if (search === null) return;
    event.preventDefault();
    search.focus();
  } else if (key === "?") {
    help();
  }
}

themeSwitch(document.getElementById("theme"));
document.getElementById("help").addEventListener("click", help);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("keydown", onKey);
addEventListener("hashchange", go);
listen(tell);
go();
connect();
