/** A process of poolifier. */
import { ClusterWorker, type TaskFunctions } from "poolifier";
import type { Payload } from "../protocol.ts";
import { burn, meet, noop } from "../pools/tasks.ts";

// Its types allow for calls without an argument; there are none.
export default new ClusterWorker({ noop, burn, meet } as TaskFunctions<Payload, number>);
