/** What may keep Redis busy: see `stalls.ts`. */

/** All of it, as the report lists it. */
export const JOBS = [
  "nothing but a loop",
  "10,000 results into one task",
  "one result into 10,000 tasks",
  "10,000 tasks, each waited for",
  "10,000 tasks cleared",
] as const;

/** A piece of work. */
export type Job = typeof JOBS[number];
