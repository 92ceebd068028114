/** Numbers in large, side by side. */
import { el, setText } from "./dom.js";

/** `tiles` are `{ name, tone?, of(queues) }`, with texts as values. */
export function tileRow(tiles) {
  const values = tiles.map(() => el("dd", {}, "–"));
  const element = el(
    "dl",
    { class: "tiles" },
    ...tiles.map(({ name, tone }, i) =>
      el("div", { class: `tile ${tone ?? ""}` }, el("dt", {}, name), values[i])
    ),
  );
  const update = (queues) => tiles.forEach(({ of }, i) => setText(values[i], of(queues)));
  return { element, update };
}
