/** The tasks of a queue: by place, by name, by id, page by page. */
import { act } from "./actions.js";
import { get } from "./api.js";
import { data, el, empty, setText } from "./dom.js";
import { latest } from "./events.js";
import { count, plural, relative, short } from "./format.js";
import { link, setQuery } from "./router.js";
import { badge } from "./status.js";
import { liveTable } from "./table.js";

const PAGE = 50;
/** Milliseconds between two looks at a list that is shown. */
const REFRESH = 4_000;

const PLACES = [
  { key: "ready", title: "Ready", stat: "ready", none: "No task waits for a worker." },
  { key: "running", title: "Running", stat: "leased", none: "No task runs now." },
  {
    key: "pending",
    title: "Pending",
    stat: "pending",
    none: "No task waits for results of others.",
  },
  { key: "scheduled", title: "Scheduled", stat: "scheduled", none: "No task waits for its time." },
  { key: "dead", title: "Dead", stat: "dead", none: "No task has failed for good." },
];

export function taskList(queue, query) {
  let place = PLACES.find(({ key }) => key === query.place) ?? PLACES[0];
  let name = query.name ?? "";
  let starts = [0];
  let shown, asked, timer;
  let lastLoad = 0;
  const chosen = new Set();

  const tabs = PLACES.map((one) =>
    el(
      "button",
      { type: "button", role: "tab", id: `tab-${one.key}`, onclick: () => choose(one) },
      one.title,
      el("span", { class: "count" }, "–"),
    )
  );
  const tabList = el("div", { class: "tabs", role: "tablist", "aria-label": "Tasks" }, ...tabs);
  tabList.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (step === undefined) return;
    const i = (PLACES.indexOf(place) + step + PLACES.length) % PLACES.length;
    choose(PLACES[i]);
    tabs[i].focus();
  });

  const search = el("input", {
    type: "search",
    id: "search",
    placeholder: "Part of a name, or an id and Enter",
    "aria-label": "Search tasks by name, or open one by its id with Enter",
    autocomplete: "off",
    spellcheck: "false",
    "aria-keyshortcuts": "/",
  });
  search.value = name;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => restart({ name: search.value.trim() }), 250);
  });
  search.addEventListener("keydown", ({ key }) => key === "Enter" && openById(search.value.trim()));

  const table = liveTable("Tasks", columns(), ({ id }) => id);
  const nothing = el("div");
  const said = el("span", { class: "said", role: "status" });
  const newer = el("button", { type: "button", onclick: () => page(-1) }, "← Back");
  const older = el("button", { type: "button", onclick: () => page(1) }, "Next →");
  const actions = el("div", { class: "buttons" });
  const panel = el(
    "div",
    { role: "tabpanel", id: "tasks-panel" },
    table.element,
    nothing,
    el("div", { class: "foot" }, said, el("span", { class: "grow" }), newer, older),
  );
  tabs.forEach((tab) => tab.setAttribute("aria-controls", "tasks-panel"));
  const element = el(
    "section",
    { class: "card", "aria-label": "Tasks" },
    el("div", { class: "tools" }, tabList, el("span", { class: "grow" }), actions, search),
    panel,
  );

  function columns() {
    const since = (task) => {
      const { now } = latest() ?? { now: Date.now() };
      return relative(task.due ?? task.since, now);
    };
    return [
      {
        title: "Choose",
        heading: el("input", { type: "checkbox", "aria-label": "Choose all", onchange: chooseAll }),
        class: "choice",
        make: ({ id, name }) =>
          el("input", {
            type: "checkbox",
            "aria-label": `Choose ${short(name, 40)} ${id}`,
            onchange: ({ target }) => {
              if (target.checked) chosen.add(id);
              else chosen.delete(id);
              showActions();
            },
          }),
        update: (box, { id }) => box.checked = chosen.has(id),
      },
      {
        title: "Task",
        class: "name",
        make: ({ id, name }) =>
          el(
            "div",
            { class: "two" },
            el("a", { href: link("task", queue, id) }, data(name)),
            el("code", { class: "id" }, id),
          ),
      },
      {
        title: "State",
        class: "state",
        make: () => el("span"),
        update: (cell, { status, due }) => {
          const looks = place.key === "scheduled" && due ? "scheduled" : status;
          if (cell.dataset.status === looks) return;
          cell.dataset.status = looks;
          cell.replaceChildren(badge(looks));
        },
      },
      {
        title: "Arguments, or error",
        class: "wide preview",
        make: () => el("bdi", { class: "data" }),
        update: (cell, { args, error }) => {
          setText(cell, error ?? args ?? "");
          cell.className = error ? "data bad" : "data";
          cell.title = error ?? args ?? "";
        },
      },
      { title: "When", class: "number", text: since },
    ];
  }

  function chooseAll({ target }) {
    chosen.clear();
    if (target.checked) shown?.tasks.forEach(({ id }) => chosen.add(id));
    table.update(shown?.tasks ?? []);
    showActions();
  }

  function choose(one) {
    place = one;
    restart({});
  }

  function restart(change) {
    if (change.name !== undefined) name = change.name;
    starts = [0];
    chosen.clear();
    setQuery({ place: place.key === PLACES[0].key ? "" : place.key, name });
    showTabs();
    load();
  }

  function page(step) {
    if (step < 0) starts.pop();
    else starts.push(shown.next);
    chosen.clear();
    load();
  }

  async function load() {
    asked?.abort();
    const own = asked = new AbortController();
    lastLoad = Date.now();
    panel.setAttribute("aria-busy", "true");
    try {
      const from = starts.at(-1);
      shown = await get("tasks", { queue, place: place.key, from, count: PAGE, name }, own.signal);
      show();
    } catch (error) {
      if (own.signal.aborted) return;
      setText(said, `The list could not be read: ${error.message}`);
    } finally {
      if (own === asked) panel.removeAttribute("aria-busy");
    }
  }

  function show() {
    const { tasks, total, from, next, scanned } = shown;
    for (const id of chosen) if (!tasks.some((task) => task.id === id)) chosen.delete(id);
    table.update(tasks);
    nothing.replaceChildren(...(tasks.length > 0 ? [] : [noneText()]));
    newer.hidden = starts.length === 1;
    older.hidden = next === null;
    const range = tasks.length === 0
      ? ""
      : name === ""
      ? `${count(from + 1)}–${count(from + tasks.length)}`
      : plural(tasks.length, "hit");
    const of = name === ""
      ? total === null || tasks.length === 0 ? "" : ` of ${count(total)}`
      : `, ${plural(scanned, "task")} looked at`;
    setText(said, range + of);
    showActions();
  }

  function noneText() {
    if (name === "") return empty(place.none);
    return empty(
      shown.next === null
        ? "No task here has this in its name. An id is found with Enter."
        : "None of these has this in its name; Next looks further.",
    );
  }

  function showActions() {
    const isReadOnly = latest()?.readOnly ?? true;
    element.classList.toggle("read-only", isReadOnly);
    const kinds = isReadOnly || chosen.size === 0
      ? []
      : place.key === "dead"
      ? [["redrive", "Run again…"], ["discard", "Discard…"]]
      : [["cancel", "Cancel…"]];
    const signature = kinds.join();
    if (actions.dataset.of !== signature) {
      actions.dataset.of = signature;
      actions.replaceChildren(...kinds.map(([action, title]) =>
        el("button", {
          type: "button",
          class: action === "redrive" ? "" : "grave",
          onclick: async () => {
            const ids = [...chosen];
            if (!await act(action, queue, ids)) return;
            // Others may have been chosen since.
            for (const id of ids) chosen.delete(id);
            load();
          },
        }, title)
      ));
    }
    const all = element.querySelector("th input");
    all.checked = chosen.size > 0 && chosen.size === shown?.tasks.length;
    all.indeterminate = chosen.size > 0 && !all.checked;
  }

  async function openById(id) {
    if (id === "") return;
    const found = await get("task", { queue, id }).catch(() => undefined);
    if (found !== undefined) location.hash = link("task", queue, id);
  }

  function showTabs(stats) {
    PLACES.forEach((one, i) => {
      const isOn = one === place;
      tabs[i].setAttribute("aria-selected", `${isOn}`);
      tabs[i].tabIndex = isOn ? 0 : -1;
      if (stats) setText(tabs[i].lastElementChild, count(stats[one.stat]));
      if (isOn) panel.setAttribute("aria-labelledby", `tab-${one.key}`);
    });
  }

  /** Looks again now and then, but not while someone looks through pages or chooses. */
  function update(_, known) {
    showTabs(known?.stats);
    showActions();
    const isCalm = starts.length === 1 && name === "" && chosen.size === 0 && !document.hidden;
    if (shown !== undefined && isCalm && Date.now() - lastLoad >= REFRESH) load();
  }

  showTabs();
  load();
  return {
    element,
    update,
    load,
    close: () => {
      clearTimeout(timer);
      asked?.abort();
    },
  };
}
