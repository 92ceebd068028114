/** A real browser for the tests of pages. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATHS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where the browser is; undefined when there is none on this machine. */
export const CHROMIUM: string | undefined = PATHS.find((path) => existsSync(path));

/** Starts it. Without its sandbox, which a container or root does not have. */
export function openChromium(): Promise<Browser> {
  return chromium.launch({
    ...(CHROMIUM === undefined ? {} : { executablePath: CHROMIUM }),
    args: ["--no-sandbox"],
  });
}
