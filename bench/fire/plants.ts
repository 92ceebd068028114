/** Mistakes for worq to have, each of which the verdict must see: otherwise it would prove nothing. */
import type { RedisFactory } from "../../src/queues/redis_client.ts";
import { rewriting } from "../../tests/support/scripts.ts";
import type { Crime } from "./verdict.ts";

/** A mistake. */
interface Plant {
  /** Name of the script, the line, and what it is instead. */
  readonly edit: readonly [script: string, line: string, to: string];
  /** What the verdict must say. */
  readonly crime: Crime;
}

/** Mistakes by name. */
export const PLANTS: Readonly<Record<string, Plant>> = {
  "some outcomes are not stored": {
    edit: [
      "exchange",
      "finish(id, kind .. body, keep, waiters, refs, linked, key)",
      "if tonumber(fence) % 5 > 0 then finish(id, kind .. body, keep, waiters, refs, linked, key) end",
    ],
    crime: "lost",
  },
  "a report counts that comes too late": {
    edit: ["exchange", "if current == fence then", "if current then"],
    crime: "accepted twice",
  },
  "what a lost pool had is left there": {
    edit: ["exchange", "local more = not again and recover()", "local more = false"],
    crime: "lost",
  },
  "who takes a result is not released": {
    edit: ["exchange", "if pass then close(other, score)", "if pass then local _ = score"],
    crime: "lost",
  },
  "who asks for a result that is there is not told": {
    edit: ["wait", "elseif values[1] then\n    answers[i - 2] = values[1]", "elseif values[1] then\n    answers[i - 2] = ''"],
    crime: "hanging",
  },
  "messages of tasks that are over are kept": {
    edit: ["exchange", "forget()\nsend()\nreturn", "send()\nreturn"],
    crime: "left over",
  },
};

/** Opens clients that load worq's scripts with that mistake. */
export function plantFactory(name: string): RedisFactory {
  const [script, line, to] = PLANTS[name]!.edit;
  return rewriting((text, loaded) => {
    if (loaded !== script) return text;
    if (!text.includes(line)) throw new Error(`${script} has no such line any more: ${line}`);
    return text.replace(line, () => to);
  });
}
