/** From a URL to its backend: opens and lists queues. The only file that knows them all. */
import { Broker, type BrokerOptions } from "./broker.ts";
import type { TaskQueue } from "./task_queue.ts";
import { DEFAULT_MAX_PAYLOAD, Producer } from "./producer.ts";
import { aroundEnqueue, checkHooks } from "./hooks.ts";
import {
  type AnyTasks,
  type Contract,
  type Merge,
  type Queue,
  queueOf,
  type Schemas,
} from "./queue.ts";
import { schemasByName, type SchemaTree } from "./schema.ts";
import { memoryQueueNames, MemoryTaskQueue } from "./queues/memory.ts";
import { durabilityOf } from "./queues/redis_durable.ts";
import { type RedisQueueOptions, RedisTaskQueue } from "./queues/redis.ts";
import { redisQueueNames } from "./queues/redis_names.ts";
import { isRedisUrl, parseRedisUrl, REDIS_FORMS } from "./queues/redis_url.ts";
import { checkDefaults, type DefaultTaskOptions } from "./task.ts";
import { checkMilliseconds, LONGEST_TIMER } from "./wait.ts";

/** How to reach a queue: its limits, and for `redis://` its connection. */
export interface ConnectOptions extends Omit<BrokerOptions, "url">, RedisQueueOptions {}

/** How to reach a queue, and the default options of its tasks. */
export interface QueueOptions<Path extends string = "", S = AnyTasks>
  extends ConnectOptions, DefaultTaskOptions {
  /** Name of the queue. @default {"default"} */
  name?: string;
  /** Path that the queue starts at: a space, or a task in it. The root when omitted. */
  target?: Path;
  /**
   * Schemas of the arguments of tasks, by names from the root, as in `{ shop: { pay: schema } }`, of
   * any library that implements Standard Schema. Calls are checked as by the option `args` of
   * `task()`, which goes first. @default {no check when a task is called}
   */
  schemas?: Schemas<Merge<Contract<S>>>;
}

const MEMORY = "memory:";

/**
 * A broker for the queue `name` at `url`: for pools, and for producers that share its connection
 * through `broker.queue()`. It connects on first use.
 *
 * URLs: `memory://` for this process (`memory://anything` for one more, apart from it),
 * `redis://[[user]:password@]host[:port][/db]`, `redis+cluster://…host[:port],host[:port]`,
 * `redis+sentinel://…host[:port],host[:port]/primary[/db]`; `rediss` in place of `redis` is TLS.
 *
 * Throws a `TypeError` for a URL or name that cannot be.
 *
 * @example
 * ```ts
 * import { getBroker, TaskSpace } from "@worq/worq";
 *
 * export const tasks = new TaskSpace("tasks", {
 *   num: (value: string) => Number(value),
 *   add: (values: number[]) => values.reduce((a, b) => a + b, 0),
 * });
 *
 * await using broker = getBroker("memory://");
 * broker.expose(tasks);
 * ```
 */
export function getBroker(url: string, name = "default", options: ConnectOptions = {}): Broker {
  return new Broker(openQueue(url, name, options), { url, ...options });
}

/**
 * The queue at `url`, for calling tasks. `S` is the contract: the type of a `TaskSpace` or of a
 * record of functions. Without it every call compiles. Connects on first use; closing the queue
 * closes the connection.
 *
 * Throws a `TypeError` or `RangeError` for a URL, name or option that cannot be.
 *
 * @example
 * ```ts
 * import { getQueue, TaskSpace } from "@worq/worq";
 * import { strictEqual } from "node:assert/strict";
 *
 * const tasks = new TaskSpace("tasks", { num: (value: string) => Number(value) });
 *
 * await using q = getQueue<typeof tasks>("memory://get-queue", { resultTimeout: 60_000 });
 * const num = await q.tasks.num("7"); // stored; a pool elsewhere would run it
 * strictEqual(await num.status(), "enqueued");
 * strictEqual(await q.clear(), 1);
 * ```
 */
export function getQueue<S = AnyTasks, const Path extends string = "">(
  url: string,
  options: QueueOptions<Path, NoInfer<S>> = {},
): Queue<S, Path> {
  if (typeof options !== "object") {
    throw new TypeError(
      `Cannot get queue: expected an object of options, such as { name: "mail" }, received ` +
        JSON.stringify(options),
    );
  }
  const {
    name = "default",
    target = "",
    schemas,
    hooks = [],
    maxPayload = DEFAULT_MAX_PAYLOAD,
    connectTimeout,
    retryFor,
    redisFactory,
    tls,
    sentinel,
    durable,
    clock,
    ...tasks
  } = options;
  checkDefaults(tasks);
  checkHooks("get queue", hooks);
  const known = schemas === undefined
    ? undefined
    : schemasByName("get queue", schemas as SchemaTree);
  const connect = defined({
    connectTimeout,
    retryFor,
    redisFactory,
    tls,
    sentinel,
    durable,
    clock,
  });
  const producer = new Producer(openQueue(url, name, connect), maxPayload);
  const of = {
    producer,
    name: target,
    options: tasks,
    around: aroundEnqueue(hooks),
    ...(known && { schemaOf: (name: string) => known.get(name) }),
  };
  return queueOf(of, () => producer[Symbol.asyncDispose]()) as Queue<S, Path>;
}

/**
 * Names of the queues at `url` that ever had a task, sorted. A server remembers them for good. In
 * memory, a queue is gone when no handle of it is open and nothing is in it.
 *
 * The server looks at all its keys for this, in steps of less than a millisecond. The connection is
 * that of the queues which are open with the same options, or one for the time of the call.
 *
 * Throws a `TypeError` or `RangeError` for a URL or option that cannot be, `QueueUnavailable` when
 * the server cannot be reached.
 *
 * @example
 * ```ts
 * import { getQueue, listQueues } from "@worq/worq";
 * import { deepStrictEqual } from "node:assert/strict";
 *
 * await using mails = getQueue("memory://list-queues", { name: "mails" });
 * await using images = getQueue("memory://list-queues", { name: "images" });
 * await mails.send("hello");
 * await images.scale(7);
 * deepStrictEqual(await listQueues("memory://list-queues"), ["images", "mails"]);
 * await mails.clear();
 * await images.clear();
 * ```
 */
export async function listQueues(url: string, options: ConnectOptions = {}): Promise<string[]> {
  checkOptions("list queues", options);
  const names = isMemory(url) ? memoryQueueNames(url) : await redisQueueNames(url, options);
  return names.sort();
}

function openQueue(url: string, name: string, options: ConnectOptions): TaskQueue {
  // deno-lint-ignore no-control-regex -- control characters separate names from other data
  if (typeof name !== "string" || !/^[^{}\x00-\x1f]+$/.test(name) || !name.isWellFormed()) {
    throw new TypeError(
      `Cannot open queue ${JSON.stringify(name)}: a name is one or more characters, without ` +
        "braces and control characters",
    );
  }
  checkOptions(`open queue "${name}"`, options);
  return isMemory(url)
    ? new MemoryTaskQueue(url, name, options)
    : new RedisTaskQueue(url, name, options);
}

function checkOptions(act: string, { connectTimeout, retryFor, durable }: ConnectOptions): void {
  durabilityOf(act, durable);
  checkMilliseconds(act, "connectTimeout", connectTimeout);
  if ((connectTimeout ?? 0) > LONGEST_TIMER) {
    throw new RangeError(
      `Cannot ${act}: connectTimeout must be at most ${LONGEST_TIMER}, received ${connectTimeout}`,
    );
  }
  checkMilliseconds(act, "retryFor", retryFor);
}

/** Whether `url` leads to memory; otherwise to Redis. Throws for any other. */
function isMemory(url: string): boolean {
  const refuse = (problem: string) =>
    new TypeError(
      `Cannot connect to ${shown(url)}: ${problem}; expected memory://, ${REDIS_FORMS}`,
    );
  if (isRedisUrl(String(url))) {
    try {
      parseRedisUrl(url);
    } catch (error) {
      throw refuse((error as Error).message);
    }
    return false;
  }
  if (!URL.canParse(url)) throw refuse("not a URL");
  const { protocol } = new URL(url);
  if (protocol !== MEMORY) throw refuse(`unknown scheme "${protocol}//"`);
  return true;
}

/** The URL without what may be a password. */
function shown(url: unknown): string {
  return JSON.stringify(String(url).replace(/\/\/.*@/, "//***@"));
}

function defined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
