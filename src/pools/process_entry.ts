/** Where a worker process begins. */
import { serve } from "./process_main.ts";

export { serve };

if (import.meta.main) serve((url) => import(url));
