/** Figures for Prometheus: the text can be parsed, and what is made of it exists. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { getBroker, InlineWorkerPool, metricsText, type PoolCard } from "@worq/worq";
import { parse } from "yaml";
import { TALLY_BOUNDS } from "../src/cards.ts";
import { eventually } from "./support/eventually.ts";

const LINE =
  /^([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/** Every sample by its name and labels; fails for a line that is none. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  let typed = "";
  for (const line of text.trimEnd().split("\n")) {
    const type = /^# TYPE (\S+) (gauge|counter|histogram)$/.exec(line);
    if (type !== null) typed = type[1]!;
    if (line.startsWith("# ")) continue;
    const [, name, labels, value] = LINE.exec(line) ?? [];
    ok(name?.startsWith(typed), line);
    ok(!found.has(`${name} ${labels}`), `twice: ${line}`);
    found.set(`${name} ${labels}`, Number(value));
  }
  return found;
}

async function figures(): Promise<string> {
  const name = 'a "queue"\\ of\nmine';
  await using broker = getBroker("memory://metrics", "odd").expose({
    twice: (n: number) => 2 * n,
    fails() {
      throw new Error("no");
    },
  });
  await using pool = new InlineWorkerPool(broker).start();
  const q = broker.queue();
  await (await q.twice(1)).result();
  await (await q.fails()).wait();
  await eventually(() => pool.cards.get("odd"), (card) => card?.tallies.fails?.failed === 1);
  await broker.discard();
  const pools = [...pool.cards.values()];
  const stats = await broker.taskQueue.stats();
  return metricsText([
    { queue: name, stats, pools },
    { queue: "away", stats: undefined, pools: [] },
  ]);
}

Deno.test("figures have the format of Prometheus, whatever queues are called", async () => {
  const found = samples(await figures());
  const labels = 'queue="a \\"queue\\"\\\\ of\\nmine",task="twice"';
  strictEqual(found.get(`worq_attempts_total ${labels},outcome="success"`), 1);
  strictEqual(
    found.get(`worq_attempts_total ${labels.replace("twice", "fails")},outcome="failed"`),
    1,
  );
  strictEqual(found.get(`worq_attempt_duration_seconds_count ${labels}`), 1);
  strictEqual(found.get(`worq_attempt_duration_seconds_bucket ${labels},le="+Inf"`), 1);
  strictEqual(found.get('worq_queue_up queue="away"'), 0);
  strictEqual([...found.keys()].some((key) => /^worq_tasks queue="away"/.test(key)), false);
});

Deno.test("the buckets of a histogram add up, and pools of a queue are one", () => {
  const times = TALLY_BOUNDS.map(() => 1).concat(2);
  const tally = { success: 3, failed: 1, retry: 0, lost: 0, time: 1_500, times };
  const card = (id: string) =>
    ({
      id,
      kind: "inline",
      places: 1,
      running: 0,
      memory: 1,
      workers: [],
      tallies: { t: tally },
    }) as unknown as PoolCard;
  const found = samples(
    metricsText([{ queue: "q", stats: undefined, pools: [card("a"), card("b")] }]),
  );
  const of = (name: string, more = "") =>
    found.get(`worq_attempt_duration_seconds_${name} queue="q",task="t"${more}`);
  deepStrictEqual([of("sum"), of("count")], [3, 2 * (TALLY_BOUNDS.length + 2)]);
  deepStrictEqual([of("bucket", ',le="0.001"'), of("bucket", ',le="0.002"')], [2, 4]);
  strictEqual(found.get('worq_attempts_total queue="q",task="t",outcome="success"'), 6);
});

Deno.test("the dashboard and the alerts ask for figures and labels that there are", async () => {
  const text = await figures();
  const names = new Set([...samples(text).keys()].map((key) => key.split(" ")[0]));
  const labels = new Set(text.match(/[a-z]+(?==")/g));
  const read = (file: string) =>
    readFileSync(new URL(`../docs/prometheus/${file}`, import.meta.url), "utf8");
  const { groups } = parse(read("alerts.yml"));
  const { panels } = JSON.parse(read("grafana.json"));
  const expressions: string[] = [
    ...groups.flatMap((group: { rules: { expr: string }[] }) =>
      group.rules.map(({ expr }) => expr)
    ),
    ...panels.flatMap((panel: { targets: { expr: string }[] }) =>
      panel.targets.map(({ expr }) => expr)
    ),
  ];
  ok(expressions.length > 12);
  for (const expression of expressions) {
    const asked = expression.match(/worq_[a-z_]+/g);
    ok(asked, expression);
    for (const name of asked) ok(names.has(name), `${name} in ${expression}`);
    const by = [...expression.matchAll(/by \(([^)]+)\)|on \(([^)]+)\)/g)];
    const used = by.flatMap(([, list, other]) => (list ?? other)!.split(", "));
    const matched = expression.match(/[a-z]+(?==~?"|!=")/g) ?? [];
    for (const label of [...used, ...matched]) ok(labels.has(label), `${label} in ${expression}`);
  }
  match(text, /^# TYPE worq_attempt_duration_seconds histogram$/m);
});
