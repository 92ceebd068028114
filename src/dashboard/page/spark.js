/** A small line of what a queue did in the last minutes. */
import { el } from "./dom.js";
import { colour } from "./theme_switch.js";

const [WIDTH, HEIGHT] = [96, 22];

export function spark() {
  return el("canvas", { class: "spark", "aria-hidden": "true" });
}

export function drawSpark(canvas, values) {
  const scale = globalThis.devicePixelRatio || 1;
  if (canvas.width !== WIDTH * scale) {
    canvas.width = WIDTH * scale;
    canvas.height = HEIGHT * scale;
  }
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, WIDTH, HEIGHT);
  if (values.length < 2) return;
  const top = Math.max(...values, 1e-9);
  const step = WIDTH / (values.length - 1);
  context.beginPath();
  values.forEach((value, i) => context.lineTo(i * step, HEIGHT - 2 - value / top * (HEIGHT - 4)));
  context.strokeStyle = colour("success");
  context.lineWidth = 1.5;
  context.lineJoin = "round";
  context.stroke();
}
