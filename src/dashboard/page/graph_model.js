/**
 * What of a graph is shown: all tasks while they are few, and otherwise groups of those that are
 * alike, so that ten thousand tasks make a picture of some boxes.
 */

/** Tasks up to which each is a box. */
const FEW = 200;
/** Boxes at most, or groups become coarser. */
const MOST = 240;
/** Tasks that opening a group takes out of it. */
const OPENED = 30;

/** How tasks are put together, finest first. */
const WAYS = [
  (node, level) => [level, node.name, node.status],
  (node, level) => [level, node.status],
  (node, level) => [Math.floor(level / 10), node.status],
  (node, level) => [Math.floor(level / 100), node.status],
  (node) => [node.status],
];

/**
 * Boxes `{ key, name, status, size }`, with all of its node when it is one task, and lines
 * `{ from, to, size }` between them. `opened` tells how often each group was opened.
 */
export function pictureOf({ nodes, edges }, opened) {
  const levels = levelsOf(nodes, edges);
  const boxOf = nodes.length <= FEW ? new Map() : grouped(nodes, levels, opened);
  const boxes = new Map();
  for (const node of nodes) {
    const box = boxOf.get(node.id) ?? single(node);
    boxOf.set(node.id, box);
    boxes.set(box.key, box);
  }
  return { boxes: [...boxes.values()], lines: linesOf(edges, boxOf) };
}

function single(node) {
  return { ...node, key: `task ${node.id}`, size: 1 };
}

function grouped(nodes, levels, opened) {
  for (const way of WAYS) {
    const groups = new Map();
    for (const node of nodes) {
      if (node.root) continue;
      const key = `group ${JSON.stringify(way(node, levels.get(node.id)))}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(node);
    }
    if (groups.size <= MOST || way === WAYS.at(-1)) return boxesOf(groups, opened);
  }
}

function boxesOf(groups, opened) {
  const boxOf = new Map();
  for (const [key, all] of groups) {
    const rest = all.slice(OPENED * (opened.get(key) ?? 0));
    if (rest.length < 2) continue;
    const names = new Set(rest.map(({ name }) => name));
    const name = names.size === 1 ? rest[0].name : `${names.size} names`;
    const box = { key, name, status: rest[0].status, size: rest.length };
    for (const { id } of rest) boxOf.set(id, box);
  }
  return boxOf;
}

function linesOf(edges, boxOf) {
  const lines = new Map();
  for (const [a, b] of edges) {
    const [from, to] = [boxOf.get(a)?.key, boxOf.get(b)?.key];
    if (from === undefined || to === undefined || from === to) continue;
    const key = `${from}\n${to}`;
    const line = lines.get(key);
    if (line === undefined) lines.set(key, { from, to, size: 1 });
    else line.size++;
  }
  return [...lines.values()];
}

/** How many tasks are before each, on the longest way. Those in a circle are where it was entered. */
function levelsOf(nodes, edges) {
  const levels = new Map(nodes.map(({ id }) => [id, 0]));
  const open = new Map(nodes.map(({ id }) => [id, 0]));
  const next = new Map();
  for (const [a, b] of edges) {
    if (!levels.has(a) || !levels.has(b)) continue;
    open.set(b, open.get(b) + 1);
    if (!next.has(a)) next.set(a, []);
    next.get(a).push(b);
  }
  const line = nodes.map(({ id }) => id).filter((id) => open.get(id) === 0);
  for (const id of line) {
    for (const after of next.get(id) ?? []) {
      levels.set(after, Math.max(levels.get(after), levels.get(id) + 1));
      open.set(after, open.get(after) - 1);
      if (open.get(after) === 0) line.push(after);
    }
  }
  return levels;
}
