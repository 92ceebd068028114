/**
 * {@linkcode Shelf}: outcomes that a worker has not told yet, where its pool finds them.
 *
 * Waking the pool for each task of a millisecond costs a tenth of the work. So workers tell several
 * outcomes at once; and because the next task may block the worker, or be the end of it, what is not
 * told yet lies on a shelf that the pool can read at any time: memory that threads share, or a file
 * that has no name.
 */
import { Buffer } from "node:buffer";
import { closeSync, openSync, readSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Done } from "./frames.ts";

/** Bytes of a shelf; outcomes that do not fit are told at once. */
export const SHELF_SIZE = 65_536;

/** Puts bytes at a position. */
export type ShelfWriter = (bytes: Uint8Array, position: number) => void;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The worker's side. */
export class Shelf {
  readonly #write: ShelfWriter;
  #used = 0;

  /** A shelf on what `write` writes to. */
  constructor(write: ShelfWriter) {
    this.#write = write;
  }

  /** Puts an outcome there; returns whether there was room. */
  put(done: Done): boolean {
    // The number on both sides: what was read while it was written does not match.
    const bytes = encoder.encode(`${done[1]} ${JSON.stringify(done)} ${done[1]}\n\0`);
    if (this.#used + bytes.length > SHELF_SIZE) return false;
    this.#write(bytes, this.#used);
    this.#used += bytes.length - 1; // the next one takes the place of the zero
    return true;
  }

  /** What is there was told: others may take its place. */
  clear(): void {
    this.#used = 0;
  }
}

/** What lies there, among it what was told already. */
export function readShelf(bytes: Uint8Array): Done[] {
  const end = bytes.indexOf(0);
  return decoder.decode(bytes.slice(0, Math.max(0, end))).split("\n").flatMap((line) => {
    const [, , json] = /^(\d+) (\[.*\]) \1$/.exec(line) ?? [];
    return json === undefined ? [] : [JSON.parse(json) as Done];
  });
}

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

  /** All that was written. */
  read(): Uint8Array {
    const buffer = Buffer.alloc(SHELF_SIZE);
    return buffer.subarray(0, readSync(this.fd, buffer, 0, SHELF_SIZE, 0));
  }

  /** Gives it back. */
  close(): void {
    closeSync(this.fd);
  }
}
