/** {@linkcode EXPLAINED}: the mutants that no test can catch, or need catch, each with its reason. */

/** Names of mutants, as `nameOf` gives them, by why they survive. */
export const EXPLAINED: Readonly<Record<string, readonly string[]>> = {};
