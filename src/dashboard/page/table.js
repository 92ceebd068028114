/**
 * A table whose rows stay the same elements while their data changes: focus, selection and position
 * are kept.
 *
 * A column is `{ title, class?, text(row) }`, or `{ title, class?, make(row), update?(node, row) }`
 * with an element that is made once for each row.
 */
import { el, setText } from "./dom.js";

export function liveTable(caption, columns, key, { detail, empty } = {}) {
  const body = el("tbody");
  const head = columns.map(({ title, class: name, heading }) =>
    el("th", { scope: "col", class: name }, heading ?? title)
  );
  const table = el(
    "table",
    {},
    el("caption", { class: "unseen" }, caption),
    el("thead", {}, el("tr", {}, ...head)),
    body,
  );
  const element = el("div", { class: "table" }, table);
  const rows = new Map();

  function add(row) {
    const cells = columns.map((column) => {
      const cell = el("td", { class: column.class });
      if (column.make) cell.append(column.make(row));
      return cell;
    });
    const tr = el("tr", {}, ...cells);
    const more = detail?.(row, tr, columns.length);
    return { cells, more, elements: more ? [tr, more.element] : [tr] };
  }

  function update(list) {
    const wanted = new Map(list.map((row) => [key(row), row]));
    for (const [id, { elements }] of rows) {
      if (wanted.has(id)) continue;
      elements.forEach((one) => one.remove());
      rows.delete(id);
    }
    let at = body.firstElementChild;
    for (const [id, row] of wanted) {
      let known = rows.get(id);
      if (known === undefined) rows.set(id, known = add(row));
      columns.forEach((column, i) => {
        const cell = known.cells[i];
        if (column.make) column.update?.(cell.firstElementChild, row, cell);
        else setText(cell, column.text(row));
      });
      known.more?.update(row);
      for (const one of known.elements) {
        if (one === at) at = at.nextElementSibling;
        else body.insertBefore(one, at);
      }
    }
    table.hidden = wanted.size === 0;
    element.querySelector(".empty")?.remove();
    if (wanted.size === 0 && empty) element.append(empty());
  }
  return { element, update };
}
