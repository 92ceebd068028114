/** {@linkcode Producer}: the caller's side of a queue. Sends tasks and waits for their outcomes. */
import { Batch } from "./batch.ts";
import {
  encodeArguments,
  type EncodedArguments,
  type Handle,
  refOf,
  type TaskRef,
} from "./codec.ts";
import { bring, placeOf, standInFor } from "./couriers.ts";
import { carriedContext, checkContext, NO_CONTEXT, type TaskContext } from "./context.ts";
import { DuplicateTask, QueueFull, QueueUnavailable } from "./errors.ts";
import { newId } from "./ids.ts";
import { encodeCall, type TaskPolicy } from "./message.ts";
import type {
  CancelAnswer,
  EnqueueAnswer,
  Need,
  NewTask,
  Outcome,
  Plan,
  TaskQueue,
} from "./task_queue.ts";
import type { TaskStatus } from "./status.ts";
import { type WaitOptions, waitUntil } from "./wait.ts";
import type { Waiter } from "./waiter.ts";
import { Waiters } from "./waiters.ts";

/** A task call on its way to the queue. */
export interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
  readonly options: Partial<TaskPolicy>;
  readonly plan?: Plan;
  /** Whether to wait for room when the queue is full. */
  readonly patient?: boolean;
  /** Chosen by the user; made up otherwise. */
  readonly id?: string;
  /** Checks the arguments when they are values: throws, or gives a promise that may reject. */
  check?: () => unknown;
  /** Has the call stored, at once or later, as it is or changed; or throws. */
  around?: (id: string, context: TaskContext, store: Store) => Promise<Stored>;
}

/** What becomes of a call that is stored. */
export type Stored = "enqueued" | "pending";

type Settings = Pick<Call, "options" | "plan" | "patient">;

/** What a call can be stored with. */
export interface Changes extends Settings {
  readonly args: readonly unknown[];
  readonly context: TaskContext;
}

/** Stores a call with these changes. */
export type Store = (changes: Changes) => Promise<Stored>;

/** The reference of a call that was made here. */
interface CallRef extends TaskRef {
  /** Number of the batch that it left with, if it is certain to be stored. */
  batch: number | undefined;
}

/** A call with the reference that other calls can use, and what was made of it when it is stored. */
export interface SentCall<T> {
  readonly ref: TaskRef;
  readonly used: Promise<T>;
}

/** What is made of a call when it is stored. */
export type Use<T> = (producer: Producer, ref: TaskRef, stored: Stored) => T;

/** Bytes that arguments or a result may have, unless the user says otherwise. */
export const DEFAULT_MAX_PAYLOAD = 4_000_000;
const MAX_ID = 512;
const NOTHING: readonly Need[] = [];
// How often a call that waits for room asks for it.
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 1_000;

/** Calls tasks on one queue, in batches, and waits for them, all at once. */
export class Producer implements AsyncDisposable {
  readonly taskQueue: TaskQueue;
  readonly #maxPayload: number;
  readonly #waiters: Waiters;
  readonly #enqueue: Batch<NewTask, EnqueueAnswer>;
  readonly #cancel: Batch<Need, CancelAnswer>;
  /** Calls that are not yet in a batch. */
  readonly #sending = new Set<Promise<unknown>>();
  /** A name that was found to be one. */
  #checkedName: string | undefined;
  /** Queues whose results calls have taken. */
  readonly #siblings = new Map<string, TaskQueue>();
  #closed: Promise<void> | undefined;
  readonly #closing = Promise.withResolvers<void>();

  /** Closes `taskQueue` when it is closed itself. */
  constructor(taskQueue: TaskQueue, maxPayload: number) {
    if (!(maxPayload > 0)) {
      throw new RangeError(
        `Cannot open queue: maxPayload must be bytes, more than 0, received ${maxPayload}`,
      );
    }
    this.taskQueue = taskQueue;
    this.#maxPayload = maxPayload;
    this.#waiters = new Waiters(taskQueue);
    this.#enqueue = new Batch((tasks) => taskQueue.enqueue(tasks));
    this.#cancel = new Batch((tasks) => taskQueue.cancel(tasks));
  }

  /** Name of the queue. */
  get name(): string {
    return this.taskQueue.name;
  }

  /**
   * Starts to enqueue a call. What is called in one tick leaves together, in order. When it is
   * stored, `use` makes something of that.
   */
  send<T>(call: Call, use: Use<T>): SentCall<T> {
    const ref = this.#newRef(call);
    const context = carriedContext();
    const args = this.#encode(call.name, call.args);
    const isPlain = args.handles.length === 0 && call.plan === undefined;
    if (call.check !== undefined || call.around !== undefined) {
      return { ref, used: this.#track(this.#storeChecked(call, ref, args, context), ref, use) };
    }
    // Most calls are such, and each promise that they do without counts.
    if (isPlain) return { ref, used: this.#put(ref, args.text, NOTHING, call, context, use) };
    return { ref, used: this.#track(this.#store(ref, args, call, context), ref, use) };
  }

  /**
   * Enqueues a call with one argument for each input, all together, and gives what `use` makes of
   * each; undefined when an argument takes a result. What cannot be stored rejects the whole, but
   * does not keep the others from being stored.
   */
  sendEach<Made>(
    name: string,
    inputs: readonly unknown[],
    options: Partial<TaskPolicy>,
    use: Use<Made>,
  ): Promise<Made[]> | undefined {
    const context = carriedOf(carriedContext());
    const texts: string[] = [];
    let unfit: { readonly error: unknown } | undefined;
    for (const input of inputs) {
      try {
        const { text, handles } = this.#encode(name, [input]);
        if (handles.length > 0) return undefined;
        texts.push(text);
      } catch (error) {
        unfit ??= { error };
      }
    }
    const call = { name };
    const refs = texts.map(() => this.#newRef(call));
    const tasks = refs.map(({ id }, i) => ({
      id,
      message: encodeCall(name, texts[i]!, options, 0, context),
      needs: NOTHING,
    }));
    return this.#putEach(refs, tasks).then((answers) => {
      if (unfit !== undefined) throw unfit.error;
      const error = answers.find((answer) => answer instanceof Error);
      if (error !== undefined) throw error;
      return refs.map((ref, i) => use(this, ref, answers[i] as Stored));
    });
  }

  async #putEach(
    refs: readonly TaskRef[],
    tasks: readonly NewTask[],
  ): Promise<readonly EnqueueAnswer[]> {
    const last = refs.at(-1);
    if (last === undefined) return [];
    this.#waiters.called(last);
    const answers = await this.#enqueue.addAll(tasks);
    this.#waiters.answered(last);
    return answers;
  }

  #newRef({ name, id: chosen }: Pick<Call, "name" | "id">): CallRef {
    if (name !== this.#checkedName) checkText(name, "the task's name", name);
    this.#checkedName = name;
    const { address, client } = this.taskQueue;
    const ref = { id: chosen ?? newId(client), taskName: name, address, batch: undefined };
    if (chosen === undefined) return ref;
    checkText(name, "id", chosen);
    return { ...ref, origin: newId(client) };
  }

  /** Keeps in mind what is to be stored before the queue may close, and makes something of it then. */
  #track<T>(stored: Promise<Stored>, ref: CallRef, use: Use<T>): Promise<T> {
    this.#sending.add(stored);
    return stored.then((status) => {
      this.#sending.delete(stored);
      return use(this, ref, status);
    }, (error) => {
      this.#sending.delete(stored);
      throw error;
    });
  }

  #encode(name: string, args: readonly unknown[]): EncodedArguments {
    return encodeArguments(`call ${name}`, args, this.#maxPayload);
  }

  /** Has `waiter` hear of the outcome of its task. */
  await(waiter: Waiter): void {
    this.#waiters.add(waiter);
  }

  /** Waits for the outcome of a task; undefined when the time is up first. */
  outcome(task: TaskRef, options: WaitOptions): Promise<Outcome | undefined> {
    return this.#waiters.outcome(task, options);
  }

  /** Calls `arrived` with the outcome of each task, until it gives false, or the time is up. */
  outcomes(
    tasks: readonly TaskRef[],
    options: WaitOptions,
    arrived: (index: number, outcome: Outcome) => boolean,
  ): Promise<void> {
    return this.#waiters.outcomes(tasks, options, arrived);
  }

  /** Where a task stands; `expired` when the queue does not know that very call (any more). */
  async status({ id, origin }: TaskRef): Promise<TaskStatus> {
    const record = await this.taskQueue.inspect(id);
    return record === undefined || record.origin !== origin ? "expired" : record.status;
  }

  /** Cancels a task; false when it is over, or the queue does not know that very call (any more). */
  async cancel({ id, origin }: TaskRef): Promise<boolean> {
    return await this.#cancel.add(origin === undefined ? { id } : { id, origin }) === "cancelled";
  }

  /** Number of tasks that wait for a worker. */
  async size(): Promise<number> {
    return (await this.taskQueue.stats()).ready;
  }

  /**
   * Ends the connection, when the calls on their way are stored. Who still waits for a result gets
   * `QueueUnavailable`.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#closing.resolve();
    await Promise.allSettled(this.#sending);
    await this.#enqueue.settled();
    this.#waiters.close(new QueueUnavailable(`Cannot wait: queue "${this.name}" was closed`));
    const queues = [this.taskQueue, ...this.#siblings.values()];
    await Promise.all(queues.map((queue) => queue[Symbol.asyncDispose]()));
  }

  #storeChecked(
    call: Call,
    ref: CallRef,
    args: EncodedArguments,
    context: TaskContext,
  ): Promise<Stored> {
    const { around } = call;
    const store: Store = (changes) => {
      const { args: given, context: carried } = changes;
      if (carried !== context) checkContext(`call ${call.name}`, carried);
      const encoded = given === call.args ? args : this.#encode(call.name, given);
      return this.#store(ref, encoded, changes, carried === context ? context : { ...carried });
    };
    const go = () =>
      around === undefined ? store({ ...call, context }) : around(ref.id, context, store);
    // A handle is no value yet: then only the worker can check.
    const checked = args.handles.length === 0 ? call.check?.() : undefined;
    return checked instanceof Promise ? checked.then(go) : go();
  }

  #store(
    ref: CallRef,
    args: EncodedArguments,
    settings: Settings,
    context: TaskContext,
  ): Promise<Stored> {
    const { plan } = settings;
    if (plan !== undefined) this.#checkPlan(ref.taskName, plan, args.handles);
    if (args.handles.length > 0) return this.#storeAfter(ref, args, settings, context);
    return this.#put(ref, args.text, NOTHING, settings, context, asItIs);
  }

  /** Stores a call that takes results. */
  async #storeAfter(
    ref: CallRef,
    { text, handles }: EncodedArguments,
    settings: Settings,
    context: TaskContext,
  ): Promise<Stored> {
    const { taskName: name } = ref;
    // Without an await where all it takes is stored or leaves with it: then it leaves in this tick.
    const refs = handles.every((handle) => this.#isSent(handle))
      ? handles.map((handle) => refOf(handle)!)
      : await Promise.all(handles.map((handle) => this.#resolve(name, handle)));
    const needs = refs.every((need) => need.address === this.taskQueue.address)
      ? refs
      : await this.#bringAll(name, refs);
    const stored = this.#put(ref, text, needs, settings, context, asItIs);
    await this.#argumentsStored(handles, stored);
    return await stored;
  }

  /** Sends a task with what it takes. */
  #put<T>(
    ref: CallRef,
    text: string,
    needs: readonly Need[],
    { options, plan, patient }: Settings,
    context: TaskContext,
    use: Use<T>,
  ): Promise<T> {
    const { id, origin, taskName: name } = ref;
    const message = encodeCall(name, text, options, needs.length, carriedOf(context));
    const task: { -readonly [K in keyof NewTask]: NewTask[K] } = { id, message, needs };
    if (origin !== undefined) task.origin = origin;
    if (plan !== undefined) task.plan = plan;
    this.#waiters.called(ref);
    const used = patient ? this.#addAtLast(ref, task, use) : this.#add(ref, task, use);
    if (isStored(plan)) ref.batch = this.#enqueue.open;
    return used;
  }

  // Functions of their own, so that no more than this is kept until there are answers.

  #add<T>(ref: CallRef, task: NewTask, use: Use<T>): Promise<T> {
    const index = this.#enqueue.push(task);
    const { plan } = task;
    return this.#enqueue.answers.then((answers) =>
      use(this, ref, this.#check(ref, plan, answers[index]!))
    );
  }

  async #addAtLast<T>(ref: CallRef, task: NewTask, use: Use<T>): Promise<T> {
    return use(this, ref, this.#check(ref, task.plan, await this.#enqueueAtLast(task)));
  }

  /** When an argument could not be stored, that is what the caller must hear. */
  async #argumentsStored(handles: readonly Handle[], answer: Promise<unknown>): Promise<void> {
    const parts = handles.filter((handle) => handle instanceof Promise);
    if (parts.length > 0) await Promise.all([...parts, answer.catch(() => {})]);
  }

  /** Throws for a plan that cannot be. */
  #checkPlan(name: string, { key, window }: Plan, handles: readonly Handle[]): void {
    if (key !== undefined) checkText(name, "the key", key);
    if (window !== undefined) checkText(name, "the id", window.name);
    if (handles.length === 0 || window?.kind !== "debounce") return;
    throw new TypeError(
      `Cannot call ${name}: a call with debounce takes values only, since another one may take ` +
        "its place; wait for the result and pass the value",
    );
  }

  /** Tries again and again while the queue is full. */
  async #enqueueAtLast(task: NewTask): Promise<EnqueueAnswer> {
    let pause = FIRST_PAUSE;
    while (true) {
      const answer = await this.#enqueue.add(task);
      if (answer !== "full" || this.#closed !== undefined) return answer;
      await waitUntil(this.#closing.promise, { timeout: pause });
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    }
  }

  #check(ref: TaskRef, plan: Plan | undefined, answer: EnqueueAnswer): Stored {
    if (answer instanceof Error) throw answer;
    const { taskName: name } = ref;
    this.#waiters.answered(ref);
    if (answer === "duplicate") throw new DuplicateTask(name, this.name, ref.id);
    if (answer === "full") throw new QueueFull(name, this.name, plan!.maxLength!);
    if (typeof answer === "string") return answer;
    // The call has joined another one: its reference is that one's from now on. Nobody has used it
    // before, see `#isSent`.
    const { id, origin } = answer;
    Object.assign(ref, { id, origin });
    if (origin === undefined) delete (ref as { origin?: string }).origin;
    return "enqueued";
  }

  /** Results of other queues are brought here: what to need instead. */
  async #bringAll(name: string, refs: readonly TaskRef[]): Promise<readonly Need[]> {
    const { address } = this.taskQueue;
    const foreign = refs.filter((ref) => ref.address !== address);
    foreign.forEach((ref) => this.#checkServer(name, ref));
    const standIns = new Map(foreign.map((ref) => [ref, standInFor(ref)]));
    await Promise.all(foreign.map((ref) => {
      const from = this.#sibling(placeOf(ref.address).name);
      return bring(ref, standIns.get(ref)!.need, from, this.taskQueue);
    }));
    // In one tick with the call itself: they are stored together, in this order.
    for (const { task } of standIns.values()) this.#enqueue.add(task).catch(() => {});
    return refs.map((ref) => standIns.get(ref)?.need ?? ref);
  }

  #sibling(name: string): TaskQueue {
    const known = this.#siblings.get(name) ?? this.taskQueue.sibling(name);
    this.#siblings.set(name, known);
    return known;
  }

  /**
   * Whether the queue knows the task behind a handle before a call that is sent now: it is stored,
   * or in the batch that this call joins. What may be refused, or join another call, must be known
   * first.
   */
  #isSent(handle: Handle): boolean {
    if (!(handle instanceof Promise)) return true;
    const ref = refOf(handle);
    if (ref === undefined || ref.origin !== undefined) return false;
    const { batch } = ref as CallRef;
    return batch !== undefined && batch === this.#enqueue.open;
  }

  async #resolve(name: string, handle: Handle): Promise<TaskRef> {
    const ref = refOf(await handle);
    if (ref !== undefined) return ref;
    throw new TypeError(
      `Cannot call ${name}: an argument is a promise, but not of a Deferred; await it first`,
    );
  }

  #checkServer(name: string, ref: TaskRef): void {
    const { address } = this.taskQueue;
    if (placeOf(ref.address).server === placeOf(address).server) return;
    throw new TypeError(
      `Cannot call ${name} on ${address}: argument ${ref.taskName} ${ref.id} is on ` +
        `${ref.address}, and a result goes to tasks of the same server only; wait for it and pass ` +
        "the value",
    );
  }
}

const asItIs: Use<Stored> = (_producer, _ref, stored) => stored;

/** Whether a call with this plan is stored for certain, under its own id. */
function isStored(plan: Plan | undefined): boolean {
  return plan?.maxLength === undefined && plan?.window === undefined;
}

/** What a message has of a context. */
function carriedOf(context: TaskContext): TaskContext | undefined {
  const isEmpty = context === NO_CONTEXT || Object.keys(context).length === 0;
  return isEmpty ? undefined : context;
}

function checkText(name: string, what: string, text: unknown): void {
  // deno-lint-ignore no-control-regex -- control characters separate texts from each other
  const fits = typeof text === "string" && /^[^\x00-\x1f]+$/.test(text);
  if (fits && text.length <= MAX_ID && text.isWellFormed()) return;
  const received = typeof text === "string" ? JSON.stringify(text.slice(0, 60)) : String(text);
  throw new TypeError(
    `Cannot call ${name}: ${what} must be 1 to ${MAX_ID} characters, none of them a control ` +
      `character or half a pair, received ${received}`,
  );
}
