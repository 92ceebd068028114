/** Pools, and the workers of each behind a button. */
import { data, el, empty, setText } from "./dom.js";
import { latest } from "./events.js";
import { bytes, count, plural, rate, relative, span } from "./format.js";
import { link } from "./router.js";
import { liveTable } from "./table.js";

export function poolTable() {
  return liveTable(
    "Pools",
    [
      {
        title: "Pool",
        class: "name",
        make: ({ id }) =>
          el(
            "button",
            { class: "fold", "aria-expanded": "false", type: "button" },
            data(id),
          ),
      },
      { title: "Kind", class: "wide", text: ({ kind }) => kind },
      {
        title: "Running",
        class: "places",
        make: () => el("div", { class: "filled" }, el("span"), el("meter", { min: "0" })),
        update: (cell, { running, places }) => {
          setText(cell.firstElementChild, `${count(running)} of ${count(places)}`);
          const meter = cell.lastElementChild;
          meter.max = Math.max(places, 1);
          meter.value = running;
          meter.setAttribute("aria-label", `${running} of ${places} places taken`);
        },
      },
      { title: "Done/s", class: "number", text: ({ rates }) => rate(rates?.done) },
      { title: "P99", class: "number wide", text: ({ rates }) => span(rates?.p99) },
      { title: "Memory", class: "number", text: (pool) => bytes(memoryOf(pool)) },
      { title: "Host", class: "wider", text: ({ host, pid }) => `${host}:${pid}` },
      { title: "Runtime", class: "wider", text: ({ runtime }) => runtime },
      {
        title: "State",
        class: "wide",
        text: (pool) =>
          pool.stopping ? "stopping" : `up ${span((latest()?.now ?? pool.written) - pool.started)}`,
      },
    ],
    ({ id }) => id,
    {
      detail: poolDetail,
      empty: () =>
        empty("No pool serves these queues, so nothing runs. Start one: ", "worq run tasks.ts"),
    },
  );
}

function memoryOf({ memory, kind, workers }) {
  if (kind !== "processes") return memory;
  return workers.reduce((all, worker) => all + (worker.memory ?? 0), memory);
}

function poolDetail(pool, tr, width) {
  const facts = el("p", { class: "facts" });
  const workers = workerTable();
  const cell = el("td", { colspan: width }, facts, workers.element);
  const element = el("tr", { class: "detail", hidden: true }, cell);
  const button = tr.querySelector("button");
  let shown = pool;
  button.addEventListener("click", () => {
    element.hidden = !element.hidden;
    button.setAttribute("aria-expanded", `${!element.hidden}`);
    update(shown);
  });
  function update(now) {
    shown = now;
    if (element.hidden) return;
    const { queues, host, pid, runtime, version, started, limits } = now;
    const parts = [
      `queues ${queues.join(", ")}`,
      `${host}:${pid}`,
      runtime,
      `worq ${version}`,
      `started ${relative(started, latest()?.now ?? now.written)}`,
      ...(limits?.concurrency ? [`at most ${limits.concurrency} of the queue at a time`] : []),
    ];
    setText(facts, parts.join(" · "));
    workers.update(workersOf(now));
  }
  return { element, update };
}

/** Its threads or processes; for a pool that has none, itself. */
function workersOf({ id, workers, tasks }) {
  const list = workers.length > 0
    ? workers
    : [{ name: id, state: "ready", tasks: tasks.map((task) => task.id) }];
  return list.map((worker) => ({ ...worker, known: tasks }));
}

function workerTable() {
  return liveTable(
    "Workers",
    [
      { title: "Worker", class: "name", make: ({ name }) => data(name) },
      { title: "State", text: ({ state }) => state },
      {
        title: "Tasks",
        class: "tasks",
        make: () => el("span"),
        update: (cell, worker) => fillTasks(cell, worker),
      },
      { title: "Finished", class: "number wide", text: ({ finished }) => count(finished) },
      { title: "Memory", class: "number wide", text: ({ memory }) => bytes(memory) },
    ],
    ({ name }) => name,
  );
}

function fillTasks(cell, { tasks, known }) {
  const signature = tasks.join(" ");
  if (cell.dataset.of === signature) return;
  cell.dataset.of = signature;
  const links = tasks.slice(0, 3).map((id) => {
    // A task of a queue that is not shown is not told.
    const task = known.find((one) => one.id === id);
    return task === undefined
      ? data(id)
      : el("a", { href: link("task", task.queue, id) }, data(task.name));
  });
  const rest = tasks.length - links.length;
  cell.replaceChildren(...links);
  if (rest > 0) cell.append(` and ${plural(rest, "other")}`);
  if (tasks.length === 0) cell.append("–");
}
