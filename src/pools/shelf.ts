/**
 * {@linkcode Shelf}: outcomes that a worker has not told yet, where its pool finds them.
 *
 * Waking the pool for each task of a millisecond costs several percent of the work. So workers tell
 * several outcomes at once; and because the next task may block the worker, or be the end of it, what
 * is not told yet lies on a shelf that the pool can read at any time: memory that threads share, or a
 * file that has no name. A mark beside it says that the worker listens.
 */
import { Buffer } from "node:buffer";
import { closeSync, openSync, readSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Done } from "./frames.ts";

/** Bytes for outcomes; those that do not fit are told at once. */
const ROOM = 65_536;
/** Bytes of a shelf: behind the outcomes is the mark. */
export const SHELF_SIZE: number = ROOM + 32;

/** Puts bytes at a position. */
export type ShelfWriter = (bytes: Uint8Array, position: number) => void;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The worker's side. */
export class Shelf {
  readonly #write: ShelfWriter;
  readonly #bytes = new Uint8Array(ROOM);
  #used = 0;

  /** A shelf on what `write` writes to. */
  constructor(write: ShelfWriter) {
    this.#write = write;
  }

  /** Puts an outcome there; returns whether there was room. */
  put(done: Done): boolean {
    // The number on both sides: what was read while it was written does not match.
    const text = `${done[1]} ${JSON.stringify(done)} ${done[1]}\n\0`;
    const { read, written } = encoder.encodeInto(text, this.#bytes);
    if (read < text.length || this.#used + written > ROOM) return false;
    this.#write(this.#bytes.subarray(0, written), this.#used);
    this.#used += written - 1; // the next one takes the place of the zero
    return true;
  }

  /** Begins with this order after a time without any: what an idle worker does once it hears. */
  mark(serial: number): void {
    this.#write(encoder.encode(`${serial}\0`), ROOM);
  }

  /** What is there was told: others may take its place. */
  clear(): void {
    this.#used = 0;
  }
}

/** What lies there, among it what was told already. */
export function readShelf(bytes: Uint8Array): Done[] {
  return textAt(bytes, 0).split("\n").flatMap((line) => {
    const [, , json] = /^(\d+) (\[.*\]) \1$/.exec(line) ?? [];
    return json === undefined ? [] : [JSON.parse(json) as Done];
  });
}

/** Number of the order at which the worker last had nothing else to do. */
export function readMark(bytes: Uint8Array): number {
  return Number(textAt(bytes, ROOM));
}

/** From a position to the next zero. */
function textAt(bytes: Uint8Array, position: number): string {
  const end = bytes.indexOf(0, position);
  // A copy: what threads share cannot be decoded.
  return end < 0 ? "" : decoder.decode(bytes.slice(position, end));
}

/** What was read last. */
const buffer = Buffer.alloc(SHELF_SIZE);

/** A file for one worker process and its pool, which nobody else sees. */
export class ShelfFile {
  /** For the worker. */
  readonly fd: number;

  private constructor(fd: number) {
    this.fd = fd;
  }

  /** Makes one; undefined where that may not be. */
  static open(): ShelfFile | undefined {
    try {
      const path = join(tmpdir(), `worq-${crypto.randomUUID()}`);
      const fd = openSync(path, "wx+", 0o600);
      unlinkSync(path);
      return new ShelfFile(fd);
    } catch {
      return undefined;
    }
  }

  /** All that was written, until the next one is read. */
  read(): Uint8Array {
    return buffer.subarray(0, readSync(this.fd, buffer, 0, SHELF_SIZE, 0));
  }

  /** Gives it back. */
  close(): void {
    closeSync(this.fd);
  }
}
