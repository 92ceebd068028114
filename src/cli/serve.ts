/** {@linkcode serve}: what a worker process of the command does. */
import { serve as serveProcess } from "../pools/process_main.ts";
import type { LoadModule } from "../pools/worker_main.ts";
import { loadModule } from "./user_module.ts";

/** Serves the pool that this process was started by, with the module that `load` imports. */
export function serve(load: LoadModule): void {
  serveProcess((url) => loadModule(() => load(url)));
}
