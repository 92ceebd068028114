/**
 * For those who write a backend: the suite that every backend passes.
 *
 * @module
 */
export {};
