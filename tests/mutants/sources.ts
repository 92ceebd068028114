/** {@linkcode allMutants}: the mutants of all scripts, and {@linkcode plant}, which makes one of them. */
import { direct, reaching, STATEMENTS } from "../../src/queues/redis_prelude.ts";
import { SCRIPTS } from "../../src/queues/redis_scripts.ts";
import { mutantsOf, type Mutation } from "./mutate.ts";

/** A part of the scripts' text that is in all scripts which have it. */
interface Part {
  /** The script that it is of, or `prelude`. */
  readonly script: string;
  /** Its name: that of a function of the prelude, or of the script, as it is exported. */
  readonly name: string;
  readonly text: string;
}

/** A mutant of the scripts. */
export interface Mutant extends Omit<Mutation, "text"> {
  readonly part: Part;
  /** What stands in place of the part. */
  readonly text: string;
}

const BODIES: readonly Part[] = SCRIPTS.map(({ name, body }) => ({
  script: name,
  name: name.toUpperCase(),
  text: body,
}));

const PRELUDE: readonly Part[] = STATEMENTS.map((text) => ({
  script: "prelude",
  name: /^local (?:function )?(\w+)/m.exec(text)?.[1] ?? "",
  text,
}));

/** Every mutant, in the order of the text. */
export function allMutants(): Mutant[] {
  return [...PRELUDE, ...BODIES].flatMap((part) =>
    mutantsOf(part.text).map((mutation) => ({ ...mutation, part }))
  );
}

/** Names a mutant, for people and for the list of what is explained. */
export function nameOf({ part, kind, line, nth }: Mutant): string {
  return `${part.name}: ${kind} ${line}${nth === 1 ? "" : ` (${nth})`}`;
}

/** Whether a script has the part of a mutant. */
export function isIn(script: string, { part }: Mutant): boolean {
  return direct(script).includes(part.text);
}

/** Makes the mistake wherever the part is. */
export function plant({ part, text }: Mutant): (script: string) => string {
  return (script) => {
    const written = direct(script);
    const planted = written.replace(part.text, () => text);
    return planted === written ? script : reaching(planted);
  };
}
