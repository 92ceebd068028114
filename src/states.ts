/**
 * The state table: where a task can be, and where each event takes it from there. The suite for
 * backends tries every pair; `fsck()` takes the places from here.
 */
import type { TaskStatus } from "./status.ts";

/** Where a task is. `none`: nothing is known of it. */
export type Place = "none" | "pending" | "ready" | "leases" | "over";

/** Every place, with the statuses that a task has there. */
export const PLACES: Readonly<Record<Place, readonly TaskStatus[]>> = {
  none: [],
  pending: ["pending"],
  ready: ["enqueued"],
  leases: ["processing"],
  over: ["success", "failed", "expired"],
};

/** The place of a task with this status; of one that is not known, without. */
export function placeOf(status: TaskStatus | undefined): Place {
  const places = Object.entries(PLACES) as [Place, readonly TaskStatus[]][];
  return places.find(([, statuses]) => statuses.includes(status!))?.[0] ?? "none";
}

/** Where each event takes a task: those of a place that is not named stay where they are. */
export const TRANSITIONS = {
  /** It is stored, and takes no results. */
  "is called": { none: "ready" },
  /** It is stored, and takes a result that is not there yet. */
  "is called with a result to come": { none: "pending" },
  /** The last result that it takes is in. */
  "gets its results": { pending: "ready" },
  /** A result that it takes will not come. */
  "loses a result": { pending: "over" },
  /** A pool takes what is ready. */
  "is claimed": { ready: "leases" },
  /** The pool that has it says that it went well. */
  "succeeds": { leases: "over" },
  /** The pool that has it says that it failed. */
  "fails": { leases: "over" },
  /** The pool that has it says that it failed and is to run again. */
  "is to be retried": { leases: "pending" },
  /** The pool that has it did not run it after all. */
  "is returned": { leases: "ready" },
  /** The pool that has it lost its worker, and it may run again. */
  "loses its worker": { leases: "ready" },
  /** Likewise, but it may not. */
  "loses its last worker": { leases: "over" },
  /** The pool that has it was silent for too long, and it may run again. */
  "outlives its lease": { leases: "ready" },
  /** The pool that has it gives a sign of life. */
  "is renewed": {},
  /** A pool that had it before, or never, says that it went well. */
  "is reported by another": {},
  /** The call that stored it is sent again. A task that is forgotten by then is a new one. */
  "is called again": { none: "ready" },
  /** Another call chooses the same id. */
  "is called by another": { none: "ready" },
  /** Another call with the same id asks to join it. */
  "is joined": { none: "ready" },
  /** Another call with the same id asks to take its place. */
  "is replaced": { none: "ready", pending: "ready", leases: "ready", over: "ready" },
  /** Its outcome comes from elsewhere. */
  "is delivered": { none: "over", pending: "over" },
  /** Its `expiresAt` comes. */
  "is too late": { pending: "over", ready: "over" },
  /** Somebody waits for its result. */
  "is waited for": {},
  /** Somebody cancels it. */
  "is cancelled": { pending: "over", ready: "over", leases: "over" },
  /** The queue is cleared. */
  "is cleared": { pending: "none", ready: "none" },
  /** The queue is paused, and pools ask for tasks. */
  "is paused": {},
  /** The time for which its result is kept is over. */
  "is kept long enough": { over: "none" },
} as const satisfies Readonly<Record<string, Readonly<Partial<Record<Place, Place>>>>>;

/** What can happen to a task. */
export type Event = keyof typeof TRANSITIONS;

/** Where `event` takes a task that is in `place`. */
export function after(place: Place, event: Event): Place {
  const moves: Partial<Record<Place, Place>> = TRANSITIONS[event];
  return moves[place] ?? place;
}
