/** Where a worker process of the command begins, when a runtime runs it. */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { serve } from "./serve.ts";

export { serve };

// Node before 24 has no `import.meta.main`. On Deno, who imports this calls `serve`.
const { main = process.argv[1] === fileURLToPath(import.meta.url) } = import.meta;
if (main) serve((url) => import(url));
