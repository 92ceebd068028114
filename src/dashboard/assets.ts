/** {@linkcode ASSETS}: the page's files as text in the program, so that a binary has them too. */
import dagreScript from "@dagrejs/dagre" with { type: "text" };
import uplotScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import uplotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import page from "./page/index.html" with { type: "text" };
import actionsScript from "./page/actions.js" with { type: "text" };
import apiScript from "./page/api.js" with { type: "text" };
import appScript from "./page/app.js" with { type: "text" };
import chartsScript from "./page/charts.js" with { type: "text" };
import dialogsScript from "./page/dialogs.js" with { type: "text" };
import domScript from "./page/dom.js" with { type: "text" };
import eventsScript from "./page/events.js" with { type: "text" };
import formatScript from "./page/format.js" with { type: "text" };
import graphScript from "./page/graph.js" with { type: "text" };
import graphCanvasScript from "./page/graph_canvas.js" with { type: "text" };
import graphLayoutScript from "./page/graph_layout.js" with { type: "text" };
import graphModelScript from "./page/graph_model.js" with { type: "text" };
import overviewScript from "./page/overview.js" with { type: "text" };
import poolsScript from "./page/pools.js" with { type: "text" };
import queueScript from "./page/queue.js" with { type: "text" };
import queueTilesScript from "./page/queue_tiles.js" with { type: "text" };
import routerScript from "./page/router.js" with { type: "text" };
import sparkScript from "./page/spark.js" with { type: "text" };
import statusScript from "./page/status.js" with { type: "text" };
import styleStyle from "./page/style.css" with { type: "text" };
import tableScript from "./page/table.js" with { type: "text" };
import taskScript from "./page/task.js" with { type: "text" };
import tasksScript from "./page/tasks.js" with { type: "text" };
import themeScript from "./page/theme.js" with { type: "text" };
import themeSwitchScript from "./page/theme_switch.js" with { type: "text" };
import tilesScript from "./page/tiles.js" with { type: "text" };
import timelineScript from "./page/timeline.js" with { type: "text" };

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
  "dagre.js": script(dagreScript),
  "uplot.css": style(uplotStyle),
  "uplot.js": script(uplotScript),
  "actions.js": script(actionsScript),
  "api.js": script(apiScript),
  "app.js": script(appScript),
  "charts.js": script(chartsScript),
  "dialogs.js": script(dialogsScript),
  "dom.js": script(domScript),
  "events.js": script(eventsScript),
  "format.js": script(formatScript),
  "graph.js": script(graphScript),
  "graph_canvas.js": script(graphCanvasScript),
  "graph_layout.js": script(graphLayoutScript),
  "graph_model.js": script(graphModelScript),
  "overview.js": script(overviewScript),
  "pools.js": script(poolsScript),
  "queue.js": script(queueScript),
  "queue_tiles.js": script(queueTilesScript),
  "router.js": script(routerScript),
  "spark.js": script(sparkScript),
  "status.js": script(statusScript),
  "style.css": style(styleStyle),
  "table.js": script(tableScript),
  "task.js": script(taskScript),
  "tasks.js": script(tasksScript),
  "theme.js": script(themeScript),
  "theme_switch.js": script(themeSwitchScript),
  "tiles.js": script(tilesScript),
  "timeline.js": script(timelineScript),
};

/** To the checker, a text import is what its file would be as a module. */
function script(text: unknown): Asset {
  return { text: text as string, type: "text/javascript; charset=utf-8" };
}

function style(text: unknown): Asset {
  return { text: text as string, type: "text/css; charset=utf-8" };
}
