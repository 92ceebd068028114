/** {@linkcode Refusal}: why a request is not done, and how its values are read. */

/** A request that is answered with this status and text. */
export class Refusal extends Error {
  /** Status of the answer. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** A whole number in a query; `otherwise` when it is not there. Throws a {@linkcode Refusal}. */
export function wholeIn(
  query: URLSearchParams,
  name: string,
  [least, most]: readonly [number, number],
  otherwise: number,
): number {
  const text = query.get(name);
  if (text === null) return otherwise;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new Refusal(
    400,
    `${name} must be a whole number, ${least} to ${most}, received ${JSON.stringify(text)}`,
  );
}

/** A text in a query that has to be there. Throws a {@linkcode Refusal}. */
export function textIn(query: URLSearchParams, name: string): string {
  const text = query.get(name);
  if (text !== null && text !== "") return text;
  throw new Refusal(400, `${name} is missing`);
}

/** One of a few words. Throws a {@linkcode Refusal}. */
export function oneOf<T extends string>(name: string, value: unknown, words: readonly T[]): T {
  const word = words.find((one) => one === value);
  if (word !== undefined) return word;
  throw new Refusal(
    400,
    `${name} must be one of ${words.join(", ")}, received ${JSON.stringify(value) ?? "none"}`,
  );
}

/** The id of a task. Throws a {@linkcode Refusal} for what can be none. */
export function checkId(id: unknown): string {
  // deno-lint-ignore no-control-regex -- control characters separate texts from each other
  const isId = typeof id === "string" && /^[^\x00-\x1f]{1,2000}$/.test(id) && id.isWellFormed();
  if (isId) return id;
  throw new Refusal(400, "an id is 1 to 2000 characters, without control characters");
}
