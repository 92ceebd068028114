/** Made-up queues, pools, tasks and graphs for the page of the dashboard. */

/** What breaks pages: markup, marks that turn the direction of a line, and lengths. */
export const HOSTILE = {
  markup: `<img src=x onerror="globalThis.hit=1"><script>globalThis.hit=1</script>`,
  turned: "mail.\u202egnp.ecivoni\u202c",
  long: "shop.".repeat(1_000),
  path: `a/../%2e"'&#\`\${hit}`,
};

const COUNTS: readonly (readonly [string, number, number, number, number])[] = [
  ["mail", 1_204, 16, 3, 161],
  ["images", 87, 8, 0, 38],
  ["reports", 0, 2, 1, 0.4],
  ["billing.invoices", 12, 4, 0, 9],
];

/** A look at all queues, `i` looks after the first one. */
export function overviewOf(i: number, now: number, readOnly: boolean, names: readonly string[]) {
  const wave = (phase: number) =>
    1 + 0.22 * Math.sin(i / 9 + phase) + 0.08 * Math.sin(i * 1.7 + phase);
  const queues = names.map((name, n) => {
    const [, ready, running, dead, done] = COUNTS[n % COUNTS.length]!;
    return {
      name,
      stats: {
        pending: Math.round(0.4 * ready * wave(n + 2)),
        scheduled: Math.round(0.1 * ready),
        ready: Math.round(ready * wave(n + 1)),
        leased: running,
        idle: 0,
        unsettled: 0,
        dead,
        paused: name === "reports",
      },
      rates: {
        done: done * wave(n),
        failed: i % 23 < 3 ? done / 20 : 0,
        ...(done > 1 ? { p50: 41 * wave(n + 3), p99: 188 * wave(n + 4) } : {}),
      },
    };
  });
  return { now, readOnly, server: "redis://10.0.0.5:6379/0", queues, pools: poolsOf(now, names) };
}

function poolsOf(now: number, queues: readonly string[]) {
  const pool = {
    runtime: "deno 2.9.6",
    version: "0.1.0",
    started: now - 7_300_000,
    written: now,
    stopping: false,
    queues: queues.slice(0, 1),
    memory: 98_000_000,
    rates: { done: 120, failed: 0, p50: 40, p99: 180 },
  };
  const workers = Array.from({ length: 8 }, (_, i) => ({
    name: `mail-${i + 1}`,
    pid: 4_712 + i,
    state: "ready",
    tasks: [idOf(i), idOf(i + 8)],
    finished: 15_204 + 31 * i,
    memory: 52_000_000 + 900_000 * i,
  }));
  const tasks = Array.from(
    { length: 16 },
    (_, i) => ({
      id: idOf(i),
      name: NAMES[i % NAMES.length]!,
      queue: queues[0],
      since: now - 900 * i,
    }),
  );
  return [
    {
      ...pool,
      id: "pool-2f6c81aa",
      kind: "processes",
      host: "web-1",
      pid: 4_711,
      places: 16,
      running: 16,
      tasks,
      workers,
    },
    {
      ...pool,
      id: "pool-91d0c7e2",
      kind: "threads",
      host: "web-2",
      pid: 977,
      places: 8,
      running: 5,
      queues,
      tasks: [],
      workers: [],
    },
  ];
}

const NAMES = ["mail.send", "mail.digest", "mail.render", "newsletter.fan_out"];
const STATUS: Record<string, string> = {
  pending: "pending",
  scheduled: "pending",
  ready: "enqueued",
  running: "processing",
  dead: "failed",
};

export function idOf(i: number): string {
  return `5Zr2JmW9kq${String(i).padStart(4, "0")}`;
}

/** Names of the tasks in the lists of a queue. */
export function namesOf(queue: string): readonly string[] {
  return queue === HOSTILE.markup ? Object.values(HOSTILE) : NAMES;
}

export function tasksOf(queue: string, place: string, now: number, from: number, count: number) {
  const names = namesOf(queue);
  return Array.from({ length: count }, (_, n) => {
    const i = from + n;
    return {
      id: idOf(i),
      name: names[i % names.length]!,
      status: STATUS[place]!,
      args: queue === HOSTILE.markup
        ? Object.values(HOSTILE)[i % 4]!.slice(0, 200)
        : `[{ to: "user${1_000 + 7 * i}@example.org", template: "welcome" }]`,
      since: now - 1_700 * (i + 1),
      ...(place === "scheduled" ? { due: now + 60_000 * (i + 1) } : {}),
      ...(place === "dead" ? { error: "Error: 550 no such mailbox" } : {}),
    };
  });
}

/** A task: of the hostile queue, or one that failed twice and runs. */
export function taskOf(queue: string, id: string, now: number) {
  const isHostile = queue === HOSTILE.markup;
  const text = isHostile ? HOSTILE.markup : "Error: 421 try again later";
  const stack =
    `${text}\n    at send (file:///srv/mail/send.ts:41:11)\n    at async run (file:///srv/mail/tasks.ts:12:3)`;
  const failed = id.endsWith("9");
  return {
    id,
    name: isHostile ? HOSTILE.long : "mail.digest",
    queue,
    status: failed ? "failed" : "processing",
    args: isHostile
      ? Object.values(HOSTILE).join("\n")
      : `[\n  {\n    "to": "team@example.org",\n    "week": 47,\n    "password": "•••"\n  }\n]`,
    result: null,
    error: failed ? { text, stack } : null,
    attempts: [
      { kind: "failed", pool: "pool-2f6c81aa", started: now - 64_000, ended: now - 61_500, text },
      {
        kind: "lost",
        pool: "pool-91d0c7e2",
        started: now - 48_000,
        ended: now - 30_000,
        text: "worker mail-3 was killed by SIGKILL",
      },
    ],
    started: now - 12_000,
    ...(failed ? { ended: now - 8_000 } : {}),
    failures: 1,
    losses: 1,
    pool: "pool-2f6c81aa",
    needs: 3,
    refs: 1,
    why: failed
      ? { cause: "over", text: `is over: failed, ${text}` }
      : { cause: "running", text: "is with worker mail-4 since 12 s, attempt 3" },
    progress: failed
      ? null
      : { part: 0.62, text: isHostile ? HOSTILE.markup : "rendered 310 of 500", at: now - 400 },
    log: [
      { at: now - 11_800, text: "500 subscribers" },
      { at: now - 9_000, text: isHostile ? HOSTILE.turned : "template digest-47 is compiled" },
      { at: now - 1_000, text: "310 rendered, 2 skipped" },
    ],
    context: { tenant: "acme" },
  };
}

/** A graph with few tasks: lists are loaded, digests rendered from them and sent, then told. */
export function smallGraph(root: string) {
  const nodes = [
    { id: "load", name: "subscribers.load", status: "success" },
    { id: "tpl", name: "template.compile", status: "success" },
    { id: "stats", name: "stats.week", status: "success" },
    { id: root, name: "mail.digest", status: "processing", root: true },
    { id: "shot", name: "chart.render", status: "failed" },
    { id: "send", name: "mail.send", status: "pending" },
    { id: "arch", name: "archive.store", status: "pending" },
    { id: "ping", name: "chat.notify", status: "enqueued" },
    { id: "sum", name: "report.total", status: "pending" },
  ];
  const edges = [
    ["load", root],
    ["tpl", root],
    ["stats", root],
    ["stats", "shot"],
    ["shot", "arch"],
    [root, "send"],
    [root, "arch"],
    ["stats", "ping"],
    ["send", "sum"],
    ["arch", "sum"],
  ];
  return { nodes, edges, more: false };
}

/** A task that takes the result of one of another queue. */
export function acrossGraph(root: string) {
  const nodes = [
    { id: root, name: "mail.digest", status: "pending", root: true },
    { id: "images/far", name: "chart.render", status: "success", queue: "images", taskId: "far" },
  ];
  return { nodes, edges: [["images/far", root]], more: false };
}

/** As many tasks as a graph has at most: parts, each made from two others, and a sum. */
export function largeGraph(root: string, size = 10_000) {
  const names = ["pages.fetch", "pages.parse", "links.extract", "index.write"];
  const states = ["success", "success", "success", "processing", "enqueued", "failed", "pending"];
  const layer = Math.ceil((size - 1) / 4);
  const nodes: { id: string; name: string; status: string; root?: true }[] = [
    { id: root, name: "index.merge", status: "pending", root: true },
  ];
  const edges: [string, string][] = [];
  for (let i = 0; nodes.length < size; i++) {
    const level = Math.floor(i / layer);
    nodes.push({
      id: `n${i}`,
      name: names[level]!,
      status: states[(i * 31 + i % 5) % (3 + level)]!,
    });
    if (level > 0) {
      edges.push([`n${i - layer}`, `n${i}`], [
        `n${level * layer - layer + i * 13 % layer}`,
        `n${i}`,
      ]);
    }
    if (level === 3) edges.push([`n${i}`, root]);
  }
  return { nodes, edges, more: true };
}
