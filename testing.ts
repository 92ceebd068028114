/**
 * For those who write a backend: the suite that every backend passes.
 *
 * @module
 */
export { type Backend, testTaskQueue } from "./src/testing/task_queue_suite.ts";
