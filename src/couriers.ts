/**
 * Results that tasks of other queues take.
 *
 * The queue that takes one has a stand-in for it: a pending task that nobody runs, over when its
 * outcome is delivered. The queue that has the result gets a courier: a task that takes the result,
 * and whose pool delivers it. So a delivery is no more easily lost than any other task. It may be
 * made twice, and is accepted once; a delivery that comes before its stand-in waits for it.
 */
import type { TaskRef } from "./codec.ts";
import { DEFAULT_POLICY, encodeMessage, type Message } from "./message.ts";
import type { Need, NewTask, Outcome, TaskQueue } from "./task_queue.ts";

/** Name of the task that a stand-in is; no task of a user can have it. */
export const STAND_IN = "worq:result";
/** Name of the task that a courier is. */
const COURIER = "worq:deliver";
/** Milliseconds that a result is kept for the other queue, once no task there takes it. */
const KEEP = DEFAULT_POLICY.resultTimeout;
/** Couriers come before all tasks of users, and `clear()` leaves them. */
const FIRST = 256;

/** Place of a queue: its server, and its name there. */
export function placeOf(address: string): { server: string; name: string } {
  const end = address.indexOf("#");
  return { server: address.slice(0, end), name: address.slice(end + 1) };
}

/** What stands for a result of another queue: what to need, and the task to store before. */
export function standInFor(ref: TaskRef): { need: Need; task: NewTask } {
  // The first slash ends the name of the queue, whatever is in it.
  const queue = placeOf(ref.address).name.replace(/[%/]/g, encodeURIComponent);
  // Its origin tells it from a task for which a user chose the same id.
  const need = { id: `${queue}/${ref.id}`, origin: `@${ref.origin ?? ""}` };
  const message = encodeMessage({ ...DEFAULT_POLICY, name: STAND_IN, args: "[]", needs: 0 });
  return { need, task: { ...need, message, needs: [], plan: { remote: true } } };
}

/** The task for whose result the stand-in `id` stands, and the name of its queue. */
export function taskBehind(id: string): { queue: string; id: string } {
  const at = id.indexOf("/");
  const queue = id.slice(0, at).replace(/%25|%2F/g, decodeURIComponent);
  return { queue, id: id.slice(at + 1) };
}

/** Has the result of `ref`, a task of `from`, brought to where `need` is needed. */
export async function bring(
  ref: TaskRef,
  need: Need,
  from: TaskQueue,
  to: TaskQueue,
): Promise<void> {
  const [outcome] = await from.wait([needOf(ref)]);
  if (outcome !== undefined) return await deliver(to, need, outcome);
  const [answer] = await from.enqueue([courierFor(ref, need, to.name)]);
  if (answer instanceof Error) throw answer;
}

/** What a courier brings where. */
export interface Delivery {
  /** Name of the queue. */
  readonly queue: string;
  /** The stand-in there. */
  readonly need: Need;
}

/** The delivery that a task is, if it is a courier. */
export function deliveryOf(message: Message): Delivery | undefined {
  if (message.name !== COURIER) return undefined;
  const [queue, id, origin] = JSON.parse(message.args) as [string, string, string];
  return { queue, need: { id, origin } };
}

/** Ends the stand-in `need` of the queue `to`. */
export async function deliver(to: TaskQueue, need: Need, outcome: Outcome): Promise<void> {
  await to.deliver(need, outcome, KEEP, STAND_IN);
}

function courierFor(ref: TaskRef, need: Need, queue: string): NewTask {
  const policy: Partial<Message> = {
    ...{ onError: "pass", resultTimeout: 0, deadTimeout: 0, redeliveries: Number.MAX_SAFE_INTEGER },
  };
  const args = JSON.stringify([queue, need.id, need.origin]);
  return {
    id: `${need.id} for ${queue}`,
    origin: need.origin!,
    message: encodeMessage({ ...DEFAULT_POLICY, ...policy, name: COURIER, args, needs: 1 }),
    needs: [needOf(ref)],
    plan: { priority: FIRST },
  };
}

function needOf({ id, origin }: TaskRef): Need {
  return origin === undefined ? { id } : { id, origin };
}
