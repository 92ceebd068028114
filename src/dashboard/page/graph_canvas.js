/** Draws a graph that is laid out, as far as it can be seen. */
import { count, plain, short } from "./format.js";
import { HEIGHT, WIDTH } from "./graph_layout.js";
import { lookOf } from "./status.js";
import { colour } from "./theme_switch.js";

/** Scale below which texts cannot be read, and are left out. */
export const READABLE = 0.4;
const TONES = ["pending", "ready", "running", "success", "failed", "expired"];

export function coloursOf() {
  const tones = TONES.map((tone) => [tone, colour(tone)]);
  return {
    ...Object.fromEntries(tones),
    ...Object.fromEntries(
      ["surface", "text", "muted", "line", "strong", "accent"].map((name) => [name, colour(name)]),
    ),
  };
}

/** `view` is `{ x, y, scale }`: what of the graph is in the corner, and how large it is. */
export function draw(canvas, { boxes, lines }, view, selected, colours) {
  const ratio = globalThis.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const scale = ratio * view.scale;
  context.setTransform(scale, 0, 0, scale, -view.x * scale, -view.y * scale);
  const seen = {
    left: view.x - WIDTH,
    right: view.x + width / view.scale + WIDTH,
    top: view.y - HEIGHT,
    bottom: view.y + height / view.scale + HEIGHT,
  };
  drawLines(context, lines, seen, selected, colours, view.scale);
  for (const box of boxes) {
    if (box.x < seen.left || box.x > seen.right || box.y < seen.top || box.y > seen.bottom) {
      continue;
    }
    drawBox(context, box, box.key === selected, colours, view.scale >= READABLE);
  }
}

function drawLines(context, lines, seen, selected, colours, scale) {
  context.lineWidth = Math.max(1.25, 0.6 / scale);
  for (const { from, to, points } of lines) {
    const [first, last] = [points[0], points.at(-1)];
    if (last.x < seen.left || first.x > seen.right) continue;
    const isNear = from === selected || to === selected;
    context.strokeStyle = context.fillStyle = isNear ? colours.accent : colours.strong;
    context.beginPath();
    context.moveTo(first.x, first.y);
    for (let i = 1; i < points.length - 1; i++) {
      const [point, next] = [points[i], points[i + 1]];
      context.quadraticCurveTo(point.x, point.y, (point.x + next.x) / 2, (point.y + next.y) / 2);
    }
    context.lineTo(last.x, last.y);
    context.stroke();
    if (scale >= READABLE) arrow(context, points.at(-2), last);
  }
}

function arrow(context, before, { x, y }) {
  const angle = Math.atan2(y - before.y, x - before.x);
  context.beginPath();
  context.moveTo(x, y);
  for (const side of [0.45, -0.45]) {
    context.lineTo(x - 8 * Math.cos(angle + side), y - 8 * Math.sin(angle + side));
  }
  context.fill();
}

function drawBox(context, box, isSelected, colours, isReadable) {
  const { mark, tone, word } = lookOf(box.status);
  const [left, top] = [box.x - WIDTH / 2, box.y - HEIGHT / 2];
  if (box.size > 1) {
    for (const step of [6, 3]) {
      card(context, left + step, top - step, colours.surface, colours.strong);
    }
  }
  const edge = isSelected || box.root ? colours.accent : colours.strong;
  context.lineWidth = isSelected ? 3 : box.root ? 2 : 1;
  card(context, left, top, isReadable ? colours.surface : colours[tone], edge);
  if (!isReadable) return;
  context.fillStyle = colours[tone];
  context.beginPath();
  context.roundRect(left + 5, top + 6, 4, HEIGHT - 12, 2);
  context.fill();
  context.textBaseline = "middle";
  context.font = "600 12.5px system-ui, sans-serif";
  context.fillStyle = colours.text;
  context.fillText(short(plain(box.name), 22), left + 17, top + 15, WIDTH - 24);
  context.font = "11px system-ui, sans-serif";
  context.fillStyle = colours[tone];
  context.fillText(`${mark} ${word}`, left + 17, top + 30);
  context.fillStyle = colours.muted;
  context.textAlign = "right";
  context.fillText(
    box.size > 1 ? `× ${count(box.size)}` : short(placeOf(box), 12),
    left + WIDTH - 9,
    top + 30,
    96,
  );
  context.textAlign = "left";
}

/** Its id, or where it is when it is of another queue. */
function placeOf({ id, queue }) {
  return queue === undefined ? id : `in ${plain(queue)}`;
}

function card(context, left, top, fill, edge) {
  context.fillStyle = fill;
  context.strokeStyle = edge;
  context.beginPath();
  context.roundRect(left, top, WIDTH, HEIGHT, 8);
  context.fill();
  context.stroke();
}
