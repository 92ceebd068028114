/** {@linkcode Jotter}: gathers what tasks say, so that it leaves in one go. */
import { MAX_LINES, type Note } from "../notes.ts";

/**
 * Gathers notes by task. What comes first leaves at once, and then what comes within `pause`
 * milliseconds together; a task that blocks this thread is heard whenever it says something after
 * that.
 */
export class Jotter<Key> {
  readonly #pause: number;
  readonly #send: (notes: ReadonlyMap<Key, readonly Note[]>) => void;
  #notes = new Map<Key, Note[]>();
  #sent = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Has `send` called with all that was said. */
  constructor(pause: number, send: (notes: ReadonlyMap<Key, readonly Note[]>) => void) {
    this.#pause = pause;
    this.#send = send;
  }

  /** A task says something. */
  add(key: Key, note: Note): void {
    const notes = this.#notes.get(key) ?? [];
    notes.push(note);
    // More than is kept need not be sent.
    if (notes.length > 2 * MAX_LINES) notes.splice(0, notes.length - MAX_LINES);
    this.#notes.set(key, notes);
    const wait = this.#sent + this.#pause - performance.now();
    if (wait <= 0) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), wait);
  }

  /** Sends what there is, if this one is among it: it will say no more. */
  flushOf(key: Key): void {
    if (this.#notes.size > 0 && this.#notes.has(key)) this.flush();
  }

  /** Sends what there is. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#notes.size === 0) return;
    const notes = this.#notes;
    this.#notes = new Map();
    this.#sent = performance.now();
    this.#send(notes);
  }
}
