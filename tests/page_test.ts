/**
 * The page of the dashboard in a real browser, before a server with made-up data: each view, each
 * action, light and dark, narrow and wide, by keyboard, and what a checker of accessibility says.
 *
 * `WORQ_PICTURES=1` writes the pictures of the documentation, docs/dashboard*.png.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { statSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { isDeno } from "../src/runtime.ts";
import { CHROMIUM, openChromium } from "./support/chromium.ts";
import { idOf } from "./support/dashboard_data.ts";
import { DashboardStub, HOSTILE_QUEUE, HOSTILE_QUEUES } from "./support/dashboard_stub.ts";
import { eventually } from "./support/eventually.ts";

const [NARROW, WIDE] = [{ width: 360, height: 740 }, { width: 1_600, height: 900 }];
/** Milliseconds of a layout and of a frame, and bytes of a picture. */
const LIMITS = { picture: 150_000, layout: 1_000, frame: 16 };
const TASK = `#/task/mail/${idOf(4)}`;
const DEAD_TASK = `#/task/mail/${idOf(9)}`;
const HOSTILE_PATH = encodeURIComponent(HOSTILE_QUEUE);

interface Tools {
  readonly stub: DashboardStub;
  /** Opens a page at a hash; what its console says, or its policy refuses, fails the test. */
  open(hash: string, options?: Parameters<Browser["newPage"]>[0]): Promise<Page>;
}

/** One for all tests: to start it takes longer than most of them. Each page has its own storage. */
let browser: Browser | undefined;
if (isDeno) Deno.test.afterAll(() => browser?.close());

function testPage(name: string, body: (tools: Tools) => Promise<void>): void {
  if (CHROMIUM === undefined) console.log(`not run, there is no chromium: ${name}`);
  Deno.test({
    name,
    ignore: CHROMIUM === undefined || !isDeno,
    // The browser outlives the test, and playwright keeps pipes and timers for it.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      await using stub = await DashboardStub.start();
      browser ??= await openChromium();
      const pages: Page[] = [];
      const said: string[] = [];
      const open: Tools["open"] = async (hash, options = { viewport: WIDE }) => {
        const page = await browser!.newPage(options);
        pages.push(page);
        page.on("console", (message) => {
          // The browser tells of answers of 404 and lost connections, which some tests want.
          if (message.location().url.includes("/api/")) return;
          said.push(`${message.type()}: ${message.text()}`);
        });
        page.on("pageerror", (error) => said.push(error.stack ?? error.message));
        await page.goto(stub.url + hash);
        await page.locator("#live.on").waitFor();
        return page;
      };
      try {
        await body({ stub, open });
      } finally {
        for (const page of pages) await page.close();
      }
      deepStrictEqual(said, []);
    },
  });
}

/** What axe finds that is serious or critical, in a line for each. */
async function findings(page: Page): Promise<string[]> {
  // As the debugger does, past the page's policy.
  if (!await page.evaluate("'axe' in globalThis")) await page.evaluate(axe.source);
  const found = await page.evaluate(
    `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ": " + html.slice(0, 200) + failureSummary)))`,
  );
  return found as string[];
}

async function overflow(page: Page): Promise<number> {
  return await page.evaluate(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  ) as number;
}

const VIEWS = {
  overview: { hash: "#/", shows: ".spark" },
  queue: { hash: "#/queue/mail", shows: "tbody a" },
  task: { hash: TASK, shows: "[data-took]" },
  "dead task": { hash: DEAD_TASK, shows: "pre.bad" },
  "hostile overview": { hash: "#/", shows: "tbody a" },
  "hostile queue": { hash: `#/queue/${HOSTILE_PATH}`, shows: "tbody .two" },
  "hostile task": { hash: `#/task/${HOSTILE_PATH}/${idOf(9)}`, shows: "pre.bad" },
  nowhere: { hash: "#/else", shows: ".empty" },
};

// Pages are opened for one scheme and width, and each is turned to the other scheme.
for (
  const [first, second, viewport] of [["light", "dark", NARROW], ["dark", "light", WIDE]] as const
) {
  for (const [name, { hash, shows }] of Object.entries(VIEWS)) {
    const title = `the page, ${viewport.width} wide: ${name} neither overflows nor hinders`;
    testPage(title, async ({ stub, open }) => {
      if (name.startsWith("hostile")) stub.queues = HOSTILE_QUEUES;
      const page = await open(hash, { viewport, colorScheme: first });
      await page.locator(shows).first().waitFor({ state: "attached" });
      stub.tellPast();
      for (const colorScheme of [first, second]) {
        await page.emulateMedia({ colorScheme });
        strictEqual(await overflow(page), 0, colorScheme);
        deepStrictEqual(await findings(page), [], colorScheme);
      }
      strictEqual(await page.evaluate("globalThis.hit"), undefined);
    });
  }
}

testPage("the page shows queues and pools, and keeps up with them", async ({ stub, open }) => {
  const page = await open("#/");
  const row = page.locator("tbody tr", { hasText: "images" }).first();
  const before = await row.innerText();
  stub.tell();
  await eventually(() => row.innerText(), (text) => text !== before);
  match(await page.locator(".tiles").innerText(), /Ready\s+1,\d{3}/);
  strictEqual(await page.locator(".plot canvas").count(), 3);
  await page.getByRole("button", { name: "pool-2f6c81aa" }).click();
  match(await page.locator("tr.detail:not([hidden])").innerText(), /mail-8\s+ready\s+/);
  stub.tell();
  await page.getByRole("link", { name: "mail.send" }).first().click();
  await page.locator("h1", { hasText: "mail.digest" }).waitFor();
});

testPage("the page tells that the connection is lost, and comes back", async ({ stub, open }) => {
  const page = await open("#/");
  stub.hangUp();
  await page.locator("#live.lost").waitFor();
  match(await page.locator("#notice").innerText(), /connection is lost/);
  stub.comeBack();
  await page.locator("#live.on").waitFor();
  strictEqual(await page.locator("#notice").isVisible(), false);
});

testPage("the page says what to do where there is nothing", async ({ stub, open }) => {
  stub.queues = [];
  const page = await open("#/");
  match(await page.locator("main").innerText(), /no queue yet.*worq run/s);
  stub.queues = ["mail"];
  stub.graph = "alone";
  await page.goto(`${stub.url}#/queue/mail?place=running`);
  await page.getByText("No task runs now.").waitFor();
  await page.goto(`${stub.url}${TASK}`);
  await page.getByText("It takes no results").waitFor();
  await page.goto(`${stub.url}#/task/mail/gone`);
  await page.getByText("does not know this task").waitFor();
});

testPage("the page acts on a queue and on tasks, after a question", async ({ stub, open }) => {
  const page = await open("#/queue/mail?place=dead");
  const done = async (button: string, yes: string) => {
    const before = stub.actions.length;
    await page.getByRole("button", { name: button, exact: true }).click();
    // The answer that changes nothing has the focus.
    await page.keyboard.press("Enter");
    await page.locator("dialog").waitFor({ state: "detached" });
    strictEqual(stub.actions.length, before);
    await page.getByRole("button", { name: button, exact: true }).click();
    await page.locator("dialog").getByRole("button", { name: yes }).click();
    return await eventually(
      () => Promise.resolve(stub.actions[before]),
      (one) => one !== undefined,
    );
  };
  deepStrictEqual(await done("Pause…", "Pause"), { action: "pause", queue: "mail" });
  deepStrictEqual(await done("Clear…", "Clear"), { action: "clear", queue: "mail" });
  const choose = async () => {
    await page.getByLabel(`Choose mail.send ${idOf(0)}`).check();
    await page.getByLabel(`Choose mail.digest ${idOf(1)}`).check();
  };
  const ids = [idOf(0), idOf(1)];
  await choose();
  deepStrictEqual(await done("Run again…", "Run again"), { action: "redrive", queue: "mail", ids });
  await page.getByText("Enqueued 2 tasks again.").waitFor();
  await choose();
  deepStrictEqual(await done("Discard…", "Discard"), { action: "discard", queue: "mail", ids });
  await page.goto(`${stub.url}#/queue/reports`);
  deepStrictEqual(await done("Resume…", "Resume"), { action: "resume", queue: "reports" });
  await page.goto(stub.url + TASK);
  deepStrictEqual(await done("Cancel…", "Cancel"), {
    action: "cancel",
    queue: "mail",
    ids: [idOf(4)],
  });
  await page.getByText("Cancelled 1 task.").waitFor();
});

testPage("the page has no actions when the server allows none", async ({ stub, open }) => {
  stub.readOnly = true;
  for (const hash of ["#/queue/mail", TASK, DEAD_TASK]) {
    const page = await open(hash);
    await page.locator("tbody a, .timeline li").first().waitFor();
    const buttons = await page.getByRole("button", { name: /…$/ }).count();
    strictEqual(buttons + await page.getByRole("checkbox").count(), 0, hash);
    await page.close();
  }
});

testPage("the page finds tasks by name and by id, page by page", async ({ open }) => {
  const page = await open("#/queue/mail");
  await page.getByText("1–50 of 120").waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("51–100 of 120").waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.getByText("101–120 of 120").waitFor();
  strictEqual(await page.getByRole("button", { name: "Next" }).isVisible(), false);
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByText("51–100 of 120").waitFor();
  await page.locator("#search").fill("digest");
  await page.getByText("30 hits, 120 tasks looked at").waitFor();
  match(page.url(), /name=digest/);
  await page.locator("#search").fill("nothing has this");
  await page.getByText("No task here has this in its name").waitFor();
  await page.locator("#search").fill(idOf(7));
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "mail.digest" }).waitFor();
});

testPage("the page works by keyboard", async ({ open }) => {
  const page = await open("#/");
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.locator("tbody a").first().focus();
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "mail" }).waitFor();
  await page.keyboard.press("/");
  strictEqual(await page.evaluate("document.activeElement.id"), "search");
  await page.keyboard.press("Escape");
  await page.getByRole("tab", { selected: true }).focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("tab", { name: /Dead/, selected: true }).waitFor();
  await page.getByText("550 no such mailbox").first().waitFor();
  await page.keyboard.press("Escape");
  await page.locator("h1", { hasText: "Overview" }).waitFor({ state: "attached" });
  strictEqual(await page.evaluate("location.hash"), "#/");
});

testPage("the page keeps the theme that was chosen", async ({ open }) => {
  const page = await open("#/");
  const background = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const light = await background();
  await page.locator("#theme").click();
  await page.locator("#theme").click();
  const dark = await background();
  ok(light !== dark);
  await page.reload();
  strictEqual(await background(), dark);
});

testPage(
  "the graph: arrows select, Enter opens, and it leads on to other tasks",
  async ({ open }) => {
    const page = await open(TASK);
    await page.locator("[data-boxes='9']").waitFor();
    await page.getByText("9 tasks", { exact: true }).waitFor();
    const canvas = page.locator(".graph canvas");
    await canvas.focus();
    await page.keyboard.press("ArrowLeft");
    await page.getByText("template.compile, success").waitFor({ state: "attached" });
    for (const key of ["+", "-", "Shift+ArrowUp", "0"]) await page.keyboard.press(key);
    await page.keyboard.press("Enter");
    await page.getByText("does not know this task").waitFor();
    match(page.url(), /#\/task\/mail\/tpl$/);
  },
);

testPage("the graph leads to tasks of other queues", async ({ stub, open }) => {
  stub.graph = "across";
  const page = await open(TASK);
  await page.locator("[data-boxes='2']").waitFor();
  await page.locator(".graph canvas").focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByText("chart.render of queue images, success").waitFor({ state: "attached" });
  await page.keyboard.press("Enter");
  await page.getByText("does not know this task").waitFor();
  match(page.url(), /#\/task\/images\/far$/);
});

testPage(
  "the graph of 10,000 tasks costs little to lay out, to open, and to move",
  async (tools) => {
    tools.stub.graph = "large";
    const page = await tools.open(TASK);
    const card = page.locator("[data-boxes]");
    await card.waitFor();
    const boxes = async () => Number(await card.getAttribute("data-boxes"));
    ok(await boxes() < 30);
    await page.locator(".graph canvas").focus();
    const spent = await meter(page);
    for (let i = 0; i < 4; i++) {
      const before = await boxes();
      await page.keyboard.press("ArrowLeft");
      await page.keyboard.press("Enter");
      await eventually(boxes, (now) => now > before);
    }
    const each = await spent() / 4;
    ok(each < LIMITS.layout, `${each} ms for a layout`);
    const before = await spent();
    await page.evaluate(PAN);
    const frame = (await spent() - before) / 60;
    ok(frame < LIMITS.frame, `${frame} ms for a frame`);
  },
);

/** Milliseconds of processor time of the page's thread from now on: what else runs does not count. */
async function meter(page: Page): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const total = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1_000 * metrics.find(({ name }) => name === "TaskDuration")!.value;
  };
  const start = await total();
  return async () => await total() - start;
}

/** Drags the graph for 60 frames. */
const PAN = `new Promise((resolve) => {
  const canvas = document.querySelector(".graph canvas");
  const point = (type, x) => canvas.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, clientX: x, clientY: 300, bubbles: true,
  }));
  canvas.setPointerCapture = () => {};
  let frames = 0;
  point("pointerdown", 600);
  function step() {
    point("pointermove", 600 + 5 * ++frames);
    if (frames < 60) return requestAnimationFrame(step);
    point("pointerup", 0);
    resolve();
  }
  requestAnimationFrame(step);
})`;

if (process.env.WORQ_PICTURES) {
  testPage("the pictures of the documentation", async ({ stub, open }) => {
    const take = async (page: Page, name: string) => {
      const path = fileURLToPath(new URL(`../docs/${name}`, import.meta.url));
      await page.screenshot({ path, animations: "disabled", fullPage: true });
      ok(statSync(path).size < LIMITS.picture);
      await page.close();
    };
    const overview = await open("#/", { viewport: { width: 1_280, height: 760 } });
    stub.tellPast();
    await overview.locator(".plot canvas").first().waitFor();
    await overview.waitForFunction("document.querySelector('.key b').textContent !== '–'");
    await take(overview, "dashboard.png");
    const task = await open(TASK, { viewport: { width: 1_280, height: 900 }, colorScheme: "dark" });
    await task.locator("[data-boxes='9']").waitFor();
    await task.evaluate(
      "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
    );
    await take(task, "dashboard-graph.png");
  });
}
