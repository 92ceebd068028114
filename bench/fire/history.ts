/**
 * What Redis itself has written of the tasks: the effects of worq's scripts, command by command, in
 * the files to which it appends them. No claim and no outcome can be there and not be seen.
 */
import type { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { UNIT } from "../../src/message.ts";
import { prefixOf } from "../../src/queues/redis_lua.ts";
import type { Outcome } from "../../src/task_queue.ts";
import { Splitter, wordsOf } from "./resp.ts";

/** A task that was given to a pool. */
export interface Claimed {
  readonly fence: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** An outcome that was stored. */
export interface Accepted {
  readonly outcome: Outcome;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** All that happened to the tasks of a queue. */
export interface History {
  readonly claims: ReadonlyMap<string, readonly Claimed[]>;
  readonly outcomes: ReadonlyMap<string, readonly Accepted[]>;
}

const STATUSES: Record<string, Outcome["status"]> = { s: "success", f: "failed", e: "expired" };
/** Of all commands, those that write of a run, or of its end. */
const WRITES = /^\*\d+\r\n\$(?:4\r\nHSET|3\r\nSET)\r\n/;

/** Reads what there is of a queue in these files. */
export async function readHistory(files: readonly string[], queue: string): Promise<History> {
  const claims = new Map<string, Claimed[]>();
  const outcomes = new Map<string, Accepted[]>();
  const runs = `${prefixOf(queue)}runs`;
  const results = `${prefixOf(queue)}r:`;

  function read([, key = "", ...words]: string[]): void {
    if (key.startsWith(results)) {
      const [outcome = "", ...rest] = words[0]!.split(UNIT);
      const ended = rest.find((part) => !part.startsWith("=")); // that is the name
      push(outcomes, key.slice(results.length), { outcome: toOutcome(outcome), at: Number(ended) });
    } else if (key === runs) {
      for (let i = 0; i < words.length; i += 2) {
        const [fence, , started] = words[i + 1]!.split(UNIT);
        push(claims, words[i]!, { fence: Number(fence), at: Number(started) });
      }
    }
  }

  for (const file of files) {
    const splitter = new Splitter();
    for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) {
      for (const command of splitter.push(chunk as Buffer)) {
        if (WRITES.test(command.toString("latin1", 0, 20))) read(wordsOf(command));
      }
    }
  }
  return { claims, outcomes };
}

function toOutcome(text: string): Outcome {
  return { status: STATUSES[text[0]!]!, text: text.slice(1) };
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
