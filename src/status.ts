/** The states of a task, as a user sees them. */

/**
 * Where a task stands.
 *
 * - `pending`: waits for the results it takes as arguments
 * - `enqueued`: waits for a worker
 * - `processing`: a worker has it
 * - `success`, `failed`: over, the result or the failure can be read
 * - `expired`: there is no result and there will be none (lost, cleared, or kept long enough)
 */
export type TaskStatus = "pending" | "enqueued" | "processing" | "success" | "failed" | "expired";

/** Whether a task in this state will not change any more. */
export function isOver(status: TaskStatus): boolean {
  switch (status) {
    case "pending":
    case "enqueued":
    case "processing":
      return false;
    case "success":
    case "failed":
    case "expired":
      return true;
    default:
      return status satisfies never;
  }
}
