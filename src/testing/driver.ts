/** A caller and a pool on one task queue, driven by hand, one step at a time. */
import { DEFAULT_POLICY, encodeMessage, type Message, nameIn } from "../message.ts";
import { encodeFailure } from "../outcome.ts";
import type {
  CancelAnswer,
  Claim,
  EnqueueAnswer,
  ExchangeAnswer,
  Need,
  NewTask,
  Outcome,
  Plan,
  Report,
  TaskQueue,
} from "../task_queue.ts";

/** A task to be enqueued by a test. */
export interface TaskSpec extends Partial<Message> {
  readonly id: string;
  /** The tasks whose results it takes; an id alone means whatever has it. */
  readonly takes?: readonly (string | Need)[];
  readonly origin?: string;
  /** When it is to run; `priority` and `expiresAt` are part of the message. */
  readonly plan?: Omit<Plan, "priority" | "expiresAt">;
}

/** Milliseconds from the end of an attempt with `retry` to the next one. */
export const RETRY = 1_000;

/** How a test ends an attempt. */
export type Ending = "success" | "failed" | "retry" | "returned" | "lost";

/** Drives a task queue. */
export class Driver {
  readonly queue: TaskQueue;
  /** Outcomes that were pushed, by id. */
  readonly heard = new Map<string, Outcome | undefined>();
  /** How often a pool was to wake up. */
  wakes = 0;
  #exchanges = 0;
  #pushed = Promise.withResolvers<void>();

  constructor(queue: TaskQueue) {
    this.queue = queue;
    queue.listen({
      outcome: (id, outcome) => {
        this.heard.set(id, outcome);
        this.#pushed.resolve();
        this.#pushed = Promise.withResolvers();
      },
      wake: () => this.wakes++,
    });
  }

  /** Enqueues tasks in one call. */
  enqueue(...specs: TaskSpec[]): Promise<EnqueueAnswer[]> {
    return this.queue.enqueue(specs.map(toNewTask));
  }

  /** Claims up to `want` tasks. */
  async claim(want = 1, pool = "pool"): Promise<readonly Claim[]> {
    return (await this.exchange({ pool, want })).claims;
  }

  /** All outcomes that a claimed task takes, `needs` of them. */
  async inputs({ id, inputs }: Claim, needs: number): Promise<Outcome[]> {
    const { length } = inputs;
    return [...inputs, ...await this.queue.inputs(id, length, needs - length)];
  }

  /** Ends attempts. The value of a success is the id of the task. */
  async end(kind: Ending, ...claims: Claimed[]): Promise<void> {
    await this.exchange({ reports: claims.map((claim) => this.report(kind, claim)) });
  }

  /** Claims the next task and ends it well. */
  async run(): Promise<string> {
    const [claim] = await this.claim();
    if (claim === undefined) throw new Error("Cannot run a task: none is ready");
    await this.end("success", claim);
    return claim.id;
  }

  /** How `kind` of end is reported. */
  report(kind: Ending, { id, fence, message = "" }: Claimed, keep = 60_000): Report {
    const name = nameIn(message);
    const report = { id, fence, kind, keep, delay: RETRY, text: this.#text(kind, id) };
    return name === undefined ? report : { ...report, name };
  }

  /** One exchange, and more of them until nothing inside the queue is left to do. */
  async exchange(request: Partial<Parameters<TaskQueue["exchange"]>[0]>): Promise<ExchangeAnswer> {
    const exchange = {
      pool: "pool",
      number: this.#exchanges++,
      reports: [],
      renewals: [],
      want: 0,
      lease: 15_000,
      ...request,
    };
    const answer = await this.queue.exchange(exchange);
    for (let { more } = answer; more;) ({ more } = await this.exchange({ pool: "settler" }));
    return answer;
  }

  /** Status of a task; `expired` when the queue does not know it. */
  async status(id: string): Promise<string> {
    return (await this.queue.inspect(id))?.status ?? "expired";
  }

  /** Cancels tasks, whoever called them. */
  cancel(...ids: string[]): Promise<CancelAnswer[]> {
    return this.queue.cancel(ids.map((id) => ({ id })));
  }

  /** The outcome that is pushed for a task. The answer to the call that ended it may be faster. */
  async hear(id: string): Promise<Outcome | undefined> {
    while (!this.heard.has(id)) await this.#pushed.promise;
    return this.heard.get(id);
  }

  /** The outcome of a task that is over. */
  async outcome(id: string, origin?: string): Promise<Outcome | undefined> {
    return (await this.queue.wait([origin === undefined ? { id } : { id, origin }]))[0];
  }

  #text(kind: Ending, id: string): string {
    switch (kind) {
      case "success":
        return JSON.stringify(id);
      case "failed":
      case "retry":
        return encodeFailure({ task: "t", queue: this.queue.name, id }, "bad");
      case "lost":
        return "its worker was lost";
      case "returned":
        return "";
    }
  }
}

/** What is reported of a claim. */
type Claimed = Pick<Claim, "id" | "fence"> & Partial<Pick<Claim, "message">>;

function toNewTask({ id, takes = [], origin, plan, ...message }: TaskSpec): NewTask {
  const { priority, expiresAt } = message;
  const whole = { ...DEFAULT_POLICY, name: "t", args: "[]", needs: takes.length, ...message };
  const planned: Plan = {
    ...plan,
    ...(priority === undefined ? {} : { priority }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
  return {
    id,
    message: encodeMessage(whole),
    needs: takes.map((take) => typeof take === "string" ? { id: take } : take),
    ...(Object.keys(planned).length > 0 ? { plan: planned } : {}),
    ...(origin === undefined ? {} : { origin }),
  };
}
