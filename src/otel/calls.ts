/** {@linkcode Calls}: which spans the results come from that a call takes. */
import type { Link, SpanContext } from "@opentelemetry/api";
import { refOf, type TaskRef } from "../codec.ts";
import { placeOf } from "../couriers.ts";

/** Calls of a generation; two of them are kept. */
const GENERATION = 5_000;
/** As many as an SDK keeps unless it is told otherwise. */
const MAX_LINKS = 128;
/** Values of an argument that are looked at: it may be large, and have no handle in it. */
const MAX_VALUES = 1_000;

/** The spans of the last calls that were made here. */
export class Calls {
  #young = new Map<string, SpanContext>();
  #old = new Map<string, SpanContext>();

  /** Keeps the span of a call. */
  add(queue: string, id: string, span: SpanContext): void {
    if (this.#young.size === GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(keyOf(queue, id), span);
  }

  /** The call was refused. */
  delete(queue: string, id: string): void {
    const key = keyOf(queue, id);
    this.#young.delete(key);
    this.#old.delete(key);
  }

  /** Links to the calls whose handles are in `args`, where they are known. */
  linksFrom(args: readonly unknown[]): Link[] {
    // Nobody records.
    if (this.#young.size === 0) return [];
    return refsIn(args).flatMap(({ address, id, taskName }) => {
      const key = keyOf(placeOf(address).name, id);
      const context = this.#young.get(key) ?? this.#old.get(key);
      const attributes = { "messaging.message.id": id, "worq.task.name": taskName };
      return context === undefined ? [] : [{ context, attributes }];
    });
  }
}

function keyOf(queue: string, id: string): string {
  return `${queue} ${id}`;
}

/** The first references in the values, each once. */
function refsIn(args: readonly unknown[]): TaskRef[] {
  const found = new Map<string, TaskRef>();
  let left = MAX_VALUES;
  const goesOn = () => left > 0 && found.size < MAX_LINKS;
  const look = (value: unknown) => {
    left--;
    if (typeof value !== "object" || value === null) return;
    const ref = refOf(value);
    if (ref !== undefined) found.set(keyOf(ref.address, ref.id), ref);
    else if (Array.isArray(value)) {
      for (let i = 0; i < value.length && goesOn(); i++) look(value[i]);
    } else if (Object.getPrototypeOf(value) === Object.prototype) {
      for (const key in value) if (goesOn()) look((value as Record<string, unknown>)[key]);
    }
  };
  look(args);
  return [...found.values()];
}
