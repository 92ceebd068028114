/** Has the user's modules find this very copy of worq, whatever is installed beside them. */
import { readFileSync } from "node:fs";
import * as module from "node:module";
import type { LoadHookSync, ResolveHookSync } from "node:module";
import * as worq from "../../mod.ts";
import * as backend from "../../backend.ts";
import { SPELLING, SPELLINGS } from "./spellings.ts";

type Offer = { exports: object; loader: "object" };

const EXPORTS: Record<string, [file: string, exports: () => object | Promise<object>]> = {
  "": ["mod", () => worq],
  "/backend": ["backend", () => backend],
  // Hardly a worker tests anything: it is loaded for those who import it.
  "/testing": ["testing", () => import("../../testing.ts")],
  // With its package, which few modules want.
  "/otel": ["otel", () => import("../../otel.ts")],
  // With its page.
  "/dashboard": ["dashboard", () => import("../../dashboard.ts")],
};

interface BunNamespace {
  plugin(plugin: { name: string; setup(build: BunBuild): void }): void;
}
interface BunBuild {
  module(specifier: string, load: () => Offer | Promise<Offer>): void;
}

/** Bun takes whole names only. */
function offer(build: BunBuild): void {
  for (const name of SPELLINGS) {
    const [, load] = EXPORTS[SPELLING.exec(name)?.[1] ?? ""]!;
    build.module(name, () => {
      const exports = load();
      return exports instanceof Promise ? exports.then(offerOf) : offerOf(exports);
    });
  }
}

const offerOf = (exports: object): Offer => ({ exports: { ...exports }, loader: "object" });

const resolve: ResolveHookSync = (specifier, context, next) => {
  const match = SPELLING.exec(specifier);
  const [file] = match === null ? [] : EXPORTS[match[1] ?? ""] ?? [];
  if (file === undefined) return next(specifier, context);
  const path = import.meta.url.endsWith(".ts") ? `../../${file}.ts` : `./${file}.js`;
  return { url: new URL(path, import.meta.url).href, format: "module", shortCircuit: true };
};

/** Passes on, but for JSON that is required: with any hook, Deno takes that for a program. */
const load: LoadHookSync = (url, context, next) => {
  if (!url.endsWith(".json") || !context.conditions.includes("require")) return next(url, context);
  const source = `module.exports = ${readFileSync(new URL(url), "utf8")}`;
  return { format: "commonjs", source, shortCircuit: true };
};

const { Bun: bun } = globalThis as { Bun?: BunNamespace };
// Node has it from 22.15 on.
const { registerHooks }: Partial<typeof module> = module;
if (bun !== undefined) bun.plugin({ name: "worq", setup: offer });
else registerHooks?.({ resolve, load });
