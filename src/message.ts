/**
 * The message of a task: what to run and how, as one line of text.
 *
 * `head ␟ name ␟ arguments`, where ␟ is the control character U+001F, which occurs in none of the
 * three. The head is JSON of the options that differ from the default, empty when none does, so
 * that both the scripts in Redis and a person with redis-cli can read it.
 */
import { checkContext, type TaskContext } from "./context.ts";
import { checkMilliseconds } from "./wait.ts";

/** How a task is to be treated, as far as the queue and the workers must know. */
export interface TaskPolicy {
  /** Milliseconds that the outcome is kept; 0 tells only those who wait at that moment. */
  readonly resultTimeout: number;
  /** Milliseconds between the signs of life of the pool that runs it. */
  readonly heartbeatInterval: number;
  /** What a failed argument does: fail this task, or go in as a `TaskFailure`. */
  readonly onError: "fail" | "pass";
  /** Whether nobody wants the result, so that it need not even be possible to store it. */
  readonly ignoreResult: boolean;
  /** How often the task is given to another worker after one was lost with it. */
  readonly redeliveries: number;
  /** How often it runs again after it failed; as its definition says when undefined. */
  readonly retries: number | undefined;
  /** Pause before it runs again. */
  readonly backoff: Backoff | undefined;
  /** Names of the errors after which it does. */
  readonly retryOn: readonly string[] | undefined;
  /** 0 to 255, the higher the sooner. */
  readonly priority: number;
  /** Milliseconds since 1970: an attempt that has not started then is none. */
  readonly expiresAt: number | undefined;
  /** Milliseconds that it is kept after it failed for good. */
  readonly deadTimeout: number;
}

/** Pauses between the attempts of a task, as data. */
export interface Backoff {
  /** Milliseconds before the first retry. @default {1_000} */
  readonly delay?: number;
  /** Each pause is so many times the one before; 1 for a fixed pause. @default {2} */
  readonly factor?: number;
  /** Milliseconds that no pause exceeds. @default {3_600_000} */
  readonly max?: number;
  /**
   * Part of a pause that is random, 0 to 1, so that tasks which failed together do not come back
   * together: with 0.5 a pause is half to whole. @default {0.5}
   */
  readonly jitter?: number;
}

/** A task as a worker needs it. */
export interface Message extends TaskPolicy {
  /** Full name of the task, such as `shop.pay`. */
  readonly name: string;
  /** Encoded arguments. */
  readonly args: string;
  /** Number of results that go into the arguments. */
  readonly needs: number;
  /** What travels with it; absent when nothing does. */
  readonly context?: TaskContext;
}

/** What a task gets that asks for nothing else. */
export const DEFAULT_POLICY: TaskPolicy = {
  resultTimeout: 3_600_000,
  heartbeatInterval: 5_000,
  onError: "fail",
  ignoreResult: false,
  redeliveries: 1,
  retries: undefined,
  backoff: undefined,
  retryOn: undefined,
  priority: 0,
  expiresAt: undefined,
  deadTimeout: 604_800_000,
};

/** Stands between the parts of a message. */
export const UNIT = "\x1f";
const NUMBERS = [
  ...[
    "resultTimeout",
    "heartbeatInterval",
    "redeliveries",
    "needs",
    "retries",
    "priority",
  ] as const,
  ...["expiresAt", "deadTimeout"] as const,
] as const;
const POLICIES = Object.keys(DEFAULT_POLICY) as (keyof TaskPolicy)[];

/** The text of a message. */
export function encodeMessage({ name, args, needs, context, ...policy }: Message): string {
  return headOf(policy, needs, context) + UNIT + name + UNIT + args;
}

/** How the text of a call begins that takes no results and carries nothing. */
interface Beginning {
  readonly head: string;
  readonly name: string;
  /** Both, and what stands behind them. */
  readonly text: string;
}

/** Those of the last calls, by their options. */
const beginnings = new WeakMap<Partial<TaskPolicy>, Beginning>();

/** The text of a call. The options of many calls are one object: what is the same is made once. */
export function encodeCall(
  name: string,
  args: string,
  options: Partial<TaskPolicy>,
  needs: number,
  context: TaskContext | undefined,
): string {
  if (needs > 0 || context !== undefined) {
    return headOf(options, needs, context) + UNIT + name + UNIT + args;
  }
  const known = beginnings.get(options);
  if (known?.name === name) return known.text + args;
  const head = known?.head ?? headOf(options, 0, undefined);
  const text = head + UNIT + name + UNIT;
  beginnings.set(options, { head, name, text });
  return text + args;
}

/** JSON of what differs from the default. */
function headOf(
  policy: Partial<TaskPolicy>,
  needs: number,
  context: TaskContext | undefined,
): string {
  const head: Record<string, unknown> = {};
  for (const key of POLICIES) {
    const value = policy[key];
    if (value !== undefined && value !== DEFAULT_POLICY[key]) head[key] = value;
  }
  if (needs > 0) head.needs = needs;
  if (context !== undefined) head.context = context;
  return Object.keys(head).length === 0 ? "" : JSON.stringify(head);
}

/** The message of a task that asks for nothing else. Most are such: what is the same takes no memory. */
class Plain {
  constructor(readonly name: string, readonly args: string) {}
}
interface Plain extends Message {}
Object.assign(Plain.prototype, DEFAULT_POLICY, { needs: 0 });

/** How the last message began, and whose it was: the next one is often of the same task. */
let last = { beginning: UNIT + UNIT, name: "" };

/** Name of the task in the text of a message; undefined when there is none. */
export function nameIn(text: string): string | undefined {
  if (text.startsWith(last.beginning)) return last.name;
  const first = text.indexOf(UNIT);
  const second = text.indexOf(UNIT, first + 1);
  return first < 0 || second < 0 ? undefined : known(text.slice(first + 1, second));
}

/** Names of tasks: what is cut out of a message would keep the whole of it in memory. */
const names = new Map<string, string>();
const MAX_NAMES = 1_000;

function known(name: string): string {
  const text = names.get(name);
  if (text !== undefined) return text;
  if (names.size === MAX_NAMES) names.clear();
  names.set(name, name);
  return name;
}

/** The message behind `text`. Throws a `SyntaxError` when it is none. */
export function decodeMessage(text: string): Message {
  if (text.startsWith(last.beginning)) {
    const args = text.slice(last.beginning.length);
    if (!args.includes(UNIT)) return new Plain(last.name, args);
  }
  const first = text.indexOf(UNIT);
  const second = text.indexOf(UNIT, first + 1);
  if (first < 0 || second < 0 || text.includes(UNIT, second + 1)) {
    throw new SyntaxError("the stored message is damaged: not three parts");
  }
  const name = known(text.slice(first + 1, second));
  const args = text.slice(second + 1);
  if (first > 0) {
    return { ...DEFAULT_POLICY, needs: 0, ...decodeHead(text.slice(0, first)), name, args };
  }
  last = { beginning: UNIT + name + UNIT, name };
  return new Plain(name, args);
}

function decodeHead(text: string): Partial<Message> {
  try {
    const head = JSON.parse(text) as Partial<Message>;
    for (const key of NUMBERS) checkMilliseconds("read", key, head[key]);
    if (head.context !== undefined) {
      checkContext("read", head.context);
      Object.freeze(head.context);
    }
    return head;
  } catch (error) {
    throw new SyntaxError(`the stored message is damaged: ${(error as Error).message}`);
  }
}
