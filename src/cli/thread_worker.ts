/** Where a thread of the command begins. */
import { serve } from "../pools/thread_main.ts";
import { loadModule } from "./user_module.ts";

await serve((url) => loadModule(() => import(url)));
