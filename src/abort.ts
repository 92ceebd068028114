/** {@linkcode Abort}: asks a task to end early. */

/** An `AbortController` for what is hardly ever aborted: it costs nothing before it is used. */
export class Abort {
  /** Hears of the reason, once. */
  onAbort: ((reason: unknown) => void) | undefined;
  #controller: AbortController | undefined;
  #aborted: { readonly reason: unknown } | undefined;

  /** Aborts with this. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** Aborts; the first reason counts. */
  abort(reason: unknown): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = { reason };
    this.#controller?.abort(reason);
    this.onAbort?.(reason);
  }
}
