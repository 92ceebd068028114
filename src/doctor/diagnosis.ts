/** {@linkcode Diagnosis}: what was looked at, and what is wrong with it. */

/** How much is wrong: nothing, something to know, something that will hurt, something that does. */
export type Level = "ok" | "note" | "warning" | "error";

/** What a check says about one server or queue. */
export interface Diagnosis {
  /** Name of the check. */
  readonly check: string;
  /** How much is wrong. */
  readonly level: Level;
  /** The server or the queue. */
  readonly where: string;
  /** What was seen. */
  readonly text: string;
  /** Why it matters for worq; undefined when nothing is wrong. */
  readonly why?: string;
  /** What to do: the command or the setting; undefined when nothing is wrong. */
  readonly remedy?: string;
}

/** Something that is wrong. */
export interface Problem {
  /** How much. */
  readonly level: Exclude<Level, "ok">;
  /** What. */
  readonly text: string;
  /** Why it matters for worq. */
  readonly why: string;
  /** What to do. */
  readonly remedy: string;
}

/** One thing to look at. */
export interface Check<Facts> {
  /** Name of the check. */
  readonly name: string;
  /** What is wrong; nothing where the facts are not known. */
  problems(facts: Facts): readonly Problem[];
  /** What to say when nothing is wrong; undefined where it could not be looked at. */
  fine(facts: Facts): string | undefined;
}

/** What these checks say, in their order. */
export function diagnose<Facts>(
  checks: readonly Check<Facts>[],
  facts: NoInfer<Facts> & { readonly where: string },
): Diagnosis[] {
  const { where } = facts;
  return checks.flatMap(({ name: check, problems, fine }): Diagnosis[] => {
    const found = problems(facts).map(({ level, ...problem }) => ({
      ...{ check, level, where },
      ...problem,
    }));
    if (found.length > 0) return found;
    const text = fine(facts);
    return text === undefined ? [] : [{ check, level: "ok", where, text }];
  });
}
