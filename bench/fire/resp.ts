/**
 * The protocol of Redis, as far as one must know it to cut a stream of it into values. The file that
 * Redis appends its commands to is written in it, too.
 */
import { Buffer } from "node:buffer";

const LINE_END = "\r\n";
const [TEXT, LIST, SET, PUSH, MAP] = [..."$*~>%"].map((letter) => letter.charCodeAt(0));
const [ERROR, VERBATIM] = [..."!="].map((letter) => letter.charCodeAt(0));

/** Cuts a stream into values. */
export class Splitter {
  #rest: Buffer = Buffer.alloc(0);

  /** The values that are complete with this chunk, as they were sent. */
  push(chunk: Uint8Array): Buffer[] {
    const bytes = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const values: Buffer[] = [];
    let at = 0;
    for (let end; (end = endOf(bytes, at)) >= 0; at = end) values.push(bytes.subarray(at, end));
    this.#rest = bytes.subarray(at);
    return values;
  }
}

/** Where the value that begins at `at` ends; -1 when a part of it is still to come. */
function endOf(bytes: Buffer, at: number): number {
  const lineEnd = bytes.indexOf(LINE_END, at);
  if (lineEnd < 0) return -1;
  const kind = bytes[at];
  const next = lineEnd + LINE_END.length;
  const count = () => Number(bytes.toString("latin1", at + 1, lineEnd));
  if (kind === TEXT || kind === ERROR || kind === VERBATIM) {
    const end = count() < 0 ? next : next + count() + LINE_END.length;
    return end <= bytes.length ? end : -1;
  }
  if (kind !== LIST && kind !== SET && kind !== PUSH && kind !== MAP) return next;
  let end = next;
  for (let parts = kind === MAP ? 2 * count() : count(); parts > 0 && end >= 0; parts--) {
    end = endOf(bytes, end);
  }
  return end;
}

/** The words of a command. */
export function wordsOf(command: Buffer): string[] {
  const words: string[] = [];
  let at = command.indexOf(LINE_END) + LINE_END.length;
  while (at < command.length) {
    const lineEnd = command.indexOf(LINE_END, at);
    const start = lineEnd + LINE_END.length;
    const end = start + Number(command.toString("latin1", at + 1, lineEnd));
    words.push(command.toString("utf8", start, end));
    at = end + LINE_END.length;
  }
  return words;
}

/** Whether this is a message of a channel, in either version of the protocol. */
export function isPublished(value: Buffer): boolean {
  return /^[>*]3\r\n\$7\r\nmessage\r\n/.test(value.toString("latin1", 0, 20));
}
