/** {@linkcode ASSETS}: the files of the page. They are text of this program, so a binary has them. */
import app from "./page/app.js" with { type: "text" };
import page from "./page/index.html" with { type: "text" };

/** A file of the page. */
export interface Asset {
  /** What is in it. */
  readonly text: string;
  /** Its MIME type. */
  readonly type: string;
}

/** The page itself; `{{token}}` stands for what the page sends with an action. */
export const PAGE: string = page;

/** What the page loads, by its name under `assets/`. */
export const ASSETS: Readonly<Record<string, Asset>> = {
  "app.js": { text: app, type: "text/javascript; charset=utf-8" },
};
