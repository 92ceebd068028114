/** {@linkcode act}: what can be done from the page. */
import type { Broker } from "../broker.ts";
import { checkId, oneOf, Refusal } from "./refusal.ts";

/** What to do with which tasks of which queue. */
export interface Action {
  readonly action: typeof ACTIONS[number];
  readonly queue: string;
  /** All dead ones when there are none, for `redrive` and `discard`. */
  readonly ids?: readonly string[];
}

const ACTIONS = ["cancel", "redrive", "discard", "clear", "pause", "resume"] as const;
/** Tasks of one request: no more are kept dead. */
const MOST_IDS = 10_000;

/** The action that a request's text says. Throws a {@linkcode Refusal}. */
export function readAction(text: string): Action {
  const { action, queue, ids } = Object(parsed(text)) as Record<string, unknown>;
  const known = oneOf("action", action, ACTIONS);
  if (typeof queue !== "string") throw new Refusal(400, "queue must be the name of a queue");
  if (ids === undefined) {
    if (known === "cancel") throw new Refusal(400, "ids must name the tasks to cancel");
    return { action: known, queue };
  }
  if (!Array.isArray(ids) || ids.length === 0 || ids.length > MOST_IDS) {
    throw new Refusal(400, `ids must be a list of 1 to ${MOST_IDS} ids`);
  }
  return { action: known, queue, ids: ids.map(checkId) };
}

/** Does it; gives to how many tasks, or 1 for a queue. */
export async function act(broker: Broker, { action, ids }: Action): Promise<number> {
  switch (action) {
    case "cancel": {
      const answers = await broker.taskQueue.cancel((ids ?? []).map((id) => ({ id })));
      return answers.filter((answer) => answer === "cancelled").length;
    }
    case "redrive":
      return await broker.redrive(ids);
    case "discard":
      return await broker.discard(ids);
    case "clear":
      return await broker.clear();
    case "pause":
    case "resume":
      await broker[action]();
      return 1;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, `this is no JSON: ${(error as Error).message}`);
  }
}
