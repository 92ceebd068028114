/** The button for light, dark, or as the system has it. */
const NEXT = { auto: "light", light: "dark", dark: "auto" };
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

export function themeSwitch(button) {
  const tell = () => {
    const now = root.dataset.theme;
    button.textContent = { auto: "◐", light: "☀", dark: "☾" }[now] ?? "◐";
    button.setAttribute("aria-label", `Theme: ${now}. Switch to ${NEXT[now] ?? "light"}`);
    button.title = `Theme: ${now}`;
  };
  button.addEventListener("click", () => {
    root.dataset.theme = NEXT[root.dataset.theme] ?? "light";
    try {
      localStorage.setItem("worq-theme", root.dataset.theme);
    } catch {
      // Not kept, then.
    }
    tell();
    dispatchEvent(new Event("worq-theme"));
  });
  system.addEventListener("change", () => dispatchEvent(new Event("worq-theme")));
  tell();
}

/** The colour behind a variable of style.css, for what is drawn on a canvas. */
export function colour(name) {
  return getComputedStyle(root).getPropertyValue(`--${name}`).trim();
}

/** Has `then` called when colours have changed; returns what ends that. */
export function onTheme(then) {
  addEventListener("worq-theme", then);
  return () => removeEventListener("worq-theme", then);
}
