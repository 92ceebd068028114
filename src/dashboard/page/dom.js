/** Elements without HTML: what comes from a queue is text, whatever is in it. */
import { plain } from "./format.js";

/** An element with properties, and children that are elements or texts. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key === "class") element.className = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== null));
  return element;
}

/** A name in a line: marks in it are told, not obeyed, and all of it is told on hover. */
export function data(text, tag = "bdi") {
  const told = plain(text);
  const title = told.length > 24 ? told.slice(0, 2_000) : undefined;
  return el(tag, { class: "data", title }, told);
}

/** Sets a text only if it is another one, so that what is selected stays so. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A section with a heading. */
export function section(title, ...children) {
  return el("section", { class: "card" }, el("h2", {}, title), ...children);
}

/** What is said where there is nothing, with the command that would change it. */
export function empty(text, command) {
  return el("p", { class: "empty" }, text, command && el("code", {}, command));
}
