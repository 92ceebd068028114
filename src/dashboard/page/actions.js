/** What can be done with queues and tasks; each asks before. */
import { post } from "./api.js";
import { ask, toast } from "./dialogs.js";
import { plural, short } from "./format.js";

const ACTIONS = {
  pause: {
    title: (queue) => `Pause ${queue}?`,
    text: () => "Pools are given no more tasks of it. Those that run go on.",
    yes: "Pause",
    done: () => "Paused",
  },
  resume: {
    title: (queue) => `Resume ${queue}?`,
    text: () => "Pools are given tasks of it again.",
    yes: "Resume",
    done: () => "Resumed",
  },
  clear: {
    title: (queue) => `Clear ${queue}?`,
    text: () => "Every task that no pool has is removed. Nothing brings them back.",
    yes: "Clear",
    isGrave: true,
    done: (n) => `Removed ${plural(n, "task")}`,
  },
  cancel: {
    title: (_, n) => `Cancel ${plural(n, "task")}?`,
    text: () => "What has yet to run does not; what runs is told to stop. There will be no result.",
    yes: "Cancel them",
    isGrave: true,
    done: (n) => `Cancelled ${plural(n, "task")}`,
  },
  redrive: {
    title: (_, n) => `Run ${plural(n, "task")} again?`,
    text: () => "Each goes to the end of the line, as if it were new.",
    yes: "Run again",
    done: (n) => `Enqueued ${plural(n, "task")} again`,
  },
  discard: {
    title: (_, n) => `Discard ${plural(n, "task")}?`,
    text: () => "What is kept of them is dropped: arguments, errors, attempts.",
    yes: "Discard",
    isGrave: true,
    done: (n) => `Discarded ${plural(n, "task")}`,
  },
};

/** Asks, does it, and says what came of it; whether it was done. */
export async function act(action, queue, ids) {
  const { title, text, yes, isGrave, done } = ACTIONS[action];
  const name = `“${short(queue, 40)}”`;
  const n = ids?.length ?? 0;
  if (!await ask({ title: title(name, n), text: text(), yes, isGrave })) return false;
  try {
    const answer = await post(ids === undefined ? { action, queue } : { action, queue, ids });
    toast(`${done(answer.done)}.`);
    return true;
  } catch (error) {
    toast(`${yes}: ${error.message}`, true);
    return false;
  }
}
