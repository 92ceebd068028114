/** Bare parts: `bare.ts threads|processes`. */
import { contest } from "./one.ts";
import { processes, threads } from "./ping_pong.ts";

await contest({ threads, processes });
