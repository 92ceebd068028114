/** Where the boxes and lines of a graph are, by dagre. */
export const [WIDTH, HEIGHT] = [178, 42];
/** Boxes up to which the ranker is the one that draws the shortest lines; it takes twice the time. */
const CAREFUL = 60;

/** Boxes with `x` and `y` of their middle, lines with `points`, and the size of all. */
export async function layOut({ boxes, lines }) {
  const { Graph, layout } = await import("./dagre.js");
  const graph = new Graph();
  graph.setGraph({
    rankdir: "LR",
    ranker: boxes.length > CAREFUL ? "longest-path" : "network-simplex",
    nodesep: 12,
    ranksep: 64,
    edgesep: 8,
    marginx: 16,
    marginy: 16,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { key } of boxes) graph.setNode(key, { width: WIDTH, height: HEIGHT });
  for (const { from, to } of lines) graph.setEdge(from, to, {});
  layout(graph);
  const { width, height } = graph.graph();
  return {
    boxes: boxes.map((box) => {
      const { x, y } = graph.node(box.key);
      return { ...box, x, y };
    }),
    lines: lines.map((line) => ({ ...line, points: graph.edge(line.from, line.to).points })),
    width,
    height,
  };
}
