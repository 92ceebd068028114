/** Mistakes for worq to have, each of which the verdict must see: otherwise it would prove nothing. */
import type { RedisFactory } from "../../src/queues/redis_client.ts";
import { rewriting } from "../../tests/support/scripts.ts";
import type { Crime } from "./verdict.ts";

/** Name of a script, a line of it, and what it is instead. */
type Edit = readonly [script: string, line: string, to: string];

/** A mistake. */
interface Plant {
  readonly edit?: Edit;
  /** What the verdict must say; nothing when worq is as it should be. */
  readonly crime?: Crime;
}

/** Leases end soon, so that nobody has to wait for that as long as users do. */
const HASTE: Edit = ["exchange", "tonumber(ARGV[5]), tonumber(ARGV[6])", "tonumber(ARGV[5]), 1500"];

/** Mistakes by name. */
export const PLANTS: Readonly<Record<string, Plant>> = {
  "there is none": {},
  "some outcomes are not stored": {
    edit: [
      "exchange",
      "finish(id, outcome, keep, run, refs[i]",
      "local _ = tonumber(ARGV[at + 1]) % 5 > 0 and finish(id, outcome, keep, run, refs[i]",
    ],
    crime: "lost",
  },
  "a report counts that comes too late": {
    edit: ["exchange", "if is_run(run, ARGV[at + 1])", "if run"],
    crime: "accepted twice",
  },
  "nobody gets what a lost pool had": {
    edit: ["exchange", "local more = is_late and rare().recover()", "local more = false"],
    crime: "lost",
  },
  "a lease outlives its task": {
    edit: ["exchange", "call('ZREM', LEASES, unpack(ids, 1, done))", ""],
    crime: "accepted twice",
  },
  "who takes a result is not released": {
    edit: ["exchange", "if pass then close(other, score)", "if pass then local _ = score"],
    crime: "lost",
  },
  "who asks for a result that is there is not told": {
    edit: [
      "wait",
      "elseif result then\n    answers[i] = result",
      "elseif result then\n    answers[i] = ''",
    ],
    crime: "hanging",
  },
  "messages of tasks that are over are kept": {
    edit: ["exchange", "forget()\nsend()\nreturn", "send()\nreturn"],
    crime: "left over",
  },
};

/** Opens clients that load worq's scripts with that mistake. */
export function plantFactory(name: string): RedisFactory {
  const { edit } = PLANTS[name]!;
  const edits = edit === undefined ? [HASTE] : [HASTE, edit];
  return rewriting((text, script) =>
    edits.filter(([name]) => name === script).reduce((wrong, [, line, to]) => {
      if (!wrong.includes(line)) throw new Error(`${script} has no such line any more: ${line}`);
      return wrong.replace(line, () => to);
    }, text)
  );
}
