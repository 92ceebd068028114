/** A process without a pool. */
import process from "node:process";
import { type Ping, pong } from "./ping_pong.ts";
import * as tasks from "./tasks.ts";

const answer = (result: number) => process.send!(result);
process.on("message", (ping: Ping) => pong(tasks, ping, answer));
process.on("disconnect", () => process.exit(0));
