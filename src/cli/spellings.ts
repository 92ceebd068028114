/** The names under which modules import worq, this version of it. */
import config from "../../deno.json" with { type: "json" };

const [major, minor, patch] = config.version.split(".");
const NUMBERS = [`${major}`, `${major}.${minor}`, `${major}.${minor}.${patch}`];
const VERSIONS = NUMBERS.flatMap((number) =>
  ["", "^", "~", "="].map((sign) => `@${sign}${number}`)
);

/** Parts of worq, as they follow its name. */
const PARTS = ["", "/backend", "/testing", "/otel", "/dashboard"] as const;

/** Every whole name, for those who cannot match a pattern. */
export const SPELLINGS: readonly string[] = PARTS.flatMap((part) =>
  ["@worq/worq", "jsr:@worq/worq", ...VERSIONS.map((version) => `jsr:@worq/worq${version}`)]
    .map((name) => name + part)
);

/** Matches every name, of any version; what follows it is the first group. */
export const SPELLING = /^(?:jsr:)?@worq\/worq(?:@[^/]*)?(\/\w+)?$/;
