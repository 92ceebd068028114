/** The tasks around one task: a picture to move in, by mouse, touch and keyboard. */
import { get } from "./api.js";
import { el, empty, setText } from "./dom.js";
import { count, plural, short } from "./format.js";
import { coloursOf, draw, READABLE } from "./graph_canvas.js";
import { HEIGHT, layOut, WIDTH } from "./graph_layout.js";
import { pictureOf } from "./graph_model.js";
import { link } from "./router.js";
import { badge, isOver, lookOf } from "./status.js";
import { onTheme } from "./theme_switch.js";

const [LEAST, LARGEST] = [0.05, 2.5];
/** Milliseconds between two looks, for each task that the graph has, and at least. */
const [REFRESH, REFRESH_EACH] = [4_000, 3];

export function graphView(queue, root) {
  const canvas = el("canvas", {
    tabindex: "0",
    role: "application",
    "aria-label":
      "Graph of tasks. Arrows go from task to task, Enter opens, plus and minus change the size, 0 shows all.",
  });
  const said = el("span", { class: "said", role: "status" });
  const selection = el("span", { class: "unseen", "aria-live": "polite" });
  const depth = el(
    "select",
    { "aria-label": "Steps around the task", onchange: () => load() },
    ...[1, 2, 3, 5, 10, 30].map((n) =>
      el("option", { value: `${n}`, selected: n === 3 }, plural(n, "step"))
    ),
  );
  const tool = (title, label, onclick) =>
    el(
      "button",
      { type: "button", class: "quiet", "aria-label": label, title: label, onclick },
      title,
    );
  const close = tool("Close groups", "Close groups", () => {
    opened.clear();
    renew();
  });
  const body = el("div", { class: "graph" }, canvas);
  const none = el(
    "div",
    { hidden: true },
    empty("It takes no results of other tasks, and no task takes its own."),
  );
  const element = el(
    "section",
    { class: "card" },
    el(
      "div",
      { class: "tools" },
      el("h2", {}, "Around it"),
      said,
      el("span", { class: "grow" }),
      close,
      depth,
      tool("−", "Smaller", () => zoom(1 / 1.4)),
      tool("+", "Larger", () => zoom(1.4)),
      tool("Fit", "Fit all of it in", () => fit()),
    ),
    el(
      "p",
      { class: "legend" },
      ...["pending", "ready", "running", "success", "failed", "expired"].map(badge),
    ),
    body,
    none,
    selection,
  );

  const opened = new Map();
  let graph, picture, selected, frame, colours;
  let view = { x: 0, y: 0, scale: 1 };
  let lastLoad = 0;
  let known = "";
  let isClosed = false, isMoved = false;

  async function load() {
    lastLoad = Date.now();
    try {
      const found = await get("graph", { queue, id: root, depth: depth.value });
      const signature = JSON.stringify(found);
      if (isClosed || signature === known) return;
      known = signature;
      graph = found;
      await renew();
    } catch (error) {
      setText(said, error.status === 404 ? "" : `The graph could not be read: ${error.message}`);
    }
  }

  /** Lays it out again: its tasks have changed, or groups were opened. */
  async function renew() {
    const start = performance.now();
    picture = await layOut(pictureOf(graph, opened));
    element.dataset.took = `${Math.round(performance.now() - start)}`;
    element.dataset.boxes = `${picture.boxes.length}`;
    if (isClosed) return;
    const isAlone = graph.nodes.length < 2;
    body.hidden = isAlone;
    none.hidden = !isAlone;
    close.hidden = opened.size === 0;
    const groups = picture.boxes.filter(({ size }) => size > 1).length;
    setText(
      said,
      `${plural(graph.nodes.length, "task")}${graph.more ? " and more" : ""}` +
        (groups > 0 ? `, in ${plural(groups, "group")}: Enter or a click opens one` : ""),
    );
    const rows = Math.min(picture.height, 560);
    body.style.height = `${Math.max(220, rows + 32)}px`;
    selected ??= picture.boxes.find((box) => box.root)?.key;
    if (!isMoved) settle();
    paint();
  }

  /** All of it; where that is too small to read, its own task in the middle. */
  function settle() {
    fit();
    const own = picture?.boxes.find((box) => box.root);
    if (own === undefined || view.scale >= READABLE) return;
    const scale = 1.5 * READABLE;
    view = {
      scale,
      x: own.x - canvas.clientWidth / scale / 2,
      y: own.y - canvas.clientHeight / scale / 2,
    };
  }

  function paint() {
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      if (picture === undefined || isClosed) return;
      colours ??= coloursOf();
      draw(canvas, picture, view, selected, colours);
    });
  }

  function fit() {
    if (picture === undefined) return;
    isMoved = false;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const scale = Math.min(width / picture.width, height / picture.height, 1);
    const legible = Math.max(scale, LEAST);
    view = {
      scale: legible,
      x: (picture.width - width / legible) / 2,
      y: (picture.height - height / legible) / 2,
    };
    paint();
  }

  function move(x, y) {
    isMoved = true;
    view = { ...view, x: view.x - x / view.scale, y: view.y - y / view.scale };
    paint();
  }

  /** Changes the size, while a point of the canvas stays where it is. */
  function zoom(by, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    isMoved = true;
    const scale = Math.min(LARGEST, Math.max(LEAST, view.scale * by));
    view = {
      scale,
      x: view.x + x / view.scale - x / scale,
      y: view.y + y / view.scale - y / scale,
    };
    paint();
  }

  function boxAt(x, y) {
    const [gx, gy] = [view.x + x / view.scale, view.y + y / view.scale];
    return picture?.boxes.find((box) =>
      Math.abs(box.x - gx) <= WIDTH / 2 && Math.abs(box.y - gy) <= HEIGHT / 2
    );
  }

  function open(box) {
    if (box.size === 1) {
      if (box.queue !== undefined) location.hash = link("task", box.queue, box.taskId);
      else if (box.id !== root) location.hash = link("task", queue, box.id);
      return;
    }
    opened.set(box.key, (opened.get(box.key) ?? 0) + 1);
    return renew();
  }

  function select(box) {
    selected = box.key;
    const { word } = lookOf(box.status);
    const where = box.queue === undefined ? "" : ` of queue ${short(box.queue, 60)}`;
    const size = box.size > 1 ? `, ${count(box.size)} tasks` : "";
    setText(selection, `${short(box.name, 60)}${where}, ${word}${size}`);
    const [left, top] = [(box.x - view.x) * view.scale, (box.y - view.y) * view.scale];
    const isOut = left < 40 || top < 20 || left > canvas.clientWidth - 40 ||
      top > canvas.clientHeight - 20;
    if (isOut) move(canvas.clientWidth / 2 - left, canvas.clientHeight / 2 - top);
    paint();
  }

  /** The nearest box in a direction. */
  function selectTowards(dx, dy) {
    const from = picture?.boxes.find(({ key }) => key === selected) ?? picture?.boxes[0];
    if (from === undefined) return;
    const costOf = (box) => {
      const [x, y] = [box.x - from.x, box.y - from.y];
      const along = x * dx + y * dy;
      return along <= 1 ? Infinity : along + 3 * Math.abs(x * dy + y * dx);
    };
    const best = picture.boxes.reduce((a, b) => costOf(b) < costOf(a) ? b : a);
    select(costOf(best) < Infinity ? best : from);
  }

  const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("keydown", (event) => {
    const way = WAYS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (way && event.shiftKey) move(-60 * way[0], -60 * way[1]);
    else if (way) selectTowards(...way);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") fit();
    else if (event.key === "Enter") {
      const box = picture?.boxes.find(({ key }) => key === selected);
      if (box) open(box);
    } else return;
    event.preventDefault();
  });

  const pointers = new Map();
  let travelled = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    if (pointers.size === 1) travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (last === undefined) {
      const box = boxAt(event.offsetX, event.offsetY);
      canvas.classList.toggle("over", box !== undefined);
      canvas.title = box === undefined
        ? ""
        : `${short(box.name, 300)}${box.id ? ` ${box.id}` : ""}`;
      return;
    }
    const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
    const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    travelled += Math.abs(dx) + Math.abs(dy);
    if (other === undefined) {
      if (travelled > 4) move(dx, dy);
    } else {
      const apart = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const frameOf = canvas.getBoundingClientRect();
      const middle = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      zoom(
        apart(event) / Math.max(apart(last), 1),
        middle[0] - frameOf.left,
        middle[1] - frameOf.top,
      );
    }
    pointers.set(event.pointerId, event);
  });
  const lift = (event) => {
    if (!pointers.delete(event.pointerId) || event.type === "pointercancel" || travelled > 4) {
      return;
    }
    const box = boxAt(event.offsetX, event.offsetY);
    if (box === undefined) return;
    select(box);
    open(box);
  };
  canvas.addEventListener("pointerup", lift);
  canvas.addEventListener("pointercancel", lift);
  // Only with Ctrl, or when the graph has the focus: otherwise the wheel moves the page.
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }, { passive: false });

  const watch = new ResizeObserver(() => {
    if (!isMoved) settle();
    paint();
  });
  watch.observe(canvas);
  const forget = onTheme(() => {
    colours = undefined;
    paint();
  });

  load();
  return {
    element,
    update: () => {
      if (graph === undefined || document.hidden) return;
      const wait = Math.max(REFRESH, REFRESH_EACH * graph.nodes.length);
      const isSettled = graph.nodes.every(({ status }) => isOver(status));
      if (!isSettled && Date.now() - lastLoad >= wait) load();
    },
    close: () => {
      isClosed = true;
      watch.disconnect();
      forget();
    },
  };
}
