/** Where workers begin. A program that brings worq in another form, such as a binary, says where. */

/** What a worker is started with. */
export interface WorkerEntries {
  /** URL of the module that a thread begins with. */
  thread: URL;
  /** URL of the module that a process begins with; it exports `serve`. */
  process: URL;
  /**
   * Arguments with which this program itself, started again, serves a module; undefined where the
   * program is a runtime, which is given an entry.
   */
  self?: (module: string) => readonly string[];
}

const beside = (name: string) =>
  new URL(`./${name}.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);

/** For every pool that this process makes from now on. */
export const workerEntries: WorkerEntries = {
  thread: beside("thread_entry"),
  process: beside("process_entry"),
};
