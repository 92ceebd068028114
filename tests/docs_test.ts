/** What the pages say is there: every name of WorQ (Python), the tests named as proof, the links. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";

const ROOT = new URL("../", import.meta.url);
const PAGE = "docs/from-python.md";

/** Every name in the API documentation of WorQ (Python), by module. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  "worq": [
    "get_broker",
    "get_broker(url)",
    "get_broker(name='default')",
    "get_broker(*args, **kw)",
    "get_queue",
    "get_queue(url)",
    "get_queue(name='default')",
    "get_queue(target='')",
    "get_queue(**options)",
    "TaskSpace",
    "TaskSpace(name='')",
    "TaskSpace.task",
  ],
  "worq.task": [
    "Deferred",
    "Deferred(broker)",
    "Deferred(task)",
    "Deferred.value",
    "Deferred.wait",
    "Deferred.wait(timeout)",
    "Deferred.id",
    "Deferred.status",
    "repr(deferred)",
    "Queue",
    "Queue(broker)",
    "Queue(target='')",
    "Queue(**options)",
    "queue.foo.bar",
    "queue.foo(1, key=None)",
    "queue == other",
    "len(queue)",
    "del queue[:]",
    "repr(queue)",
    "Task",
    "Task(queue)",
    "Task(id=None)",
    "Task(on_error='fail')",
    "Task.PASS",
    "Task(ignore_result=False)",
    "Task(result_timeout=3600)",
    "Task(heartrate=30)",
    "TaskFailure",
    "TaskFailure(task name, queue name, task id, error text)",
    "TaskExpired",
    "DuplicateTask",
  ],
  "worq.core": [
    "Broker",
    "Broker(taskqueue)",
    "Broker.deserialize(message, task_id=None)",
    "Broker.expose(obj)",
    "Broker.expose(replace=False)",
    "Broker.next_task(timeout=None)",
    "Broker.pop_result(task, timeout=0)",
    "Broker.serialize(obj, deferred=False)",
    "AbstractTaskQueue",
    "AbstractTaskQueue(url)",
    "AbstractTaskQueue(name='default')",
    "AbstractTaskQueue.defer_task(result, message, args)",
    "AbstractTaskQueue.discard_result(task_id, task_expired_token)",
    "AbstractTaskQueue.enqueue_task(result, message)",
    "AbstractTaskQueue.get(timeout=None)",
    "AbstractTaskQueue.get_arguments(task_id)",
    "AbstractTaskQueue.get_status(task_id)",
    "AbstractTaskQueue.pop_result(task_id, timeout)",
    "AbstractTaskQueue.reserve_argument(argument_id, deferred_id)",
    "AbstractTaskQueue.set_argument(task_id, argument_id, message)",
    "AbstractTaskQueue.set_result(task_id, message, timeout)",
  ],
  "worq.const": ["ENQUEUED", "PROCESSING", "COMPLETED", "RESERVED", "TASK_EXPIRED"],
  "worq.pool.process": [
    "PopenProcess",
    "PopenProcess(proc)",
    "WorkerPool",
    "WorkerPool(broker)",
    "WorkerPool(init_func)",
    "WorkerPool(init_args=())",
    "WorkerPool(init_kwargs=None)",
    "WorkerPool(workers=None)",
    "WorkerPool(max_worker_tasks=None)",
    "WorkerPool(name=None)",
    "WorkerPool.start",
    "WorkerPool.start(timeout=10)",
    "WorkerPool.start(handle_sigterm=True)",
    "WorkerPool.stop",
    "run_in_subprocess(_func, *args, **kw)",
  ],
  "worq.pool.thread": [
    "WorkerPool",
    "WorkerPool(broker)",
    "WorkerPool(workers=1)",
    "WorkerPool(thread_factory=threading.Thread)",
    "WorkerPool.start",
    "WorkerPool.start(timeout=1)",
    "WorkerPool.stop",
    "WorkerPool.stop(use_sentinel=False)",
    "WorkerPool.stop(join=True)",
  ],
  "worq.queue.memory": ["TaskQueue", "TaskQueue(*args, **kw)"],
  "worq.queue.redis": [
    "TaskQueue",
    "TaskQueue(url)",
    "TaskQueue(name='default')",
    "TaskQueue(initial_result_timeout=60)",
    "TaskQueue(redis_factory=redis.client.StrictRedis)",
  ],
  "worq.tests": [
    "test_core",
    "test_examples",
    "test_examples.example",
    "test_task",
    "util.TimeoutLock(locked=False)",
    "util.assert_raises",
    "util.eq_",
    "util.eventually",
    "util.thread_worker(broker, lock=None)",
    "util.WAIT",
    "WORQ_TEST_REDIS_URL",
  ],
};

const SUITE = "src/testing/task_queue_suite.ts";
/** How tests are declared; templates in a name stand for any text. */
const DECLARED = /\b(?:Deno\.test\(|testOnAll\(|testWorkers\(|testOn\(\s*[^,]+,)\s*(["`])(.+?)\1,/g;
const DECLARED_IN_SUITE = /^ {2}\[(["`])(.+?)\1, async/gm;

/** A test that a page names, as the text of a link to its file. */
const REFERENCE = /\[((?:tests|src\/testing)\/\w+\.ts): ([^\]]+)\]\(([^)]*)\)/g;
const START_OF_REFERENCE = /\b(?:tests|src\/testing)\/\w+\.ts: /g;

interface Row {
  readonly name: string;
  readonly here: string;
  readonly test: string;
}

const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

/** The tables of the page, by the heading before each. */
function tablesOf(page: string): Map<string, Row[]> {
  const sections = page.split(/^## /m).slice(1);
  return new Map(sections.map((section) => [section.split("\n", 1)[0]!, rowsOf(section)]));
}

function rowsOf(section: string): Row[] {
  return section.split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => {
      const [, name = "", here = "", test = ""] = line.split(/(?<!\\)\|/);
      return { name: name.trim().replaceAll("`", ""), here: here.trim(), test: test.trim() };
    });
}

const declared = new Map<string, RegExp[]>();

/** Whether `file` declares a test called `name`. */
function declares(file: string, name: string): boolean {
  const known = declared.get(file) ?? namesIn(file);
  declared.set(file, known);
  return known.some((pattern) => pattern.test(name));
}

function namesIn(file: string): RegExp[] {
  if (!existsSync(new URL(file, ROOT))) return [];
  const declarations = read(file).matchAll(file === SUITE ? DECLARED_IN_SUITE : DECLARED);
  return [...declarations].map(([, quote, name]) => {
    const parts = quote === "`" ? name!.split(/\$\{[^}]*\}/) : [name!];
    const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    // The suite's names follow that of the backend, some of them after a blank.
    return new RegExp(`^${parts.map(literal).join("\\w+").trim()}$`);
  });
}

/** Paths that a page links to, as they are written. Code is not looked at. */
function linksIn(page: string): string[] {
  const text = page.replace(/^```.*?^```/gms, "").replace(/`[^`\n]*`/g, "");
  const inline = [...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s[^)]*)?\)/g)];
  const definitions = [...text.matchAll(/^ {0,3}\[[^\]]+\]:\s*<?([^\s>]+)/gm)];
  return [...inline, ...definitions]
    .map(([, target]) => target!)
    .filter((target) => !/^([a-z][a-z\d+.-]*:|\/\/|#)/i.test(target));
}

Deno.test("docs/from-python.md has every name of the Python API, in the table of its module", () => {
  const tables = tablesOf(read(PAGE));
  for (const [module, names] of Object.entries(NAMES)) {
    const rows = tables.get(module)?.map(({ name }) => name) ?? [];
    deepStrictEqual(names.filter((name) => !rows.includes(name)), [], `missing in ${module}`);
    deepStrictEqual(rows.filter((name) => !names.includes(name)), [], `unknown in ${module}`);
  }
});

Deno.test("docs/from-python.md names a test for all that is neither gone nor missing", () => {
  const rows = [...tablesOf(read(PAGE)).values()].flat();
  const left = rows.filter(({ here }) => /^(gone|not yet): ./.test(here));
  const bare = rows.filter((row) => !left.includes(row) && !row.test.match(REFERENCE));
  deepStrictEqual(bare.map(({ name }) => name), []);
});

Deno.test("every test that docs/from-python.md names is declared in its file", () => {
  const page = read(PAGE);
  const references = [...page.matchAll(REFERENCE)];
  // Otherwise one is written in a way that this test does not see.
  deepStrictEqual(references.length, [...page.matchAll(START_OF_REFERENCE)].length);
  ok(references.length > 0);
  const wrong = references
    .filter(([, file, name, target]) => target !== `../${file}` || !declares(file!, name!))
    .map(([text]) => text);
  deepStrictEqual(wrong, []);
});

Deno.test("every source file that docs/from-python.md names exists", () => {
  const paths = [...read(PAGE).matchAll(/\b(?:examples|src|tests)\/[\w/]+\.\w+/g)];
  const missing = paths.map(([path]) => path).filter((path) => !existsSync(new URL(path, ROOT)));
  deepStrictEqual(missing, []);
});

Deno.test("relative links in README.md and docs/ lead to files", () => {
  const pages = readdirSync(new URL("docs/", ROOT))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`);
  if (existsSync(new URL("README.md", ROOT))) pages.push("README.md");
  const dead = pages.flatMap((page) =>
    linksIn(read(page))
      .filter((target) => !existsSync(new URL(target.replace(/#.*$/, ""), new URL(page, ROOT))))
      .map((target) => `${page}: ${target}`)
  );
  deepStrictEqual(dead, []);
});
