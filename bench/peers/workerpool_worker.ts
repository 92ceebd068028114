/** A worker of workerpool. */
import workerpool from "workerpool";
import { burn, meet, noop } from "../pools/tasks.ts";

workerpool.worker({ noop, burn, meet });
