/** Where a worker thread begins. */
import { serve } from "./thread_main.ts";

await serve((url) => import(url));
